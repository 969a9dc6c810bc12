"""What does the far Weir's stream say? Its events, as a provider tells them inside this one.

Pure: messages in, batches out. The far stream is numbered, begins with `start` and is kept alive by
heartbeats; the near edge makes all three itself, so here they are checked, heard and left out. A
stream that breaks the contract is a senseless answer, however good its parts look.
"""

from collections.abc import Iterable

from google.protobuf.unknown_fields import UnknownFieldSet

from weir.v1.generation_pb2 import GenerationEvent, PartDelta, PartEnd, Phase, StreamEnd
from weir.v1.provider_service_pb2 import ChatRequest, StreamChatResponse, StreamCompleteResponse
from weir_server.core.errors import UpstreamProtocolError
from weir_server.core.handler import Request
from weir_server.providers.weir.unfold import read

_SAYS_NOTHING = frozenset({"start", "usage_update"})
_WAITS = frozenset({"warning", None})
"""Events that go out with what follows them: alone they would pass for the beginning of an answer.
None: a kind that these stubs do not know."""
_FILLS = {
    "text": "text",
    "reasoning": "text",
    "refusal": "text",
    "tool_call": "arguments_json",
    "server_tool_call": "arguments_json",
    "media": "inline_data",
}
"""What fills which kind of part; others come whole."""
_NOT_OPEN = "not open"
OPEN_MAX_PARTS = 1 << 12
"""More parts than any answer has open at once."""
WAITING_MAX_EVENTS = 1 << 12
"""More warnings than any answer begins with."""


class Relay:
    """One far stream."""

    __slots__ = ("_is_chat", "_open", "_opened", "_sequence", "_waiting", "end", "failed", "phase")

    def __init__(self, request: Request) -> None:
        self._is_chat = isinstance(request, ChatRequest)
        self._sequence = 0
        self._open: dict[int, str | None] = {}
        """The kind of each open part by its index; None: these stubs do not know it."""
        self._opened = 0
        self._waiting: list[GenerationEvent] = []
        self.end: StreamEnd | None = None
        """The end of a whole answer, which the last batch holds."""
        self.failed: StreamEnd | None = None
        """The end that tells of a failure, which no batch holds."""
        self.phase: Phase.ValueType | None = None
        """What the far Weir was doing when it last said so."""

    @property
    def answered(self) -> bool:
        """Whether a part has begun."""
        return self._opened > 0

    def feed(self, message: bytes) -> list[GenerationEvent]:
        """Return what a message brings of the answer; nothing, where it only shows life.

        Raises UpstreamProtocolError for what the contract does not allow.
        """
        batch = self._waiting
        has_answer = False
        for event in self._events(message):
            kind = event.WhichOneof("event")
            self._check(event, kind)
            if kind == "part_delta":
                self._fill(event.part_delta)
            elif kind == "part_start":
                self._begin(event)
            elif kind == "part_end":
                self._close(event.part_end)
            elif kind == "heartbeat":
                self.phase = event.heartbeat.phase or self.phase
                continue
            elif kind == "end":
                if not self._finish(event.end):
                    return batch if has_answer else []
            elif kind in _SAYS_NOTHING:
                continue
            has_answer = has_answer or kind not in _WAITS
            batch.append(event)
        if not has_answer:
            if len(batch) > WAITING_MAX_EVENTS:
                raise _too_large()
            self._waiting = batch
            return []
        self._waiting = []
        return batch

    def _events(self, message: bytes) -> Iterable[GenerationEvent]:
        if self._is_chat:
            return read(StreamChatResponse(), message).events
        return read(StreamCompleteResponse(), message).events

    def _check(self, event: GenerationEvent, kind: str | None) -> None:
        """See that the event is in its place, and take its number away."""
        sequence = self._sequence
        is_over = self.end is not None or self.failed is not None
        if is_over or event.sequence != sequence or (kind == "start") is not (sequence == 0):
            raise _malformed()
        self._sequence = sequence + 1
        event.sequence = 0

    def _begin(self, event: GenerationEvent) -> None:
        start = event.part_start
        kind = start.part.WhichOneof("kind")
        has_kind = kind is not None or len(UnknownFieldSet(start.part)) > 0
        if start.index != self._opened or not has_kind:
            raise _malformed()
        if len(self._open) >= OPEN_MAX_PARTS:
            raise _too_large()
        self._open[start.index] = kind
        self._opened += 1

    def _fill(self, delta: PartDelta) -> None:
        kind = self._open.get(delta.index, _NOT_OPEN)
        fills = delta.WhichOneof("delta")
        if kind is _NOT_OPEN or not (fills is None or kind is None or fills == _FILLS.get(kind)):
            raise _malformed()

    def _close(self, end: PartEnd) -> None:
        kind = self._open.pop(end.index, _NOT_OPEN)
        whole = end.part.WhichOneof("kind")
        if kind is _NOT_OPEN or not (whole is None or kind is None or whole == kind):
            raise _malformed()

    def _finish(self, end: StreamEnd) -> bool:
        """Note how the stream ended; say whether the answer is whole."""
        if end.HasField("error"):
            self.failed = end
            return False
        if self._open:
            raise _malformed()
        self.end = end
        return True


def _malformed() -> UpstreamProtocolError:
    return UpstreamProtocolError(metadata={"cause": "malformed"})


def _too_large() -> UpstreamProtocolError:
    return UpstreamProtocolError(metadata={"cause": "too_large"})
