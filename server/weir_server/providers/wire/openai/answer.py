"""How does what a chat model says become events? The one way for chunks and for whole answers."""

from weir.v1.generation_pb2 import (
    FINISH_REASON_STOP,
    FINISH_REASON_STOP_SEQUENCE,
    GenerationEvent,
)
from weir_server.core.errors import (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStreamBroken,
)
from weir_server.providers.wire.ending import end_event
from weir_server.providers.wire.logprobs import token_logprobs
from weir_server.providers.wire.openai.errors import explain_said
from weir_server.providers.wire.openai.extras import (
    images,
    say_pieces,
)
from weir_server.providers.wire.openai.finish import FAILURES, reason_of
from weir_server.providers.wire.openai.logprobs import completion_logprobs
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import Choice, Chunk, Logprobs, Said
from weir_server.providers.wire.openai.sounds import Sound
from weir_server.providers.wire.openai.sources import Sources
from weir_server.providers.wire.openai.thoughts import Thoughts
from weir_server.providers.wire.openai.tool_calls import ToolCalls
from weir_server.providers.wire.openai.usage import write_usage
from weir_server.providers.wire.parts import (
    HELD_MAX_CHARS,
    PartWriter,
    TextKind,
)

# An enum searches for its members too: once is enough.
_TEXT = TextKind.TEXT
_REFUSAL = TextKind.REFUSAL


class ChatAnswer:
    """One answer of a chat model, as far as it has come.

    `failure` is set when what has come breaks the answer. `hide_reasoning` leaves the text of
    reasoning out, for callers that asked for none of it.
    """

    __slots__ = (
        "_calls",
        "_choice",
        "_first",
        "_last",
        "_quirks",
        "_sound",
        "_sound_type",
        "_sources",
        "_thoughts",
        "_usage",
        "failure",
        "finished",
        "writer",
    )

    def __init__(self, quirks: Quirks, *, hide_reasoning: bool, sound_type: str = "") -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self.finished = False
        """Whether the vendor has said why the answer ended."""
        self._calls: ToolCalls | None = None
        """None until there is a tool call."""
        self._choice = Choice()
        """The choice that said why the answer ended; the first one wins."""
        self._first: Chunk | None = None
        """The first chunk that has a name; Azure's very first is about filters only."""
        self._last: Chunk | None = None
        """The last chunk that has a list of choices, be it empty."""
        self._usage: object = None
        """What the vendor said last of usage: where it repeats itself, the last is the sum."""
        self._quirks = quirks
        self._sound_type = sound_type
        self._sound: Sound | None = None
        """None until the model says something aloud."""
        self._sources = Sources(self.writer, quirks)
        self._thoughts = Thoughts(self.writer, quirks, hide=hide_reasoning)

    @property
    def cut(self) -> bool:
        """Whether an end now would leave something out: the reason of an answer that has begun.

        An answer that holds nothing needs no reason, but the vendor must have counted it: a role
        alone, or a first chunk about filters, is what a server says that then breaks off.
        """
        sound = self._sound
        if self.finished:
            return sound is not None and sound.is_cut
        begun = self.writer.produced or sound is not None
        begun = begun or (self._calls is not None and self._calls.waiting)
        return begun or self._last is None or self._usage is None

    def take(self, chunk: Chunk) -> None:
        """Take a chunk of a stream."""
        self._last = chunk
        if (
            self._first is None
            or chunk.usage is not None
            or chunk.x_groq is not None
            or chunk.error is not None
        ):
            self.note(chunk)
            if self.failure is not None:
                return
        for choice in chunk.choices or ():
            if choice.index:
                continue  # another answer, which nobody asked for
            delta = choice.delta
            if delta is not None:
                self._say(delta, choice.logprobs)
            elif choice.text is not None:
                self._complete(choice.text, choice.logprobs)
            if choice.finish_reason or self.writer.held_chars:
                self._finish(choice)

    def take_whole(self, chunk: Chunk) -> None:
        """Take a whole answer."""
        self._last = chunk
        self.note(chunk)
        if self.failure is not None:
            return
        for choice in chunk.choices or ():
            if choice.index:
                continue
            if choice.message is not None:
                # In a whole answer each call stands alone, with or without an id.
                for number, call in enumerate(choice.message.tool_calls or ()):
                    call.index = number
                self._say(choice.message, choice.logprobs)
            elif choice.text is not None:
                self._complete(choice.text, choice.logprobs)
            self._finish(choice)

    def note(self, chunk: Chunk) -> None:
        """Keep what a chunk says beside its choices.

        An error is one whatever it holds: servers send `{}` and "" for want of words.
        """
        if self._first is None and (chunk.model or chunk.id):
            self._first = chunk
        if chunk.usage is not None:
            self._usage = chunk.usage
        elif isinstance(chunk.x_groq, dict) and chunk.x_groq.get("usage") is not None:
            self._usage = chunk.x_groq["usage"]
        if chunk.error is not None:
            self.break_off(chunk.error)

    def _say(self, said: Said, logprobs: Logprobs | None) -> None:
        """Write what the model says."""
        writer, thoughts = self.writer, self._thoughts
        reasoning = said.reasoning_content or said.reasoning
        if reasoning:
            thoughts.say(reasoning)
        content = said.content
        if said.reasoning_details:
            thoughts.detail(said.reasoning_details)
        if isinstance(content, list):
            self._sources.skip()
            say_pieces(writer, content, self._quirks, thoughts)
            content = None
        if thoughts.held and (content or said.refusal or said.tool_calls or said.function_call):
            thoughts.settle()
        if logprobs is not None:
            self._say_with_logprobs(_TEXT, content, logprobs)
            self._say_with_logprobs(_REFUSAL, said.refusal, logprobs, refused=True)
        else:
            if content:
                self._sources.text(content)
                writer.text(_TEXT, content)
            if said.refusal:
                writer.text(_REFUSAL, said.refusal)
        if said.annotations or said.images or said.audio:
            self._add_more(said)
        if said.tool_calls or said.function_call is not None:
            self._call(said)

    def _add_more(self, said: Said) -> None:
        """Write what stands beside the text: images, a piece of a sound, what is annotated."""
        for part in images(said.images, self._quirks):
            self.writer.add_part(part)
        if said.audio:
            if self._sound is None:
                self._sound = Sound(self.writer, self._quirks, self._sound_type)
            if not self._sound.take(said.audio):
                self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
        self._sources.annotate(said.annotations)

    def _call(self, said: Said) -> None:
        """Write the tools that the model calls."""
        if self._calls is None:
            self._calls = ToolCalls(self.writer, self._quirks)
        response_id = (self._first.id if self._first is not None else None) or ""
        if said.tool_calls:
            self._calls.take(said.tool_calls, response_id=response_id)
        if said.function_call is not None:
            self._calls.take_function(said.function_call, response_id=response_id)

    def _complete(self, text: str, logprobs: Logprobs | None) -> None:
        """Write what a completion says."""
        if logprobs is not None:
            self._say_with_logprobs(_TEXT, text, logprobs)
        elif text:
            self.writer.text(_TEXT, text)

    def _finish(self, choice: Choice) -> None:
        """Take why the answer ended; saying it again changes nothing."""
        if not self.finished and choice.finish_reason:
            self._choice = choice
            self.finished = True
            if choice.finish_reason in FAILURES:
                self.break_off(choice.error)
        if self.writer.held_chars > HELD_MAX_CHARS:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})

    def break_off(self, error: object) -> None:
        """Take an error instead of the rest of the answer."""
        if self.failure is not None:
            return
        if self.writer.produced:
            self.failure = UpstreamStreamBroken(metadata={"cause": "error_event"})
        else:
            self.failure = explain_said(error, own=self._quirks.refusal_codes)

    def end(self) -> GenerationEvent:
        """Close all parts and return the `end` of a complete answer."""
        writer = self.writer
        self._thoughts.settle()
        if self._calls is not None:
            self._calls.close()
        last = self._last or Chunk()
        self._sources.close(last)
        if self._sound is not None:
            self._sound.close()
        writer.close()
        choice = self._choice
        stop_sequence = _stop_sequence(choice)
        if not self.finished:
            # An answer that holds nothing: a safety block of some servers.
            reason = FINISH_REASON_STOP
        elif stop_sequence and choice.finish_reason == "stop":
            reason = FINISH_REASON_STOP_SEQUENCE
        else:
            label = choice.finish_reason or ""
            reason = reason_of(label, refused=writer.refused, called=writer.called)
        first = self._first or last
        event = end_event(
            reason=reason,
            label=choice.finish_reason or "",
            stop_sequence=stop_sequence,
            model=first.model or "",
            attributes=(
                ("openai.id", first.id),
                ("openai.system_fingerprint", last.system_fingerprint or first.system_fingerprint),
                ("openai.service_tier", last.service_tier or first.service_tier),
            ),
        )
        if self._usage is not None:
            write_usage(event.end.usage, self._usage, produced=writer.produced, quirks=self._quirks)
        return event

    def _say_with_logprobs(
        self, kind: TextKind, text: str | None, logprobs: Logprobs, *, refused: bool = False
    ) -> None:
        """Write text with what is known of its tokens.

        llama.cpp gives a completion's the shape of a chat's, and Together a chat's that of a
        completion.
        """
        tokens = logprobs.refusal if refused else logprobs.content
        if text and not refused:
            self._sources.text(text)
        if tokens:
            self.writer.text_with_logprobs(kind, text or "", token_logprobs(tokens))
        elif logprobs.tokens and not refused:
            self.writer.text_with_logprobs(kind, text or "", completion_logprobs(logprobs))
        elif text:
            self.writer.text(kind, text)


def _stop_sequence(choice: Choice) -> str:
    """Return the stop sequence that vLLM and SGLang name; they name a token by its number."""
    if isinstance(choice.stop_reason, str):
        return choice.stop_reason
    return choice.matched_stop if isinstance(choice.matched_stop, str) else ""
