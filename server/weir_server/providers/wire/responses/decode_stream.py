"""What does a stream say? Events of the contract, from the vendor's own in server-sent events.

The vendor's reference, "Streaming events": the last is `response.completed`, `response.incomplete`
or `response.failed`, and holds the whole answer; or it is `error`.
"""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.openai.errors import is_error
from weir_server.providers.wire.parts import TextKind
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.responses.answer import Answer
from weir_server.providers.wire.responses.decode_unary import UnaryDecoder
from weir_server.providers.wire.responses.shapes import RESPONSE, Event, event_of, mended
from weir_server.providers.wire.streamed import StreamedAnswer

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


class StreamDecoder(StreamedAnswer):
    """Decodes one streamed answer; see base.Decoder."""

    __slots__ = ("_answer",)

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self._answer = Answer(hide_reasoning=hide_reasoning)
        super().__init__(
            self._answer.writer,
            UnaryDecoder(hide_reasoning=hide_reasoning),
            max_event_bytes=EVENT_MAX_BYTES,
        )

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if not self._flowing:
            data = self._begin(data)
            if not data:
                return []
        for name, said in self._splitter.feed(data):
            self._take(name, said)
            if not self._flowing:
                break
        if self._splitter.failure is not None:
            self._fail(self._splitter.failure)
        return self._answer.writer.take()

    @override
    def _end(self) -> None:
        """Take the end of the body: a good one only after the answer's own end."""
        rest = self._splitter.rest()
        # Some servers leave out the blank line after the last event.
        if rest is not None and _ends(rest[1]):
            self._take(*rest)

    def _take(self, name: bytes, said: bytes) -> None:
        if said == b"[DONE]":
            self._fail(UpstreamStreamBroken(metadata={"cause": "cut"}))
            return
        event = event_of(said)
        try:
            if event is None:
                raise ValueError("no JSON object")
            self._take_event(event, event.type or name.decode(), said)
        except (ValueError, RecursionError):
            self._fail(UpstreamProtocolError(metadata={"cause": "malformed"}))
        if self._answer.failure is not None:
            self._fail(self._answer.failure)

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
                self._finish(event, _ENDS[kind])
            case "" if is_error(other := decode(ANYTHING, said, utf8_errors="replace")):
                answer.break_off(other)
            case "":
                raise ValueError("an event without a type")
            case _:
                pass  # progress, and what the item's end repeats

    def _finish(self, event: Event, status: str) -> None:
        response = RESPONSE.decode(mended(event.response))
        response.status = status
        end = self._answer.end(response)
        if end is not None:
            self._complete(end)


def _ends(said: bytes) -> bool:
    event = event_of(said)
    return event is not None and isinstance(event.type, str) and event.type in _ENDS
