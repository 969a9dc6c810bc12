"""A watch queues nothing, and whatever interrupts it does so at once, its reader stuck or not."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from google.rpc import code_pb2
from typing_extensions import override

from tests.fuzz.fuzz_request_decoder import MemoryExchange
from tests.service.admin_server import InMemoryStates, admin_over, report
from tests.service.asking import until
from weir.admin.v1.admin_service_pb2 import WatchTargetsRequest, WatchTargetsResponse
from weir_server.core.clock import SystemClock
from weir_server.identity.resolving import KeylessIdentity
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.exchange import CallerGone, Finish
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.services.table import admin_methods

REQUEST = WatchTargetsRequest()
REQUEST.interval.FromMilliseconds(100)


class Reader(MemoryExchange):
    """A caller that reads when the test lets it."""

    def __init__(self, *, reads: bool, deadline_s: float | None = None) -> None:
        super().__init__()
        self.reading = asyncio.Event()
        if reads:
            self.reading.set()
        self.gone = False
        self.told: list[WatchTargetsResponse] = []
        self._deadline_s = deadline_s

    @override
    def time_remaining_s(self) -> float | None:
        return self._deadline_s

    @override
    async def send(self, message: bytes) -> None:
        await self.reading.wait()
        if self.gone:
            raise CallerGone
        self.told.append(WatchTargetsResponse.FromString(message))


@dataclass(kw_only=True)
class Watched:
    states: InMemoryStates
    reader: Reader
    open_calls: OpenCalls
    task: "asyncio.Task[Finish]"
    log_bytes: io.BytesIO = field(default_factory=io.BytesIO)

    async def finish(self) -> Finish:
        async with asyncio.timeout(5):
            return await self.task


@asynccontextmanager
async def watching(
    reader: Reader, *, slow_consumer_limit_s: float = 60.0
) -> AsyncIterator[Watched]:
    states, open_calls, log_bytes = InMemoryStates(report("a", "m")), OpenCalls(), io.BytesIO()
    (method,) = (m for m in admin_methods(admin_over(states)) if m.watch is not None)
    with Log(log_bytes) as log:
        edge = Edge(
            clock=SystemClock(),
            log=log,
            open_calls=open_calls,
            deadlines=Deadlines(),
            identity=KeylessIdentity(),
            slow_consumer_limit_s=slow_consumer_limit_s,
        )
        task = asyncio.create_task(edge.serve(method, reader, REQUEST.SerializeToString()))
        await until(lambda: states.looks > 0)
        yield Watched(
            states=states, reader=reader, open_calls=open_calls, task=task, log_bytes=log_bytes
        )
        task.cancel()
        await asyncio.wait([task])
    assert len(open_calls) == 0


async def test_what_was_not_read_is_skipped() -> None:
    """While the reader is away the states are not even looked at; then it gets the newest."""
    async with watching(Reader(reads=False)) as watched:
        for attempts in range(1, 50):
            watched.states.put(report("a", "m", attempts=attempts))
            await asyncio.sleep(0.01)
        looks = watched.states.looks
        watched.reader.reading.set()
        await until(lambda: len(watched.reader.told) == 2)
    assert looks == 1
    assert [told.targets[0].attempts for told in watched.reader.told] == [0, 49]


async def test_a_stuck_reader_is_given_up() -> None:
    """SLOW_CONSUMER after the limit, and the log's line says so."""
    async with watching(Reader(reads=False), slow_consumer_limit_s=0.05) as watched:
        finish = await watched.finish()
    assert finish.code == code_pb2.RESOURCE_EXHAUSTED
    assert b'"reason":"SLOW_CONSUMER"' in watched.log_bytes.getvalue()


async def test_a_reader_that_has_time_is_not_given_up() -> None:
    """The limit is each message's own, not the watch's."""
    async with watching(Reader(reads=True), slow_consumer_limit_s=0.15) as watched:
        for attempts in range(1, 4):
            watched.states.put(report("a", "m", attempts=attempts))
            await until(lambda: len(watched.reader.told) == attempts + 1)  # noqa: B023
        assert not watched.task.done()


async def test_a_drain_ends_a_stuck_watch_at_once() -> None:
    """Its status is all that can still be told; nobody waits for the message."""
    async with watching(Reader(reads=False)) as watched:
        watched.open_calls.start_draining()
        finish = await watched.finish()
    assert finish.code == code_pb2.UNAVAILABLE
    assert finish.message.startswith("This server is shutting down")


async def test_a_deadline_ends_a_stuck_watch() -> None:
    """As it ends one that waits for a change."""
    for reads in (True, False):
        async with watching(Reader(reads=reads, deadline_s=0.3)) as watched:
            finish = await watched.finish()
        assert finish.code == code_pb2.DEADLINE_EXCEEDED


async def test_a_caller_that_is_gone_ends_its_watch() -> None:
    """Found out by the next message."""
    async with watching(Reader(reads=False)) as watched:
        watched.reader.gone = True
        watched.reader.reading.set()
        finish = await watched.finish()
    assert finish.code == code_pb2.CANCELLED
