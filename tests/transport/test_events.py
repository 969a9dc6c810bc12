"""A stream's two writers keep apart, and neither can hold up the end of the other."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from weir.v1.generation_pb2 import GenerationEvent, PartDelta, StreamEnd
from weir.v1.provider_service_pb2 import StreamChatResponse
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.call import Call
from weir_server.core.clock import SystemClock
from weir_server.core.deadline import Deadline
from weir_server.core.errors import DeadlineExceeded, GatewayDraining, SlowConsumer
from weir_server.core.target import Operation
from weir_server.transport.events import HELD_MAX_CHARS, EventStream, StreamPacing
from weir_server.transport.exchange import Exchange, Metadata
from weir_server.transport.interruption import Interruption


class Reader(Exchange):
    """A caller that takes some messages and then no more until it is told to."""

    def __init__(self, *, takes: int = 10**9) -> None:
        self.messages: list[StreamChatResponse] = []
        self.headers = 0
        self.at_once = 0
        self._sending = 0
        self._takes = takes
        self.reading = asyncio.Event()

    def metadata(self) -> Metadata:
        return ()

    def peer(self) -> str:
        return "test"

    def time_remaining_s(self) -> float | None:
        return None

    async def send_headers(self, metadata: Metadata) -> None:
        self.headers += 1

    async def send(self, message: bytes) -> None:
        self._sending += 1
        self.at_once = max(self.at_once, self._sending)
        self.messages.append(StreamChatResponse.FromString(message))
        try:
            if len(self.messages) > self._takes:
                await self.reading.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self._sending -= 1

    @property
    def events(self) -> list[GenerationEvent]:
        return [event for message in self.messages for event in message.events]

    @property
    def kinds(self) -> list[str | None]:
        return [event.WhichOneof("event") for event in self.events]


def made(reader: Reader, pacing: StreamPacing) -> tuple[EventStream, Interruption]:
    task = asyncio.current_task()
    assert task is not None
    clock = SystemClock()
    now_s = clock.monotonic_s()
    interruption = Interruption(task)
    call = Call(
        request_id="r",
        response_id="resp_1",
        method="StreamChat",
        operation=Operation.CHAT,
        streaming=True,
        arrived_s=now_s,
        deadline=Deadline.after(now_s, 60),
    )
    stream = EventStream(
        exchange=reader,
        call=call,
        clock=clock,
        interruption=interruption,
        frame=StreamChatResponse,
        headers=[],
    )
    stream.open(pacing)
    return stream, interruption


def delta(text: str, index: int = 0) -> GenerationEvent:
    return GenerationEvent(part_delta=PartDelta(index=index, text=text))


async def cancelled_in(block: Callable[[], object], limit_s: float) -> float:
    """Await a block that must be cancelled from within; return how long it took."""
    begun_s = time.monotonic()
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(limit_s):
            await block()  # type: ignore[misc]
    while task.cancelling():
        task.uncancel()
    return time.monotonic() - begun_s


async def test_a_reader_stuck_on_a_heartbeat_is_given_up() -> None:
    """The call does not wait for a message that the keep-alive task cannot get rid of."""
    reader = Reader(takes=1)
    stream, interruption = made(
        reader,
        StreamPacing(
            heartbeat_interval_s=0.05, slow_consumer_limit_s=0.2, start_alone_after_s=0.01
        ),
    )

    async def serve() -> None:
        async with stream.kept_alive():
            await asyncio.sleep(30)

    took_s = await cancelled_in(serve, 5.0)
    stream.close()
    assert took_s < 1.0
    assert isinstance(interruption.absorb(), SlowConsumer)
    assert reader.kinds == ["start", "heartbeat"]


async def test_a_drain_while_a_heartbeat_is_stuck_ends_with_the_reader_s_limit() -> None:
    """The first cause is kept, and the wait is bounded by the limit."""
    reader = Reader(takes=1)
    stream, interruption = made(
        reader,
        StreamPacing(
            heartbeat_interval_s=0.05, slow_consumer_limit_s=0.3, start_alone_after_s=0.01
        ),
    )
    asyncio.get_running_loop().call_later(0.15, interruption.interrupt, GatewayDraining())

    async def serve() -> None:
        async with stream.kept_alive():
            await asyncio.sleep(30)

    took_s = await cancelled_in(serve, 5.0)
    stream.close()
    assert took_s < 1.5
    assert isinstance(interruption.absorb(), GatewayDraining)
    assert interruption.reader_stopped, "no `end` can follow a message that is stuck"


async def test_an_end_behind_a_stuck_message_is_never_taken_for_sent() -> None:
    """The stream counts as ended only when its `end` is under way: else a cut would be OK."""
    reader = Reader(takes=1)
    stream, interruption = made(
        reader,
        StreamPacing(
            heartbeat_interval_s=0.05, slow_consumer_limit_s=0.3, start_alone_after_s=0.01
        ),
    )

    async def serve() -> None:
        async with stream.kept_alive():
            await asyncio.sleep(0.15)
            await stream.send([GenerationEvent(end=StreamEnd())])

    await cancelled_in(serve, 5.0)
    stream.close()
    assert not stream.ended
    assert "end" not in reader.kinds
    assert isinstance(interruption.absorb(), SlowConsumer)


async def test_a_cancel_of_the_caller_is_never_absorbed() -> None:
    """Not even when a drain was noted before: the library has to see it (grpc/grpc 43360)."""
    outcomes: list[object] = []

    async def serve() -> None:
        task = asyncio.current_task()
        assert task is not None
        interruption = Interruption(task)
        interruption.interrupt(GatewayDraining())
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            task.cancel()
            outcomes.append(interruption.absorb())
            raise

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(serve())
    assert outcomes == [None]


async def test_a_message_stuck_past_the_deadline_is_given_up_with_it() -> None:
    """The server's own deadline ends a call even when its reader has stopped."""
    reader = Reader(takes=0)
    stream, interruption = made(reader, StreamPacing(slow_consumer_limit_s=30))
    clock = SystemClock()
    interruption.at_deadline(clock, Deadline.after(clock.monotonic_s(), 0.3))

    async def serve() -> None:
        async with stream.kept_alive():
            await stream.send([delta("x")])

    took_s = await cancelled_in(serve, 5.0)
    stream.close()
    assert took_s < 1.0
    assert isinstance(interruption.absorb(), DeadlineExceeded)


async def test_two_writers_never_write_at_once() -> None:
    """Heartbeats and batches take turns, and numbers rise in the order of the wire."""
    reader = Reader()
    stream, _ = made(reader, StreamPacing(heartbeat_interval_s=0.001, start_alone_after_s=0.001))
    async with stream.kept_alive():
        for _ in range(60):
            await stream.send([delta("x")])
            await asyncio.sleep(0.002)
    stream.close()
    assert reader.at_once == 1
    assert reader.headers == 1
    assert "heartbeat" in reader.kinds
    assert [event.sequence for event in reader.events] == list(range(len(reader.events)))


async def test_text_held_back_is_bounded_and_in_order() -> None:
    """What is more than the bound goes out at once; joined, it is what was given."""
    reader = Reader()
    stream, _ = made(reader, StreamPacing(coalesce_delay_s=30.0))
    pieces = [f"{n:05d}".ljust(100, "x") for n in range(1000)]
    async with stream.kept_alive():
        for piece in pieces:
            await stream.send([delta(piece)])
            assert sum(len(event.part_delta.text) for event in stream._held) <= HELD_MAX_CHARS
        await stream.send([GenerationEvent(end={})])  # type: ignore[arg-type]
    stream.close()
    assert "".join(event.part_delta.text for event in reader.events) == "".join(pieces)
    assert len(reader.messages) < 20


async def test_many_small_deltas_are_joined_in_linear_time() -> None:
    """A bundle of ten thousand costs milliseconds."""
    reader = Reader()
    stream, _ = made(reader, StreamPacing(coalesce_delay_s=30.0))
    batch = [delta("x", index=n % 2 if n > 9_990 else 0) for n in range(10_000)]
    begun_s = time.process_time()
    await stream.send([*batch, GenerationEvent(end={})])  # type: ignore[arg-type]
    took_s = time.process_time() - begun_s
    stream.close()
    assert took_s < 0.2
    assert len(reader.events) < 20
    text = "".join(event.part_delta.text for event in reader.events)
    assert len(text) == 10_000


@pytest.mark.parametrize("coalesce_delay_s", [0.02, 30.0], ids=["flushed", "held"])
async def test_usage_is_told_though_text_is_held_back(coalesce_delay_s: float) -> None:
    """About once a second, after the text that it counts, whichever of the two tasks sends it."""
    reader = Reader()
    pacing = StreamPacing(coalesce_delay_s=coalesce_delay_s, usage_updates=True)
    stream, _ = made(reader, pacing)
    given = 0
    stream._call.progress.usage_now = lambda: TokenUsage(completion_tokens=given)
    async with stream.kept_alive():
        for _ in range(24):
            given += 1
            await stream.send([delta("x")])
            await asyncio.sleep(0.05)
    stream.close()
    told = reader.kinds.index("usage_update")
    said = "".join(event.part_delta.text for event in reader.events[:told])
    assert reader.kinds.count("usage_update") == 1
    assert reader.events[told].usage_update.usage.completion_tokens == len(said)


async def test_usage_goes_with_text_that_its_delay_sends() -> None:
    """A provider that pauses after its words does not keep their usage from the caller."""
    reader = Reader()
    stream, _ = made(reader, StreamPacing(coalesce_delay_s=1.1, usage_updates=True))
    stream._call.progress.usage_now = lambda: TokenUsage(completion_tokens=1)
    async with stream.kept_alive():
        await stream.send([delta("x")])
        await asyncio.sleep(1.3)
    stream.close()
    assert reader.kinds == ["start", "part_delta", "usage_update"]


async def test_closing_leaves_no_task_and_no_timer() -> None:
    """After the block the stream says nothing, whatever was due."""
    reader = Reader()
    stream, _ = made(reader, StreamPacing(heartbeat_interval_s=0.01, start_alone_after_s=0.01))
    before = asyncio.all_tasks()
    with suppress(ValueError):
        async with stream.kept_alive():
            await asyncio.sleep(0.05)
            raise ValueError
    stream.close()
    count = len(reader.messages)
    await asyncio.sleep(0.05)
    assert len(reader.messages) == count
    assert asyncio.all_tasks() == before
