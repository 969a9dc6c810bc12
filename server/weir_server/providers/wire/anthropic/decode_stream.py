"""What does a streamed answer say? Events, from the vendor's own in server-sent events.

The reference "Streaming messages": `message_start`; each block with its start, deltas and stop;
`message_delta` with the reason and the usage; `message_stop`. Between them come `ping` and, instead
of the rest, `error`; events of other names may be added at any time.
"""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.anthropic.answer import MessageAnswer
from weir_server.providers.wire.anthropic.decode_unary import UnaryDecoder
from weir_server.providers.wire.anthropic.shapes import ANYTHING, EVENT, LABEL, decode
from weir_server.providers.wire.sse import BOM, SseSplitter

EVENT_MAX_BYTES = 8 << 20
"""What one event may take: what the vendor's tools have found comes in a single one."""

_STOP = "message_stop"
_NEEDED = frozenset(
    {"message_start", "content_block_start", "content_block_delta", "content_block_stop"}
    | {"message_delta", _STOP, "error", ""}
)
"""Events that an answer cannot do without."""


class StreamDecoder:
    """Decodes one streamed answer; see base.Decoder."""

    __slots__ = (
        "_answer",
        "_flowing",
        "_mark",
        "_not_a_stream",
        "_splitter",
        "_whole",
        "done",
        "failure",
    )

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._answer = MessageAnswer(hide_reasoning=hide_reasoning)
        self._splitter = SseSplitter(max_event_bytes=EVENT_MAX_BYTES)
        self._flowing = False
        """Whether the stream has begun and not ended."""
        self._mark = b""
        """A byte order mark that came at the very start, or a piece of one."""
        self._not_a_stream = False
        self._whole = UnaryDecoder(hide_reasoning=hide_reasoning)
        """Decodes what is no stream: an error, or an answer of a server that cannot stream."""

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

    def finish(self) -> Batch | None:
        """Take the end of the body: a good one only after `message_stop`."""
        if self.done or self.failure is not None:
            return None
        if self._not_a_stream:
            batch = self._whole.finish()
            self.done, self.failure = self._whole.done, self._whole.failure
            return batch
        # Some servers leave out the blank line after the last event; nothing can follow this one.
        rest = self._splitter.rest()
        last = decode(EVENT, rest[1]) if rest is not None else None
        if last is not None and last.type == _STOP:
            self._complete()
        else:
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        return self._answer.writer.take() or None

    def _take(self, name: bytes, said: bytes) -> bool:
        """Take one event; False: it was the last."""
        # The standard of server-sent events replaces what is not UTF-8.
        event = decode(EVENT, said, utf8_errors="replace")
        answer = self._answer
        if event is None:
            self._take_odd(name, said)
        elif event.type == _STOP:
            self._complete()
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

    def _begin(self, data: bytes) -> bytes:
        """Look at bytes that come before the stream has begun or after it has ended.

        Return those that belong to the stream. The first byte that is neither blank nor of a byte
        order mark tells what the body is, whatever its media type said.
        """
        if self.done or self.failure is not None:
            return b""
        if not self._not_a_stream:
            data = (self._mark + data).lstrip().removeprefix(BOM).lstrip()
            if BOM.startswith(data):
                self._mark = data
                return b""
            if data.startswith(b"<"):
                self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
                return b""
            self._not_a_stream = data.startswith((b"{", b"["))
        if self._not_a_stream:
            self._whole.feed(data)
            self.failure = self._whole.failure
            return b""
        self._flowing = True
        return data

    def _complete(self) -> None:
        answer = self._answer
        if answer.cut:
            # Proxies close a stream politely though the server behind them was cut off.
            self._fail(UpstreamStreamBroken(metadata={"cause": "cut"}))
            return
        answer.writer.add(answer.end())
        self.done = True
        self._flowing = False

    def _fail(self, failure: WeirError) -> None:
        if self.failure is None and not self.done:
            self.failure = failure
            self._flowing = False
