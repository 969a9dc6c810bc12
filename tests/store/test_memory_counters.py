"""Counters of one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from tests.contracts.counters import CountersSuite, limit
from tests.fakes.clock import FakeClock
from weir_server.core.counters import Counters, Grant, Measure, Refusal
from weir_server.store.memory_counters import SWEEP_AFTER, MemoryCounters


class TestMemoryCounters(CountersSuite):
    """Keeps the contract."""

    @override
    @asynccontextmanager
    async def counters(self, clock: FakeClock) -> AsyncIterator[Counters]:
        yield MemoryCounters(clock)


def test_processes_that_share_a_limit_keep_it_together() -> None:
    """Each of four has a quarter; what is larger than that passes when nothing else counts."""
    clock = FakeClock()
    limits = [limit(Measure.REQUESTS, 100), limit(Measure.TOKENS, 1_000)]
    homes = [MemoryCounters(clock, shared_by=4) for _ in range(4)]
    got = [
        home.take_now(limits, tokens=1, holder=f"{number}", lease_s=60.0)
        for home in homes
        for number in range(40)
    ]
    assert sum(isinstance(each, Grant) for each in got) == 100
    clock.advance(61.0)
    large = homes[0].take_now(limits, tokens=900, holder="large", lease_s=60.0)
    assert isinstance(large, Grant)
    assert isinstance(homes[0].take_now(limits, tokens=1, holder="x", lease_s=60.0), Refusal)


def test_wall_clock_moves_no_window() -> None:
    """An hour forth or back on the wall clock neither empties a limit nor makes anybody wait."""
    clock = FakeClock()
    counters = MemoryCounters(clock)
    limits = [limit(Measure.REQUESTS, 1)]
    counters.take_now(limits, tokens=0, holder="a", lease_s=60.0)
    waits = []
    for step_s in (3_600, -7_200, 3_600):
        clock.step_wall(step_s)
        refused = counters.take_now(limits, tokens=0, holder="b", lease_s=60.0)
        assert isinstance(refused, Refusal)
        waits.append(refused.wait_s)
    assert len(set(waits)) == 1


def test_counters_of_the_gone_are_forgotten() -> None:
    """Keys come and go; what counts nothing any more takes no memory for ever."""
    clock = FakeClock()
    counters = MemoryCounters(clock)
    for number in range(3 * SWEEP_AFTER):
        limits = [limit(Measure.REQUESTS, 1, f"keys/{number}")]
        counters.take_now(limits, tokens=0, holder="a", lease_s=60.0)
        clock.advance(0.1)
    assert counters.size < SWEEP_AFTER + 2 * 610
