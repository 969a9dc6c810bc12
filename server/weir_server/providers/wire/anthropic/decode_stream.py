"""What does a streamed answer say? Events, from the vendor's own in server-sent events.

The reference "Streaming messages": `message_start`; each block with its start, deltas and stop;
`message_delta` with the reason and the usage; `message_stop`. Between them come `ping` and, instead
of the rest, `error`; events of other names may be added at any time.
"""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.anthropic.answer import MessageAnswer
from weir_server.providers.wire.anthropic.decode_unary import UnaryDecoder
from weir_server.providers.wire.anthropic.shapes import ANYTHING, EVENT, LABEL, decode
from weir_server.providers.wire.streamed import StreamedAnswer

EVENT_MAX_BYTES = 8 << 20
"""What one event may take: what the vendor's tools have found comes in a single one."""

_STOP = "message_stop"
_NEEDED = frozenset(
    {"message_start", "content_block_start", "content_block_delta", "content_block_stop"}
    | {"message_delta", _STOP, "error", ""}
)
"""Events that an answer cannot do without."""


class StreamDecoder(StreamedAnswer):
    """Decodes one streamed answer; see base.Decoder."""

    __slots__ = ("_answer",)

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self._answer = MessageAnswer(hide_reasoning=hide_reasoning)
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
        splitter = self._splitter
        for name, said in splitter.feed(data):
            if not self._take(name, said):
                break
        if splitter.failure is not None:
            self._fail(splitter.failure)
        return self._answer.writer.take()

    @override
    def _end(self) -> None:
        """Take the end of the body: a good one only after `message_stop`."""
        # Some servers leave out the blank line after the last event; nothing can follow this one.
        rest = self._splitter.rest()
        last = decode(EVENT, rest[1]) if rest is not None else None
        if last is not None and last.type == _STOP:
            self._finish()

    def _take(self, name: bytes, said: bytes) -> bool:
        """Take one event; False: it was the last."""
        # The standard of server-sent events replaces what is not UTF-8.
        event = decode(EVENT, said, utf8_errors="replace")
        answer = self._answer
        if event is None:
            self._take_odd(name, said)
        elif event.type == _STOP:
            self._finish()
            return False
        elif event.error is not None or name == b"error":
            answer.break_off(decode(ANYTHING, said, utf8_errors="replace"))
        else:
            answer.take(event, said)
        if answer.failure is not None:
            self._fail(answer.failure)
            return False
        return True

    def _take_odd(self, name: bytes, said: bytes) -> None:
        """Take an event that has not the shape of the vendor's; one of an unknown name may."""
        label = decode(LABEL, said, utf8_errors="replace")
        if name == b"error":
            self._answer.break_off(decode(ANYTHING, said, utf8_errors="replace"))
        elif label is None or label.type in _NEEDED:
            # Most likely an error in words of its own; skipped, its answer could pass for complete.
            self._answer.failure = UpstreamProtocolError(metadata={"cause": "malformed"})

    def _finish(self) -> None:
        answer = self._answer
        if answer.cut:
            # Proxies close a stream politely though the server behind them was cut off.
            self._fail(UpstreamStreamBroken(metadata={"cause": "cut"}))
        else:
            self._complete(answer.end())
