"""Does the memory of one process keep its promises, forget in time, and stay within its bound?"""

import asyncio

import pytest

from tests.contracts.replay_store import (
    CLAIMED,
    DONE,
    LEASE_S,
    LOST,
    RETENTION_S,
    RUNNING,
    ReplayStoreSuite,
    claim,
    of,
)
from tests.fakes.clock import FakeClock
from weir_server.core.replays import FREE, NOT_KEPT, Claim
from weir_server.replay.memory import ENTRY_BYTES, MemoryReplays

MAX_BYTES = 16 * ENTRY_BYTES


class MemoryHome:
    """A process, and its clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryReplays(self.clock, retention_s=RETENTION_S, max_bytes=MAX_BYTES)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def ended(self, slot: str, sealed: bytes) -> Claim:
        """Run a call to its end."""
        mine = claim(slot)
        await self.store.claim(mine)
        await self.store.settle(mine, sealed)
        return mine


@pytest.fixture
def home() -> MemoryHome:
    return MemoryHome()


class TestMemoryReplays(ReplayStoreSuite):
    """All that every home promises."""


async def test_a_key_is_forgotten_in_time(home: MemoryHome) -> None:
    """Remembered for the whole retention, and not a moment longer; nothing of it stays."""
    await home.ended("slot", b"sealed")
    home.clock.advance(RETENTION_S - 0.001)
    assert (await home.store.claim(claim())).state is DONE
    home.clock.advance(0.001)
    mine = claim()
    assert (await home.store.claim(mine)).state is CLAIMED
    await home.store.settle(mine, FREE)
    assert (len(home.store), home.store.bytes_kept) == (0, 0)


async def test_a_lost_key_is_forgotten_as_late(home: MemoryHome) -> None:
    """The retention of a call that never ended begins with the end of its lease."""
    mine = claim()
    await home.store.claim(mine)
    home.clock.advance(LEASE_S + RETENTION_S - 0.001)
    assert (await home.store.claim(claim())).state is LOST
    home.clock.advance(0.001)
    assert (await home.store.claim(claim())).state is CLAIMED
    await home.store.settle(mine, b"much too late")
    assert (await home.store.claim(claim())).state is RUNNING


async def test_answers_that_nobody_asks_for_go_first(home: MemoryHome) -> None:
    """Their keys stay: what has run is not run again for want of room."""
    answer = b"x" * 5 * ENTRY_BYTES
    first, second = await home.ended("a", answer), await home.ended("b", answer)
    assert (await home.store.claim(claim("a"))).sealed == answer
    third = await home.ended("c", answer)

    assert await home.store.claim(claim("b")) == of(DONE, second, NOT_KEPT)
    assert await home.store.claim(claim("a")) == of(DONE, first, answer)
    assert await home.store.claim(claim("c")) == of(DONE, third, answer)
    assert home.store.bytes_kept <= MAX_BYTES


async def test_keys_alone_stay_within_the_bound_too(home: MemoryHome) -> None:
    """The one that was longest not asked for goes; running calls never do."""
    running = claim("running")
    await home.store.claim(running)
    for number in range(40):
        await home.ended(f"{number}", NOT_KEPT)
        await home.store.claim(claim("0"))
    assert len(home.store) == MAX_BYTES // ENTRY_BYTES
    assert home.store.bytes_kept <= MAX_BYTES
    assert (await home.store.claim(claim("0"))).state is DONE
    assert (await home.store.claim(claim("39"))).state is DONE
    assert (await home.store.claim(claim("running"))).state is RUNNING
    assert (await home.store.claim(claim("1"))).state is CLAIMED


async def test_an_answer_larger_than_everything_is_not_kept(home: MemoryHome) -> None:
    """Its key is."""
    mine = await home.ended("slot", b"x" * MAX_BYTES)
    assert await home.store.claim(claim()) == of(DONE, mine, NOT_KEPT)


async def test_who_waits_for_a_lost_call_hears_of_it_when_its_lease_ends() -> None:
    """Not before, and not only at their own deadline."""
    loop = asyncio.get_running_loop()

    class LoopClock:
        def monotonic_s(self) -> float:
            return loop.time()

        def wall_ns(self) -> int:
            return 0

    store = MemoryReplays(LoopClock(), retention_s=RETENTION_S, max_bytes=MAX_BYTES)
    mine = claim(lease_s=0.1)
    await store.claim(mine)
    begun_s = loop.time()
    assert await store.settled(claim()) == of(LOST, mine)
    assert loop.time() - begun_s == pytest.approx(0.1, abs=0.05)


async def test_a_claim_that_was_forgotten_is_made_anew(home: MemoryHome) -> None:
    """Long after its lease an owner claims as anybody would, and others see that it runs."""
    mine = claim()
    await home.store.claim(mine)
    await home.pass_time(LEASE_S + RETENTION_S)
    assert (await home.store.claim(mine)).state is CLAIMED
    assert await home.store.claim(claim()) == of(RUNNING, mine)
