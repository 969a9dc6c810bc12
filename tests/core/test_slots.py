"""Do places go to the right calls, and does none get lost?"""

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from weir_server.core.priority import Priority, priority_of
from weir_server.core.slots import NoSlot, Slots, Why

BACKGROUND, STANDARD, INTERACTIVE = Priority


class Places:
    """Slots whose limit and time a test moves by hand, and the calls that wait for them."""

    def __init__(self, limit: int, *, queue_share: float = 0.5) -> None:
        self.limit = limit
        self.clock = FakeClock()
        self.slots = Slots(limit=lambda: self.limit, clock=self.clock, queue_share=queue_share)
        self.outcomes: dict[str, Why | None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def take(self, count: int) -> None:
        """Take places at once."""
        assert all(self.slots.try_acquire(INTERACTIVE) for _ in range(count))

    async def wait(self, name: str, priority: Priority, *, patience_s: float = 60.0) -> None:
        """Let a call begin to wait."""
        until_s = self.clock.monotonic_s() + patience_s
        self._tasks[name] = asyncio.create_task(self._acquire(name, priority, until_s))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # one who is displaced hears of it a turn later

    async def _acquire(self, name: str, priority: Priority, until_s: float) -> None:
        try:
            await self.slots.acquire(priority, until_s=until_s)
        except NoSlot as refusal:
            self.outcomes[name] = refusal.why
        else:
            self.outcomes[name] = None

    async def release(self, count: int = 1) -> list[str]:
        """Give places back; return who was answered thereupon, in order."""
        before = len(self.outcomes)
        for _ in range(count):
            self.slots.release()
        await asyncio.sleep(0)
        return list(self.outcomes)[before:]

    async def hang_up(self, name: str) -> None:
        """Cancel a call, and see it gone."""
        self._tasks[name].cancel()
        await asyncio.wait([self._tasks[name]])


@pytest.mark.parametrize("priority", Priority)
def test_priority_is_read_by_name(priority: Priority) -> None:
    """`weir-priority` names a class by its lower-case name."""
    assert priority_of(priority.name.lower()) is priority


def test_priority_of_another_text_is_none() -> None:
    """A text that names no class is not silently some class."""
    with pytest.raises(ValueError, match="interactive, standard or background"):
        priority_of("urgent")


@pytest.mark.parametrize(
    ("priority", "places"), [(BACKGROUND, 6), (STANDARD, 8), (INTERACTIVE, 10)]
)
def test_class_leaves_its_reserve(priority: Priority, places: int) -> None:
    """Of ten places two are kept for interactive calls, and two more from background ones."""
    slots = Places(10).slots
    taken = 0
    while slots.try_acquire(priority):
        taken += 1
    assert taken == slots.in_flight == places


@pytest.mark.parametrize("limit", [0, 1])
def test_every_class_has_a_place(limit: int) -> None:
    """However low the limit, a call that is alone goes ahead, whatever its class."""
    for priority in Priority:
        slots = Places(limit).slots
        assert slots.try_acquire(priority)
        assert not slots.try_acquire(INTERACTIVE)


async def test_higher_class_is_served_first() -> None:
    """Whoever began to wait first, the more important call gets the place."""
    places = Places(20)
    places.take(20)
    await places.wait("background", BACKGROUND)
    await places.wait("standard", STANDARD)
    await places.wait("interactive", INTERACTIVE)
    assert await places.release(11) == ["interactive", "standard", "background"]


async def test_oldest_of_a_class_is_served_first() -> None:
    """As long as the queue is short, calls of a class go ahead in the order they came."""
    places = Places(20)
    places.take(20)
    for name in ("first", "second", "third"):
        await places.wait(name, INTERACTIVE)
    assert await places.release(3) == ["first", "second", "third"]


async def test_full_queue_is_served_in_order_too() -> None:
    """However many wait, nobody is overtaken by one of its class who came later."""
    places = Places(8)
    places.take(8)
    for name in ("first", "second", "third", "fourth"):
        await places.wait(name, INTERACTIVE)
    assert await places.release(4) == ["first", "second", "third", "fourth"]


@pytest.mark.parametrize(("priority", "room"), [(BACKGROUND, 5), (STANDARD, 5), (INTERACTIVE, 10)])
async def test_class_fills_its_part_of_the_queue(priority: Priority, room: int) -> None:
    """Of ten who may wait half are standard calls at most, or background ones."""
    places = Places(20)
    places.take(20)
    names = [f"call {number}" for number in range(room + 1)]
    for name in names:
        await places.wait(name, priority)
    assert places.outcomes == {names[-1]: "full"}
    assert places.slots.queued == room


async def test_no_wait_where_nothing_moves() -> None:
    """Behind a provider that hangs one call may wait to its end; the others hear of it at once."""
    places = Places(20)
    places.take(20)
    await places.wait("first", INTERACTIVE, patience_s=30.0)
    await places.wait("second", INTERACTIVE, patience_s=30.0)
    places.clock.advance(20.0)
    await places.wait("third", INTERACTIVE, patience_s=30.0)
    await places.wait("patient", INTERACTIVE, patience_s=50.0)
    assert places.outcomes == {"third": "deadline"}


async def test_a_wait_in_vain_is_remembered() -> None:
    """Where one waited to its end for nothing, the next is alone in waiting as long."""
    places = Places(20)
    places.take(20)
    with pytest.raises(NoSlot):
        await places.slots.acquire(INTERACTIVE, until_s=places.clock.monotonic_s() + 0.001)
    places.clock.advance(1.0)
    task = asyncio.create_task(
        places.slots.acquire(STANDARD, until_s=places.clock.monotonic_s() + 0.01)
    )
    await asyncio.sleep(0)
    places.clock.advance(5.0)
    with pytest.raises(NoSlot):
        await task
    await places.wait("first", STANDARD, patience_s=5.0)
    await places.wait("second", STANDARD, patience_s=5.0)
    assert places.outcomes == {"second": "deadline"}


async def test_no_wait_behind_too_many() -> None:
    """Places come free every ten seconds: who has fifty does not wait as the third."""
    places = Places(8)
    places.take(8)
    await places.wait("first", INTERACTIVE)
    for number in range(40):
        await places.wait(f"next {number}", INTERACTIVE, patience_s=3600.0)
        places.clock.advance(10.0)
        await places.release()
    await places.wait("second", INTERACTIVE, patience_s=50.0)
    await places.wait("third", INTERACTIVE, patience_s=50.0)
    await places.wait("patient", INTERACTIVE, patience_s=70.0)
    late = [name for name, outcome in places.outcomes.items() if outcome == "deadline"]
    assert late == ["third"]
    assert places.slots.queued == 3


async def test_pace_is_not_that_of_callers() -> None:
    """That calls came rarely for hours says nothing about how fast a queue is served."""
    places = Places(8)
    places.take(8)
    for name in ("morning", "noon", "evening"):
        await places.wait(name, INTERACTIVE)
        await places.release()
        places.clock.advance(3600.0)
    for name in ("first", "second", "third"):
        await places.wait(name, INTERACTIVE, patience_s=5.0)
    assert places.slots.queued == 3


async def test_full_queue_refuses() -> None:
    """Half the limit may wait; one more is told so at once."""
    places = Places(4)
    places.take(4)
    for name in ("first", "second", "third"):
        await places.wait(name, INTERACTIVE)
    assert places.outcomes == {"third": "full"}
    assert places.slots.queued == 2


async def test_full_queue_makes_room_for_a_higher_class() -> None:
    """The newest of the lowest class loses its place in the queue to a more important call."""
    places = Places(8)
    places.take(8)
    await places.wait("background", BACKGROUND)
    await places.wait("older", STANDARD)
    await places.wait("newer", STANDARD)
    for name in ("one", "two"):
        await places.wait(name, INTERACTIVE)
    assert places.outcomes == {"background": "full"}
    await places.wait("three", INTERACTIVE)
    assert places.outcomes == {"background": "full", "newer": "full"}
    assert places.slots.queued == 4


async def test_full_queue_keeps_its_own_class() -> None:
    """A newcomer displaces nobody of its own class or above."""
    places = Places(2)
    places.take(2)
    await places.wait("interactive", INTERACTIVE)
    await places.wait("another", INTERACTIVE)
    await places.wait("standard", STANDARD)
    assert places.outcomes == {"another": "full", "standard": "full"}


async def test_wait_ends_at_its_time() -> None:
    """A call that finds no place in time is told so then, without anyone giving one back."""
    places = Places(1)
    places.take(1)
    with pytest.raises(NoSlot) as refusal:
        await places.slots.acquire(INTERACTIVE, until_s=places.clock.monotonic_s() + 0.001)
    assert refusal.value.why == "deadline"
    assert places.slots.queued == 0


async def test_no_wait_without_time() -> None:
    """A call whose time is over does not begin to wait."""
    places = Places(1)
    places.take(1)
    with pytest.raises(NoSlot) as refusal:
        await places.slots.acquire(INTERACTIVE, until_s=places.clock.monotonic_s())
    assert refusal.value.why == "deadline"


async def test_late_waiter_is_passed_over() -> None:
    """A place is not spent on a call whose time passed while the loop was busy elsewhere."""
    places = Places(8)
    places.take(8)
    await places.wait("late", INTERACTIVE, patience_s=5.0)
    await places.wait("in time", INTERACTIVE, patience_s=60.0)
    places.clock.advance(10.0)
    await places.release()
    assert places.outcomes == {"late": "deadline", "in time": None}
    assert places.slots.in_flight == 8


async def test_hang_up_leaves_the_queue() -> None:
    """A call that is cancelled while it waits is not handed the next place."""
    places = Places(4)
    places.take(4)
    await places.wait("gone", INTERACTIVE)
    await places.wait("next", INTERACTIVE)
    await places.hang_up("gone")
    assert places.slots.queued == 1
    assert await places.release() == ["next"]


async def test_hang_up_in_the_turn_of_the_place_passes_it_on() -> None:
    """A call cancelled just as it is handed a place gives the place to the next."""
    places = Places(8)
    places.take(8)
    await places.wait("gone", INTERACTIVE)
    await places.wait("next", INTERACTIVE)
    places.slots.release()
    await places.hang_up("gone")
    await asyncio.sleep(0)
    assert places.outcomes == {"next": None}
    assert places.slots.in_flight == 8


async def test_place_given_back_in_the_turn_of_the_hang_up_goes_to_the_next() -> None:
    """A place is not handed to a call that is cancelled and has yet to find out."""
    places = Places(8)
    places.take(8)
    await places.wait("gone", INTERACTIVE)
    await places.wait("next", INTERACTIVE)
    places._tasks["gone"].cancel()
    assert await places.release() == ["next"]
    assert (places.slots.in_flight, places.slots.queued) == (8, 0)


async def test_shrunken_limit_admits_nobody_until_it_drains() -> None:
    """Places above a lower limit are given back before anyone else goes ahead."""
    places = Places(8)
    places.take(8)
    await places.wait("patient", INTERACTIVE)
    places.limit = 6
    assert await places.release(2) == []
    assert await places.release(1) == ["patient"]
    assert places.slots.in_flight == 6


async def test_grown_limit_wakes_those_who_wait() -> None:
    """Who fits under a higher limit goes ahead as soon as it is told of."""
    places = Places(4)
    places.take(4)
    await places.wait("second", STANDARD)
    await places.wait("first", INTERACTIVE)
    places.limit = 6
    places.slots.limit_changed()
    await asyncio.sleep(0)
    assert places.outcomes == {"first": None}


async def test_newcomer_does_not_overtake_under_a_grown_limit() -> None:
    """A limit that grew in silence serves those who wait before one of their class who comes."""
    places = Places(4)
    places.take(4)
    await places.wait("patient", INTERACTIVE)
    places.limit = 5
    assert not places.slots.try_acquire(INTERACTIVE)
    await asyncio.sleep(0)
    assert places.outcomes == {"patient": None}


def test_place_given_back_twice_is_a_fault() -> None:
    """Giving back what was not taken is found where it happens."""
    with pytest.raises(AssertionError, match="more places given back"):
        Places(4).slots.release()
