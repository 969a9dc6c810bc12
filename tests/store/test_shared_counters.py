"""Redis goes and comes back; limits hold, and nobody waits long."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contracts.counters import limit
from tests.fakes.clock import FakeClock
from tests.fakes.redis_server import RedisServer, redis_server
from tests.service.asking import until
from tests.store.redis_home import redis_counters
from weir_server.core.clock import SystemClock
from weir_server.core.counters import Grant, Limit, Measure, Refusal
from weir_server.core.tasks import sibling
from weir_server.store.memory_counters import MemoryCounters
from weir_server.store.redis_counters import RedisCounters
from weir_server.store.shared_counters import SILENT_S, SharedCounters
from weir_server.telemetry.log import Log

TIMEOUT_S = 0.05
PROCESSES = 4


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@dataclass
class Process:
    """What one process of Weir counts with."""

    counters: SharedCounters
    redis: RedisCounters
    local: MemoryCounters


@dataclass
class Fleet:
    """Several processes in one test, which all count by one clock that it moves."""

    clock: FakeClock = field(default_factory=FakeClock)
    said: io.BytesIO = field(default_factory=io.BytesIO)
    processes: list[Process] = field(default_factory=list)
    number: int = 0

    async def take(self, limits: list[Limit], *, tokens: int = 0, at: int = 0) -> Grant | Refusal:
        self.number += 1
        holder = f"call{self.number}"
        counters = self.processes[at].counters
        return await counters.take(limits, tokens=tokens, holder=holder, lease_s=90.0)

    async def admitted(self, limits: list[Limit], asked: int) -> int:
        """Ask so often, each process in turn, and count who is let in."""
        got = [await self.take(limits, at=n % len(self.processes)) for n in range(asked)]
        return sum(isinstance(each, Grant) for each in got)

    async def lose(self, server: RedisServer) -> None:
        """Have Redis answer nobody, and all processes notice."""
        server.pause()
        nobody = [limit(Measure.CALLS, 10**6, "tenants/nobody", tenant="nobody")]
        for at, process in enumerate(self.processes):
            while not process.counters.is_away:
                got = await self.take(nobody, at=at)
                assert isinstance(got, Grant)
                process.counters.give_back(got, tokens_used=0, refund=False)
                self.clock.advance(SILENT_S)

    async def find(self, server: RedisServer) -> None:
        """Have Redis answer again, and all processes notice."""
        server.go_on()
        await until(lambda: not any(each.counters.is_away for each in self.processes))

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.said.getvalue().splitlines()]


@asynccontextmanager
async def fleet(
    server: RedisServer,
    processes: int = PROCESSES,
    replicas: Callable[[], int | None] = lambda: PROCESSES,
) -> AsyncIterator[Fleet]:
    """Run processes that have said that they are there."""
    it = Fleet()
    async with AsyncExitStack() as stack:
        log = stack.enter_context(Log(it.said))
        for number in range(processes):
            redis = await stack.enter_async_context(
                redis_counters(server.url, it.clock, timeout_s=TIMEOUT_S)
            )
            local = MemoryCounters(it.clock)
            counters = SharedCounters(
                redis, local, clock=it.clock, log=log, who=f"p{number}", replicas=replicas
            )
            await stack.enter_async_context(sibling(counters.run(), name="counters"))
            it.processes.append(Process(counters, redis, local))
        yield it


async def test_share_that_is_used_up_is_not_had_again(redis: RedisServer) -> None:
    """What processes admitted with Redis counts when they go on without it, and after it is back.

    Through a whole outage no window holds more than the limit.
    """
    requests = [limit(Measure.REQUESTS, 100)]
    async with fleet(redis) as it:
        assert await it.admitted(requests, 60) == 60
        await it.lose(redis)
        assert await it.admitted(requests, 80) == 40
        it.clock.advance(30.0)
        assert await it.admitted(requests, 8) == 0
        await it.find(redis)
        assert await it.admitted(requests, 8) == 0
        it.clock.advance(31.0)
        assert await it.admitted(requests, 200) == 100
    assert it.events().count("redis_away") == PROCESSES
    assert it.events().count("redis_back") == PROCESSES


async def test_process_that_finds_redis_first_waits_for_the_others(redis: RedisServer) -> None:
    """Until others have told what they admitted, it has no more than its share."""
    requests = [limit(Measure.REQUESTS, 100)]
    async with fleet(redis) as it:
        await it.lose(redis)
        assert await it.admitted(requests, 100) == 100
        redis.go_on()
        first = it.processes[0]
        await until(lambda: not first.counters.is_away)
        got = [await it.take(requests) for _ in range(50)]
        assert not any(isinstance(each, Grant) for each in got)


async def test_calls_that_began_alone_are_leased_when_redis_is_back(redis: RedisServer) -> None:
    """Their places count for all processes, and are free when they end."""
    calls = [limit(Measure.CALLS, 4)]
    async with fleet(redis) as it:
        await it.lose(redis)
        alone = [await it.take(calls, at=at) for at in range(PROCESSES)]
        assert isinstance(await it.take(calls), Refusal)
        await it.find(redis)
        it.clock.advance(10.0)
        assert isinstance(await it.take(calls, at=1), Refusal)
        assert isinstance(alone[0], Grant)
        it.processes[0].counters.give_back(alone[0], tokens_used=0, refund=False)
        assert isinstance(await it.take(calls, at=0), Grant)
        assert isinstance(await it.take(calls, at=1), Refusal)


async def test_calls_that_end_while_redis_is_away_are_ended_there(redis: RedisServer) -> None:
    """No lease outlives its call because nobody could be told."""
    calls = [limit(Measure.CALLS, 4)]
    async with fleet(redis) as it:
        held = [await it.take(calls, at=at) for at in range(PROCESSES)]
        assert all(isinstance(each, Grant) for each in held)
        await it.lose(redis)
        for process, each in zip(it.processes, held, strict=True):
            assert isinstance(each, Grant)
            process.counters.give_back(each, tokens_used=0, refund=False)
        await it.find(redis)
        it.clock.advance(10.0)
        assert await it.admitted(calls, 8) == 4


async def test_tokens_that_were_used_alone_are_told(redis: RedisServer) -> None:
    """What a call really used is what Redis hears of it."""
    tokens = [limit(Measure.TOKENS, 1_000)]
    async with fleet(redis, processes=1, replicas=lambda: 1) as it:
        await it.lose(redis)
        got = await it.take(tokens, tokens=600)
        assert isinstance(got, Grant)
        it.processes[0].counters.give_back(got, tokens_used=100, refund=False)
        await it.find(redis)
        it.clock.advance(10.0)
        got = await it.take(tokens, tokens=800)
        assert isinstance(got, Grant)
        assert got.standings[0].used == 900


async def test_answer_that_comes_late_is_given_back(redis: RedisServer) -> None:
    """Redis has counted it, but the call went on without Redis: it counts once."""
    limits = [limit(Measure.REQUESTS, 8), limit(Measure.CALLS, 8)]
    async with fleet(redis, processes=1, replicas=lambda: 1) as it:
        await it.take([limit(Measure.CALLS, 9)])
        redis.pause()
        alone = await it.take(limits)
        redis.go_on()
        assert isinstance(alone, Grant)
        assert alone.shared is None

        async def used() -> list[int]:
            got = await it.processes[0].redis.take(limits, tokens=0, holder="look", lease_s=1.0)
            if isinstance(got, Grant):
                it.processes[0].redis.give_back(got, tokens_used=0, refund=True)
            return [each.used - 1 for each in got.standings]

        await asyncio.sleep(0.7)  # the process looks twice a second whether it has to tell anything
        assert await used() == [1, 2]
    assert it.events() == ["redis_late"]


async def test_processes_count_each_other(redis: RedisServer) -> None:
    """Without a number in the settings, each has as small a part as there are others."""
    async with fleet(redis, processes=3, replicas=lambda: None) as it:
        for who in ("p0", "p1", "p2"):
            await it.processes[0].redis.count_processes(who, 60.0)
        await it.lose(redis)
        await it.find(redis)
        assert [each.local.shared_by for each in it.processes] == [3, 3, 3]


async def test_nobody_waits_long_while_redis_is_away(redis: RedisServer) -> None:
    """The first calls wait for the time that is set, and then nobody does."""
    requests = [limit(Measure.REQUESTS, 10**6)]
    clock = SystemClock()
    async with fleet(redis, processes=1, replicas=lambda: 1) as it:
        await it.take(requests)
        redis.pause()
        waits_s = []
        for _ in range(300):
            begun_s = clock.monotonic_s()
            assert isinstance(await it.take(requests), Grant)
            waits_s.append(clock.monotonic_s() - begun_s)
            it.clock.advance(SILENT_S)
    waits_s.sort()
    assert waits_s[-5] < TIMEOUT_S / 2
    assert it.events().count("redis_away") == 1
