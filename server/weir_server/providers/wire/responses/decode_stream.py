"""What does a stream say? Events of the contract, from the vendor's own in server-sent events.

The vendor's reference, "Streaming events": the last is `response.completed`, `response.incomplete`
or `response.failed`, and holds the whole answer; or it is `error`.
"""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.openai.errors import is_error
from weir_server.providers.wire.parts import TextKind
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.responses.answer import Answer
from weir_server.providers.wire.responses.decode_unary import UnaryDecoder
from weir_server.providers.wire.responses.shapes import RESPONSE, Event, event_of, mended
from weir_server.providers.wire.sse import BOM, SseSplitter

EVENT_MAX_BYTES = 16 << 20
"""The last event repeats the whole answer, so it may be much larger than a delta."""

_TEXTS = {
    "response.output_text.delta": TextKind.TEXT,
    "response.refusal.delta": TextKind.REFUSAL,
    "response.reasoning_summary_text.delta": TextKind.SUMMARY,
    "response.reasoning_text.delta": TextKind.REASONING,
}
_ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
"""The last events, with the status they stand for."""


class StreamDecoder:
    """Decodes one streamed answer; see base.Decoder."""

    __slots__ = (
        "_answer",
        "_begun",
        "_mark",
        "_splitter",
        "_whole",
        "done",
        "failure",
    )

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._answer = Answer(hide_reasoning=hide_reasoning)
        self._splitter = SseSplitter(max_event_bytes=EVENT_MAX_BYTES)
        self._begun = False
        self._mark = b""
        """A byte order mark that came at the very start, or a piece of one."""
        self._whole: UnaryDecoder | None = UnaryDecoder(hide_reasoning=hide_reasoning)
        """Decodes what is no stream: an error, or an answer of a server that cannot stream."""

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if self._over():
            return []
        if not self._begun:
            data = self._begin(data)
        if self._whole is not None:
            self._whole.feed(data)
            return []
        if not data:
            return []
        for name, said in self._splitter.feed(data):
            self._take(name, said)
            if self.done or self.failure is not None:
                break
        if self._splitter.failure is not None and not self._over():
            self.failure = self._splitter.failure
        return self._answer.writer.take()

    def finish(self) -> Batch | None:
        """Take the end of the body: a good one only after the answer's own end."""
        if self._over():
            return None
        if self._whole is not None and self._begun:
            batch = self._whole.finish()
            self.done, self.failure = self._whole.done, self._whole.failure
            return batch
        rest = self._splitter.rest()
        # Some servers leave out the blank line after the last event.
        if rest is not None and _ends(rest[1]):
            self._take(*rest)
        if not self._over():
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        return self._answer.writer.take() or None

    def _over(self) -> bool:
        return self.done or self.failure is not None

    def _begin(self, data: bytes) -> bytes:
        """Look at the first bytes; return what is to be read of them.

        The first that is neither blank nor of a byte order mark tells what the body is.
        """
        data = (self._mark + data).lstrip().removeprefix(BOM).lstrip()
        if BOM.startswith(data):
            self._mark = data
            return b""
        self._begun = True
        if data.startswith(b"<"):
            self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
            return b""
        if not data.startswith((b"{", b"[")):
            self._whole = None
        return data

    def _take(self, name: bytes, said: bytes) -> None:
        if said == b"[DONE]":
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
            return
        event = event_of(said)
        try:
            if event is None:
                raise ValueError("no JSON object")
            self._take_event(event, event.type or name.decode(), said)
        except (ValueError, RecursionError):
            self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
        if self.failure is None:
            self.failure = self._answer.failure

    def _take_event(self, event: Event, kind: object, said: bytes) -> None:
        answer = self._answer
        if not isinstance(kind, str):
            raise ValueError("a type that is no text")
        if (text_kind := _TEXTS.get(kind)) is not None:
            answer.say(event, text_kind)
            return
        match kind:
            case "response.function_call_arguments.delta":
                answer.argue(event)
            case "response.output_text.annotation.added":
                answer.annotate(event)
            case "response.content_part.done":
                answer.repeat(event)
            case "response.output_item.added":
                answer.begin(event)
            case "response.output_item.done":
                answer.complete(event.output_index, event.item)
            case "error":
                answer.break_off(decode(ANYTHING, said, utf8_errors="replace"))
            case _ if kind in _ENDS:
                self._end(event, _ENDS[kind])
            case "" if is_error(other := decode(ANYTHING, said, utf8_errors="replace")):
                answer.break_off(other)
            case "":
                raise ValueError("an event without a type")
            case _:
                pass  # progress, and what the item's end repeats

    def _end(self, event: Event, status: str) -> None:
        response = RESPONSE.decode(mended(event.response))
        response.status = status
        end = self._answer.end(response)
        if end is not None:
            self._answer.writer.add(end)
            self.done = True


def _ends(said: bytes) -> bool:
    event = event_of(said)
    return event is not None and isinstance(event.type, str) and event.type in _ENDS
