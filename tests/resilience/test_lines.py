"""Does a call get the first place there is, and none besides?"""

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from weir_server.core.priority import Priority
from weir_server.core.slots import NoSlot, Slots
from weir_server.resilience.lines import first_place

INTERACTIVE = Priority.INTERACTIVE


class Two:
    """Two providers with two places each, all of them taken."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.a, self.b = (Slots(limit=lambda: 2, clock=self.clock) for _ in range(2))
        for line in (self.a, self.b):
            assert line.try_acquire(INTERACTIVE)
            assert line.try_acquire(INTERACTIVE)

    def ask(self, *, patience_s: float = 60.0) -> asyncio.Task[Slots]:
        until_s = self.clock.monotonic_s() + patience_s
        return asyncio.create_task(first_place((self.a, self.b), INTERACTIVE, until_s=until_s))

    @property
    def taken(self) -> tuple[int, int]:
        return self.a.in_flight, self.b.in_flight

    @property
    def waiting(self) -> tuple[int, int]:
        return self.a.queued, self.b.queued


async def turns() -> None:
    """Let every task run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_place_is_taken() -> None:
    """The call waits in both lines; where a place comes free it is served, and leaves the other."""
    two = Two()
    task = two.ask()
    await turns()
    assert two.waiting == (1, 1)
    two.b.release()
    assert await task is two.b
    assert (two.taken, two.waiting) == ((2, 2), (0, 0))


async def test_two_places_at_once_are_one_too_many() -> None:
    """The other goes back to those who wait there."""
    two = Two()
    task = two.ask()
    await turns()
    two.a.release()
    two.b.release()
    taken = await task
    assert (two.taken, two.waiting) == ((2, 1) if taken is two.a else (1, 2), (0, 0))


async def test_a_full_line_is_no_reason_to_give_up() -> None:
    """Nobody more may wait at one provider: the call waits at the other."""
    two = Two()
    full = asyncio.create_task(two.a.acquire(INTERACTIVE, until_s=two.clock.monotonic_s() + 60))
    await turns()
    task = two.ask()
    await turns()
    assert two.waiting == (1, 1)
    two.b.release()
    assert await task is two.b
    full.cancel()
    await turns()
    assert two.waiting == (0, 0)


async def test_no_place_anywhere_is_told() -> None:
    """When the last line has refused, so does this."""
    two = Two()
    with pytest.raises(NoSlot) as refusal:
        await two.ask(patience_s=0.001)
    assert refusal.value.why == "deadline"
    assert (two.taken, two.waiting) == ((2, 2), (0, 0))


@pytest.mark.parametrize("freed", [False, True], ids=["waiting", "as the place comes"])
async def test_a_hang_up_leaves_nothing(*, freed: bool) -> None:
    """Neither a place nor a waiter stays behind."""
    two = Two()
    task = two.ask()
    await turns()
    if freed:
        two.b.release()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (two.taken, two.waiting) == ((2, 1 if freed else 2), (0, 0))


async def test_one_line_is_waited_in_as_it_is() -> None:
    """With one provider there is nothing to choose."""
    two = Two()
    task = asyncio.create_task(
        first_place((two.a,), INTERACTIVE, until_s=two.clock.monotonic_s() + 60)
    )
    await turns()
    two.a.release()
    assert await task is two.a
