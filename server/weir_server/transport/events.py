"""How do events reach the caller? Numbered, in batches, kept alive, and ended exactly once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from google.protobuf.message import Message

from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    Heartbeat,
    PartDelta,
    StreamEnd,
    StreamStart,
    UsageUpdate,
)
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import BudgetExceeded, MessageTooLarge, SlowConsumer, WeirError
from weir_server.core.tasks import sibling
from weir_server.transport import facts, status
from weir_server.transport.exchange import CallerGone, Exchange, Metadata
from weir_server.transport.interruption import Interruption

USAGE_UPDATE_INTERVAL_S = 1.0
"""Usage that a caller wants to follow is told so often at most."""
HELD_MAX_CHARS = 16 * 1024
"""More text than this is not held back: it goes out, and waits while the caller does not read."""


class Frame(Protocol):
    """Makes the message that carries a batch of events."""

    def __call__(self, *, events: list[GenerationEvent]) -> Message:
        """Return the message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPacing:
    """How a stream waits. All in seconds."""

    heartbeat_interval_s: float = 15.0
    start_alone_after_s: float = 10.0
    """After this long with nothing to say, `start` goes out alone so that heartbeats can follow."""
    slow_consumer_limit_s: float = 60.0
    """How long one message may wait for the caller to read."""
    coalesce_delay_s: float = 0.0
    """How long a text delta may be held back to be joined with the next; 0: never."""
    usage_updates: bool = False
    """Whether to send what was used so far, about once a second."""


class EventStream:
    """One stream of events to one caller.

    Two tasks write: the one that serves the call, and its sibling that keeps the stream alive;
    a lock keeps them apart, for gRPC allows one write at a time. Sequence numbers are given under
    the lock, so that they rise in the order of the wire.
    """

    __slots__ = (
        "_call",
        "_clock",
        "_exchange",
        "_frame",
        "_headers",
        "_held",
        "_held_chars",
        "_interruption",
        "_is_plain",
        "_last_sent_s",
        "_lock",
        "_max_message_bytes",
        "_pacing",
        "_quiet",
        "_sending_since_s",
        "_timer",
        "_usage_told_s",
        "_wake",
        "ended",
        "first_part_s",
        "sequence",
    )

    def __init__(
        self,
        *,
        exchange: Exchange,
        call: Call,
        clock: Clock,
        interruption: Interruption,
        frame: Frame,
        headers: Metadata,
        max_message_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self._exchange = exchange
        self._call = call
        self._clock = clock
        self._interruption = interruption
        self._frame = frame
        self._headers = headers
        self._max_message_bytes = max_message_bytes
        self._pacing = StreamPacing()
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._quiet = False
        self._held: list[GenerationEvent] = []
        self._held_chars = 0
        self._last_sent_s = call.arrived_s
        self._sending_since_s = 0.0
        self._usage_told_s = call.arrived_s
        self._is_plain = True
        self.sequence = 0
        """Number of the next event; 0: nothing was sent yet."""
        self.ended = False
        self.first_part_s: float | None = None

    @property
    def started(self) -> bool:
        """Whether anything was sent: from then on a failure needs an `end`."""
        return self.sequence > 0

    @property
    def last_sequence(self) -> int | None:
        """Number of the last event that was sent; None: none was."""
        return self.sequence - 1 if self.sequence else None

    # --- the task that serves the call ------------------------------------------------------------

    def open(self, pacing: StreamPacing) -> None:
        """Begin to watch over silence and slow reading."""
        self._pacing = pacing
        self._is_plain = pacing.coalesce_delay_s == 0.0 and not pacing.usage_updates
        self._schedule(min(pacing.start_alone_after_s, pacing.slow_consumer_limit_s))

    async def send(self, batch: list[GenerationEvent]) -> None:
        """Send a batch; the batch is the stream's from now on.

        Raises CallerGone, or CancelledError when an interruption waited for the message.
        """
        if not self._is_plain:
            batch = self._shaped(batch)
            if not batch:
                return
        if self.first_part_s is None and batch[0].HasField("part_start"):
            self.first_part_s = self._clock.monotonic_s()
        last = batch[-1]
        if last.HasField("end"):
            self._interruption.work_over()
            facts.complete(last.end.metadata, self._call, self._clock, self.first_part_s)
        await self._send_interruptibly(batch)

    async def send_error_end(self, error: WeirError) -> None:
        """End a started stream with its failure; the status that follows says the same."""
        end = StreamEnd(finish_reason=_finish_reason(error), error=status.to_message(error))
        if error.usage is not None:
            end.usage.CopyFrom(error.usage)
        facts.complete(end.metadata, self._call, self._clock, self.first_part_s)
        held, self._held = self._held, []
        await self._send_interruptibly([*_joined(held), GenerationEvent(end=end)])

    async def _send_interruptibly(self, batch: list[GenerationEvent]) -> None:
        lock, interruption = self._lock, self._interruption
        await lock.acquire()
        try:
            is_first = self.sequence == 0
            message = self._message(batch)
            interruption.sending = True
            if is_first:
                await self._begin()
            # Not before: while it waits for the lock, the `end` may yet be given up.
            self.ended = batch[-1].HasField("end")
            await self._exchange.send(message)
            interruption.sending = False
            self._sending_since_s = 0.0
            self._last_sent_s = self._clock.monotonic_s()
        finally:
            lock.release()
        if interruption.error is not None:
            interruption.raise_if_waiting()

    def _shaped(self, batch: list[GenerationEvent]) -> list[GenerationEvent]:
        """Hold text back and add usage, as the caller asked; an empty batch waits for more."""
        # A usage that is due takes along what is held, so that the two agree.
        usage = [] if batch[-1].HasField("end") else self._usage_update()
        if self._pacing.coalesce_delay_s > 0.0:
            if not usage and _only_text(batch) and self._hold(batch):
                return []
            batch = _joined(self._held + batch)
            self._held = []
        return batch + usage

    def _usage_update(self) -> list[GenerationEvent]:
        """Return what was used so far, if that is wanted and was not told in the last second."""
        usage_now = self._call.progress.usage_now
        now_s = self._clock.monotonic_s()
        told_lately = now_s - self._usage_told_s < USAGE_UPDATE_INTERVAL_S
        if not self._pacing.usage_updates or usage_now is None or told_lately:
            return []
        self._usage_told_s = now_s
        return [GenerationEvent(usage_update=UsageUpdate(usage=usage_now()))]

    def close(self) -> None:
        """Stop watching; the stream sends nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the sibling that keeps the stream alive --------------------------------------------------

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Run the sibling beside the block; at its end the sibling sends nothing more.

        The lock makes sure that it is not stopped in the middle of a message, which would make that
        message the stream's last. A reader that is given up may never take the message.
        """
        async with sibling(self._keep_alive(), name="keep-alive"):
            try:
                yield
            finally:
                if not self._interruption.reader_stopped:
                    async with self._lock:
                        self._quiet = True

    async def _keep_alive(self) -> None:
        """Send `start` alone, heartbeats and held-back text whenever they are due."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            async with self._lock:
                if self._quiet or self.ended:
                    return
                try:
                    await self._keep_alive_once()
                except CallerGone:
                    return
                except MessageTooLarge as error:
                    self._interruption.interrupt(error)
                    return

    async def _keep_alive_once(self) -> None:
        if not self.started:
            await self._send_alone([])
        if self._held:
            held, self._held = self._held, []
            await self._send_alone(_joined(held) + self._usage_update())
        elif self._clock.monotonic_s() - self._last_sent_s >= self._pacing.heartbeat_interval_s:
            heartbeat = Heartbeat(phase=self._call.progress.phase)
            await self._send_alone([GenerationEvent(heartbeat=heartbeat)])

    async def _send_alone(self, batch: list[GenerationEvent]) -> None:
        is_first = self.sequence == 0
        message = self._message(batch)
        if is_first:
            await self._begin()
        await self._exchange.send(message)
        self._sending_since_s = 0.0
        self._last_sent_s = self._clock.monotonic_s()

    # --- both, under the lock ---------------------------------------------------------------------

    async def _begin(self) -> None:
        """Send the headers, which nothing may precede."""
        self._sending_since_s = self._clock.monotonic_s()
        await self._exchange.send_headers(self._headers)

    def _message(self, batch: list[GenerationEvent]) -> bytes:
        """Number a batch, before it the `start` if this is the first, and make its message.

        Raises MessageTooLarge for what the library would refuse without a word to the caller; the
        numbers are then still free for the `end`.
        """
        sequence = self.sequence
        if sequence == 0:
            batch.insert(0, self._start())
        for event in batch:
            event.sequence = sequence
            sequence += 1
        message: bytes = self._frame(events=batch).SerializeToString()
        if len(message) > self._max_message_bytes:
            raise MessageTooLarge(metadata={"maxBytes": str(self._max_message_bytes)})
        self.sequence = sequence
        self._sending_since_s = self._clock.monotonic_s()
        return message

    def _start(self) -> GenerationEvent:
        start = StreamStart(response_id=self._call.answer_id)
        route = self._call.progress.route
        if route is not None:
            start.provider = route.provider
            start.model = route.model
        return GenerationEvent(start=start)

    def _hold(self, batch: list[GenerationEvent]) -> bool:
        """Keep text for later, and return whether it could be kept."""
        if not self._held:
            self._held_chars = 0
            loop = asyncio.get_running_loop()
            loop.call_later(self._pacing.coalesce_delay_s, self._wake.set)
        self._held_chars += sum(len(event.part_delta.text) for event in batch)
        if self._held_chars > HELD_MAX_CHARS:
            return False
        self._held.extend(batch)
        return True

    # --- the watch --------------------------------------------------------------------------------

    def _schedule(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._watch)

    def _watch(self) -> None:
        """Look whether the reader is stuck or the stream silent; one timer, re-armed lazily."""
        now_s = self._clock.monotonic_s()
        pacing = self._pacing
        if self._sending_since_s:
            patience_s = pacing.slow_consumer_limit_s - (now_s - self._sending_since_s)
            if patience_s <= 0:
                limit = f"{pacing.slow_consumer_limit_s:g}"
                self._interruption.reader_stuck(SlowConsumer(metadata={"limitS": limit}))
                return
            self._schedule(patience_s)
            return
        interval_s = pacing.heartbeat_interval_s if self.started else pacing.start_alone_after_s
        due_s = interval_s - (now_s - self._last_sent_s)
        if due_s <= 0:
            self._wake.set()
            due_s = pacing.heartbeat_interval_s
        self._schedule(min(due_s, pacing.slow_consumer_limit_s))


def _only_text(batch: list[GenerationEvent]) -> bool:
    return all(event.part_delta.HasField("text") for event in batch)


def _joined(batch: list[GenerationEvent]) -> list[GenerationEvent]:
    """Join neighbouring text deltas of one part; what carries more than text stays as it is."""
    joined: list[GenerationEvent] = []
    for part, run in groupby(batch, key=_plain_part):
        events = list(run)
        if part is None or len(events) == 1:
            joined.extend(events)
        else:
            text = "".join(event.part_delta.text for event in events)
            joined.append(GenerationEvent(part_delta=PartDelta(index=part, text=text)))
    return joined


def _plain_part(event: GenerationEvent) -> int | None:
    """Return the part that an event adds nothing but text to, or None."""
    delta = event.part_delta
    if delta.HasField("text") and not delta.logprobs and not delta.citations:
        return delta.index
    return None


def _finish_reason(error: WeirError) -> FinishReason.ValueType:
    """Return how an answer ended that Weir itself cut short, or that failed."""
    if isinstance(error, BudgetExceeded):
        return FinishReason.FINISH_REASON_INTERRUPTED
    return FinishReason.FINISH_REASON_ERROR
