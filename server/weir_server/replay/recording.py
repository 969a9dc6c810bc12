"""How is an answer kept while it is given? A copy of each batch as it passes, within a bound."""

from collections.abc import AsyncIterator, Awaitable, Callable

from typing_extensions import override

from weir.v1.provider_service_pb2 import StreamChatResponse
from weir_server.core import answer
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.handler import Batch
from weir_server.core.replays import NOT_KEPT
from weir_server.replay.record import joined, record_of


class Recording(AsyncIterator[Batch]):
    """The next stage's batches, each copied; the last is held back until the answer is kept.

    limit_bytes: an answer above it is not kept; 0: none is.
    keep: takes what there is to keep, or NOT_KEPT, and returns when it is safe.
    """

    __slots__ = (
        "_call",
        "_clock",
        "_events",
        "_first_part_s",
        "_frame_bytes",
        "_keep",
        "_length",
        "_limit_bytes",
        "_next",
        "ended",
    )

    def __init__(
        self,
        batches: AsyncIterator[Batch],
        call: Call,
        clock: Clock,
        *,
        limit_bytes: int,
        frame_bytes: int,
        keep: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._next = batches.__anext__
        self._call = call
        self._clock = clock
        self._limit_bytes = limit_bytes
        self._frame_bytes = frame_bytes
        self._keep = keep
        self._events: list[bytes] = []
        self._length = 0
        self._first_part_s: float | None = None
        self.ended = False
        """Whether the answer came whole, and has been kept."""

    @override
    async def __anext__(self) -> Batch:
        batch = await self._next()
        if not isinstance(batch, list):
            answer.complete(batch.metadata, self._call, self._clock)
            raw = batch.SerializeToString()
            kept = NOT_KEPT
            if self._has_room(raw):
                kept = record_of(self._call, reply=raw, usage=batch.usage)
            await self._finish(kept)
            return batch
        if (
            self._first_part_s is None
            and self._call.streaming
            and any(event.HasField("part_start") for event in batch)
        ):
            self._first_part_s = self._clock.monotonic_s()
        last = batch[-1]
        is_last = last.HasField("end")
        if is_last:
            answer.complete(last.end.metadata, self._call, self._clock, self._first_part_s)
        if self._limit_bytes:
            raw = StreamChatResponse(events=batch).SerializeToString()
            if self._has_room(raw):
                self._events.append(raw)
            else:
                self._limit_bytes = 0
                self._events.clear()
        if is_last:
            kept = NOT_KEPT
            if self._limit_bytes:
                events = joined(self._events, self._frame_bytes)
                kept = record_of(self._call, events=events, usage=last.end.usage)
            await self._finish(kept)
        return batch

    def _has_room(self, raw: bytes) -> bool:
        self._length += len(raw)
        return self._length <= self._limit_bytes

    async def _finish(self, kept: bytes) -> None:
        self.ended = True
        await self._keep(kept)
