"""How does what Gemini says become events? The one way for chunks and for whole answers."""

from collections.abc import Sequence

from msgspec import Raw

from weir.v1.content_pb2 import Citation
from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamError, UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.ending import end_event
from weir_server.providers.wire.gemini.citations import citations_of
from weir_server.providers.wire.gemini.errors import explain_said
from weir_server.providers.wire.gemini.finish import UNFINISHED, reason_of
from weir_server.providers.wire.gemini.logprobs import logprobs_of
from weir_server.providers.wire.gemini.parts import Parts
from weir_server.providers.wire.gemini.server_tools import text_of
from weir_server.providers.wire.gemini.shapes import (
    NOTHING,
    Candidate,
    Chunk,
    TextChunk,
    TextPart,
    read_text,
)
from weir_server.providers.wire.gemini.usage import counts_prompt, read_usage, write_usage
from weir_server.providers.wire.parts import (
    HELD_MAX_CHARS,
    HELD_OVERHEAD_CHARS,
    PartWriter,
    TextKind,
    whole,
)

# An enum searches for its members too: once is enough.
_TEXT = TextKind.TEXT
_REASONING = TextKind.REASONING


class Answer:
    """One answer, as far as it has come.

    `failure` is set when what has come breaks the answer. `hide_thoughts` leaves thoughts out, for
    callers that asked for none of them.
    """

    __slots__ = (
        "_attributes",
        "_blocked",
        "_cited",
        "_hide_thoughts",
        "_kind",
        "_label",
        "_model",
        "_parts",
        "_usage",
        "counted",
        "failure",
        "finished",
        "writer",
    )

    def __init__(self, kind: str, *, hide_thoughts: bool) -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self.finished = False
        """Whether the vendor has said why the answer ended."""
        self.counted = False
        """Whether it has told the tokens then or later: nothing is missing any more."""
        self._parts = Parts(self.writer, kind, hide_thoughts=hide_thoughts)
        self._kind = kind
        self._hide_thoughts = hide_thoughts
        self._label = ""
        self._blocked = False
        """Whether it was the prompt that was blocked."""
        self._model = ""
        self._usage = NOTHING
        self._attributes: dict[str, str] = {}
        self._cited: set[bytes] = set()
        """Citations that were named; some chunks repeat those of earlier ones."""

    def take_texts(self, chunk: TextChunk) -> None:
        """Take a chunk that says text, as nearly every one of a stream does."""
        if not self._model:
            self._name(chunk)
        for candidate in chunk.candidates:
            if candidate.index:
                continue  # another answer, which nobody asked for
            content = candidate.content
            if content is not None and content.parts is not None:
                for part in content.parts:
                    if part.text and not part.thought:
                        self.writer.text(_TEXT, part.text)
                    else:
                        self._say(part)
            if candidate.finish_reason is not None:
                self._finish(candidate.finish_reason)
        self._count(chunk.usage_metadata)

    def take(self, chunk: Chunk) -> None:
        """Take a chunk of any kind, or a whole answer."""
        if chunk.error is not None:
            self.break_off(chunk.error)
            return
        if not self._model:
            self._name(chunk)
        for candidate in chunk.candidates or ():
            if candidate.index:
                continue
            self._take(candidate)
            if self.failure is not None:
                return
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason and not self.finished:
            self._blocked = self.finished = True
            self._label = feedback.block_reason
        self._count(chunk.usage_metadata)

    def _count(self, usage: Raw) -> None:
        """Keep what was said last of usage: it counts from the beginning each time."""
        if usage is not NOTHING:
            self._usage = usage
            self.counted = self.finished and counts_prompt(usage)

    def _name(self, chunk: TextChunk | Chunk) -> None:
        self._model = chunk.model_version or ""
        self._parts.response_id = whole(chunk.response_id or "")

    def _take(self, candidate: Candidate) -> None:
        sources = self._sources(candidate)
        content = candidate.content
        for part in (content.parts if content is not None else None) or ():
            if (plain := read_text(part)) is not None:
                self._say(plain)
                continue
            # What has a part of its own closes the text, and sources are named in open text only.
            sources = self._cite(sources)
            if not self._parts.add(part):
                self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
                return
        self._cite(sources)
        self._say_likelihoods(candidate.logprobs_result)
        if self.writer.held_chars > HELD_MAX_CHARS:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})
        if candidate.finish_reason is not None:
            self._finish(candidate.finish_reason)
            self._note("finish_message", candidate.finish_message)
            self._note("continuation_token", candidate.continuation_token)

    def _say(self, part: TextPart) -> None:
        if part.text and not (part.thought and self._hide_thoughts):
            self.writer.text(_REASONING if part.thought else _TEXT, part.text)

    def _finish(self, label: str) -> None:
        """Take why the answer ended."""
        if label not in UNFINISHED:
            self._label = label
            self.finished = True

    def _say_likelihoods(self, said: Raw) -> None:
        """Write how likely the words were that were just said."""
        if len(said) and self.writer.in_text and (tokens := logprobs_of(said)):
            self.writer.text_with_logprobs(_TEXT, "", tokens)

    def _sources(self, candidate: Candidate) -> list[Citation]:
        """Keep what the vendor says of sources and safety; return the citations that are new."""
        grounding, quotations = candidate.grounding_metadata, candidate.citation_metadata
        for name, said in (
            ("grounding_metadata", grounding),
            ("citation_metadata", quotations),
            ("url_context_metadata", candidate.url_context_metadata),
            ("safety_ratings", candidate.safety_ratings),
        ):
            if len(said):
                self._note(name, text_of(said))
        if not len(grounding) and not len(quotations):
            return []
        fresh = []
        for citation in citations_of(grounding, quotations):
            mark = citation.SerializeToString(deterministic=True)
            if mark not in self._cited:
                self._cited.add(mark)
                self.writer.held_chars += len(mark) + HELD_OVERHEAD_CHARS
                fresh.append(citation)
        return fresh

    def _cite(self, sources: Sequence[Citation]) -> list[Citation]:
        """Name sources of the open text; return those for which there is none yet."""
        if sources and self.writer.in_text:
            self.writer.cite(sources)
            return []
        return list(sources)

    def _note(self, name: str, said: str | None) -> None:
        if said and said != "null":
            self._attributes[f"{self._kind}.{name}"] = whole(said)

    def break_off(self, error: object) -> None:
        """Take an error instead of the rest of the answer."""
        if self.failure is not None:
            return
        if self.writer.produced:
            self.failure = UpstreamStreamBroken(metadata={"cause": "error_event"})
        else:
            self.failure = explain_said(error)

    def end(self) -> GenerationEvent:
        """Close all parts and return the `end` of a complete answer."""
        writer = self.writer
        writer.close()
        self._note("response_id", self._parts.response_id)
        event = end_event(
            reason=reason_of(self._label, blocked=self._blocked, called=writer.called),
            label=self._label,
            stop_sequence="",
            model=self._model,
            attributes=self._attributes.items(),
        )
        if self._usage is not NOTHING:
            write_usage(event.end.usage, read_usage(self._usage), produced=writer.produced)
        return event
