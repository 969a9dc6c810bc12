"""How does what a chat model says become events? The one way for chunks and for whole answers."""

from weir.v1.generation_pb2 import FinishReason, GenerationEvent
from weir_server.core.errors import (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStreamBroken,
)
from weir_server.providers.wire.openai.errors import explain_said
from weir_server.providers.wire.openai.finish import FAILURES, end_event, reason_of
from weir_server.providers.wire.openai.logprobs import chat_logprobs, completion_logprobs
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import Choice, Chunk, Logprob, Logprobs, Said
from weir_server.providers.wire.openai.tool_calls import ToolCalls
from weir_server.providers.wire.openai.usage import read_usage
from weir_server.providers.wire.parts import HELD_MAX_CHARS, PartWriter, TextKind


class ChatAnswer:
    """One answer of a chat model, as far as it has come.

    `hide_reasoning` leaves reasoning out, for callers that asked for none of it.
    """

    __slots__ = (
        "_calls",
        "_choice",
        "_first",
        "_hide_reasoning",
        "_last",
        "_quirks",
        "_usage",
        "finished",
        "noted",
        "writer",
    )

    def __init__(self, quirks: Quirks, *, hide_reasoning: bool) -> None:
        self.writer = PartWriter()
        self.finished = False
        """Whether the vendor has said why the answer ended."""
        self.noted = False
        """Whether the vendor has said anything at all."""
        self._calls = ToolCalls(self.writer)
        self._choice = Choice()
        """The choice that said why the answer ended; the first one wins."""
        self._first = Chunk()
        self._last = self._first
        self._usage: object = None
        """What the vendor said last of usage: where it repeats itself, the last is the sum."""
        self._quirks = quirks
        self._hide_reasoning = hide_reasoning

    @property
    def begun(self) -> bool:
        """Whether the answer holds anything."""
        return self.writer.produced or self._calls.waiting

    def note(self, chunk: Chunk) -> None:
        """Take what a chunk says of the answer as a whole."""
        if not self._first.model:
            # Azure's first chunk is about filters and names neither model nor id.
            self._first = chunk
        self._last = chunk
        self.noted = True
        if chunk.usage is not None:
            self._usage = chunk.usage

    def say(self, said: Said, logprobs: Logprobs | None) -> None:
        """Write what the model says."""
        writer = self.writer
        reasoning = said.reasoning_content or said.reasoning
        if reasoning and not self._hide_reasoning:
            writer.text(TextKind.REASONING, reasoning)
        if logprobs is not None:
            self._say_with_logprobs(TextKind.TEXT, said.content, logprobs.content)
            self._say_with_logprobs(TextKind.REFUSAL, said.refusal, logprobs.refusal)
        else:
            if said.content:
                writer.text(TextKind.TEXT, said.content)
            if said.refusal:
                writer.text(TextKind.REFUSAL, said.refusal)
        if said.tool_calls:
            self._calls.take(said.tool_calls, response_id=self._first.id or "")
        if said.function_call is not None:
            self._calls.take_function(said.function_call, response_id=self._first.id or "")

    def complete(self, text: str, logprobs: Logprobs | None) -> None:
        """Write what a completion says."""
        if logprobs is not None and logprobs.tokens:
            self.writer.text_with_logprobs(TextKind.TEXT, text, completion_logprobs(logprobs))
        elif text:
            self.writer.text(TextKind.TEXT, text)

    def finish(self, choice: Choice) -> None:
        """Take why the answer ended; saying it again changes nothing."""
        if not self.finished and choice.finish_reason:
            self._choice = choice
            self.finished = True

    def fault(self) -> UpstreamError | None:
        """Say whether what has come so far breaks the answer."""
        if self._choice.finish_reason in FAILURES:
            return self.broken_off(self._choice.error)
        if self.writer.held_chars > HELD_MAX_CHARS:
            return UpstreamProtocolError(metadata={"cause": "too_large"})
        return None

    def broken_off(self, error: object) -> UpstreamError:
        """Return what an error in the midst of the answer means."""
        if self.writer.produced:
            return UpstreamStreamBroken(metadata={"cause": "error_event"})
        return explain_said(error)

    def end(self) -> GenerationEvent:
        """Close all parts and return the `end` of a complete answer."""
        writer = self.writer
        self._calls.close()
        writer.close()
        choice = self._choice
        stop_sequence = _stop_sequence(choice)
        if not self.finished:
            # An answer that holds nothing: a safety block of some servers.
            reason = FinishReason.FINISH_REASON_STOP
        elif stop_sequence and choice.finish_reason == "stop":
            reason = FinishReason.FINISH_REASON_STOP_SEQUENCE
        else:
            label = choice.finish_reason or ""
            reason = reason_of(label, refused=writer.refused, called=writer.called)
        first, last = self._first, self._last
        usage = None
        if self._usage is not None:
            usage = read_usage(self._usage, produced=writer.produced, quirks=self._quirks)
        return end_event(
            reason=reason,
            label=choice.finish_reason or "",
            stop_sequence=stop_sequence,
            model=first.model or "",
            usage=usage,
            attributes={
                "openai.id": first.id or "",
                "openai.system_fingerprint": last.system_fingerprint
                or first.system_fingerprint
                or "",
                "openai.service_tier": last.service_tier or first.service_tier or "",
            },
        )

    def _say_with_logprobs(
        self, kind: TextKind, text: str | None, tokens: list[Logprob] | None
    ) -> None:
        if tokens:
            self.writer.text_with_logprobs(kind, text or "", chat_logprobs(tokens))
        elif text:
            self.writer.text(kind, text)


def _stop_sequence(choice: Choice) -> str:
    """Return the stop sequence that vLLM and SGLang name; they name a token by its number."""
    for named in (choice.stop_reason, choice.matched_stop):
        if isinstance(named, str):
            return named
    return ""
