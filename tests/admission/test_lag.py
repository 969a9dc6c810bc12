"""Is a loop that is held noticed, for how long, and by whom?"""

import asyncio
import time

import pytest

from tests.fakes.clock import FakeClock
from weir_server.admission.lag import LagWatch
from weir_server.core.clock import SystemClock
from weir_server.core.tasks import sibling


class Watched:
    """A watch whose wake-ups a test times by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.watch = LagWatch(self.clock, limit_s=0.25, calm_s=0.25, lasting_s=2.0, interval_s=0.05)
        self.watch.expect()

    def wake(self, *, late_s: float) -> None:
        self.clock.advance(0.05 + late_s)
        self.watch.woke()
        self.watch.expect()

    @property
    def is_on(self) -> bool:
        return self.watch.is_on(self.clock.monotonic_s())

    @property
    def lasts(self) -> bool:
        return self.watch.lasts(self.clock.monotonic_s())


def test_measures_how_late_it_is() -> None:
    """What is measured is the last wake-up, and being early is not being late."""
    watched = Watched()
    watched.wake(late_s=0.1)
    assert watched.watch.lag_s == pytest.approx(0.1)
    watched.wake(late_s=-0.01)
    assert watched.watch.lag_s == 0.0


@pytest.mark.parametrize(("late_s", "blocked"), [(0.0, False), (0.2, False), (0.3, True)])
def test_late_wake_up_is_a_blocked_loop(late_s: float, blocked: bool) -> None:
    """Later than the limit, and only then."""
    watched = Watched()
    watched.wake(late_s=late_s)
    assert watched.is_on is blocked


def test_calls_that_come_before_the_watch_is_woken_see_it_too() -> None:
    """What came while the loop was held is worked off before the watch has its turn."""
    watched = Watched()
    watched.clock.advance(0.05 + 0.3)
    assert watched.is_on


def test_passes_after_a_calm() -> None:
    """A single hiccup is forgotten a quarter of a second later."""
    watched = Watched()
    watched.wake(late_s=0.3)
    for _ in range(6):
        watched.wake(late_s=0.0)
    assert not watched.is_on
    assert not watched.lasts


def test_lasts_when_it_comes_again_and_again() -> None:
    """Hiccups without a calm between them are one long trouble."""
    watched = Watched()
    watched.wake(late_s=0.3)
    assert not watched.lasts
    for _ in range(6):
        watched.wake(late_s=0.3)
    assert watched.lasts


def test_one_long_stop_lasts_at_once() -> None:
    """Three seconds of standing still are no hiccup."""
    watched = Watched()
    watched.wake(late_s=3.0)
    assert watched.lasts


def test_says_nothing_before_it_runs() -> None:
    """A watch that was never started sees no trouble."""
    watch = LagWatch(FakeClock())
    assert not watch.is_on(1e9)


async def test_notices_a_held_loop() -> None:
    """Against the real loop: holding it is seen, by the one who held it too."""
    clock = SystemClock()
    watch = LagWatch(clock, limit_s=0.05, interval_s=0.001)
    async with sibling(watch.run(), name="watch"):
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251  holding the loop is the case
        assert watch.is_on(clock.monotonic_s())
        await asyncio.sleep(0.01)
        assert watch.is_on(clock.monotonic_s())
