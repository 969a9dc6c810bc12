"""What is usual is told from the latest times alone, and not at all from too few."""

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import FakeClock
from weir_server.resilience.ttft import RollingTimes


def test_twenty_are_enough() -> None:
    """With nineteen there is no answer, with twenty there is."""
    times = RollingTimes(FakeClock())
    for _ in range(19):
        times.add(1.0)
    assert times.median_s() is None
    assert times.p95_s() is None
    times.add(1.0)
    assert times.count == 20
    assert times.median_s() == 1.0
    assert times.p95_s() == 1.0


@pytest.mark.parametrize(
    ("count", "median_s", "p95_s"), [(20, 10.0, 19.0), (21, 11.0, 20.0), (100, 50.0, 95.0)]
)
def test_answers_are_nearest_ranks(count: int, median_s: float, p95_s: float) -> None:
    """Of 1 to n seconds in any order, they are times that were taken."""
    times = RollingTimes(FakeClock())
    for number in range(count, 0, -1):
        times.add(float(number))
    assert (times.median_s(), times.p95_s()) == (median_s, p95_s)


def test_old_times_are_forgotten() -> None:
    """A minute later nothing is known any more."""
    clock = FakeClock()
    times = RollingTimes(clock)
    for _ in range(20):
        times.add(1.0)
    clock.advance(59.0)
    assert times.p95_s() == 1.0
    clock.advance(1.0)
    assert times.count == 0
    assert times.p95_s() is None


def test_only_the_latest_are_kept() -> None:
    """However busy the target is, memory is bounded."""
    times = RollingTimes(FakeClock(), keep=32)
    for number in range(1000):
        times.add(float(number))
    assert times.count == 32
    assert times.median_s() == 983.0


def test_an_answer_holds_for_a_quarter_of_a_second() -> None:
    """Asking on each call is cheap: what comes in meanwhile is seen a little later."""
    clock = FakeClock()
    times = RollingTimes(clock, keep=20)
    for _ in range(20):
        times.add(1.0)
    assert times.p95_s() == 1.0
    for _ in range(20):
        times.add(9.0)
    assert times.p95_s() == 1.0
    clock.advance(0.25)
    assert times.p95_s() == 9.0


class RollingTimesMachine(RuleBasedStateMachine):
    """The model keeps all times for ever and takes the ranks anew from those that count."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.times = RollingTimes(self.clock, window_s=8.0, keep=24)
        self.now = 0.0
        self.all: list[tuple[float, float]] = []

    def recent(self) -> list[float]:
        return sorted(taken for when, taken in self.all[-24:] if self.now - when < 8.0)

    @rule(taken=st.lists(st.integers(0, 50).map(float), min_size=1, max_size=15))
    def add(self, taken: list[float]) -> None:
        for seconds in taken:
            self.times.add(seconds)
            self.all.append((self.now, seconds))

    @rule(quarters=st.integers(1, 12))
    def wait(self, quarters: int) -> None:
        """Never less than an answer holds, and asked at once, so that both look at the same."""
        self.clock.advance(quarters / 4)
        self.now += quarters / 4
        recent = self.recent()
        if len(recent) < 20:
            assert self.times.median_s() is None
            assert self.times.p95_s() is None
        else:
            assert self.times.median_s() == recent[math.ceil(len(recent) / 2) - 1]
            assert self.times.p95_s() == recent[math.ceil(len(recent) * 95 / 100) - 1]

    @rule(step_s=st.sampled_from([-3600.0, 3600.0]))
    def step_the_wall_clock(self, step_s: float) -> None:
        self.clock.step_wall(step_s)

    @invariant()
    def counts_the_same(self) -> None:
        assert self.times.count == len(self.recent())


TestRollingTimesModel = RollingTimesMachine.TestCase
TestRollingTimesModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
