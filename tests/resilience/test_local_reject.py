"""An upstream that turns calls away gets fewer of them, but never none."""

import random
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import FakeClock
from weir_server.resilience.local_reject import LocalReject


def after(clock: FakeClock, *, asked: int, accepted: int) -> LocalReject:
    upstream = LocalReject(clock=clock, rng=random.Random(5))
    for _ in range(asked):
        upstream.asked()
    for _ in range(accepted):
        upstream.accepted()
    return upstream


@pytest.mark.parametrize(
    ("asked", "accepted", "share"),
    [(0, 0, 0.0), (100, 100, 0.0), (100, 50, 0.0), (99, 25, 0.49), (99, 0, 0.99), (9999, 0, 0.99)],
)
def test_the_share_that_is_refused(asked: int, accepted: int, share: float) -> None:
    """What is asked beyond twice what is accepted, and 99 % at most."""
    assert after(FakeClock(), asked=asked, accepted=accepted).share == share


def test_a_healthy_upstream_is_never_spared() -> None:
    """As long as half of the calls are taken, none is refused here."""
    upstream = after(FakeClock(), asked=1000, accepted=500)
    assert not any(upstream.rejects() for _ in range(1000))


def test_one_in_a_hundred_passes() -> None:
    """In a total outage some calls still go out, to see whether it is over."""
    upstream = after(FakeClock(), asked=100_000, accepted=0)
    passed = sum(not upstream.rejects() for _ in range(20_000))
    assert 100 < passed < 320


def test_what_is_sent_settles_at_twice_what_is_taken() -> None:
    """An upstream that takes 10 calls a second of 100 is sent about 20."""
    clock = FakeClock()
    upstream = LocalReject(clock=clock, rng=random.Random(2))
    sent_by_second = []
    for _ in range(600):
        sent = 0
        for _ in range(100):
            is_rejected = upstream.rejects()
            upstream.asked()
            if not is_rejected:
                sent += 1
                if sent <= 10:
                    upstream.accepted()
        sent_by_second.append(sent)
        clock.advance(1.0)
    late = sent_by_second[300:]
    assert 17 <= sum(late) / len(late) <= 24


def test_two_minutes_later_all_is_forgotten() -> None:
    """An outage of before says nothing of now."""
    clock = FakeClock()
    upstream = after(clock, asked=1000, accepted=0)
    clock.advance(120.0)
    assert upstream.share == 0.0


class LocalRejectMachine(RuleBasedStateMachine):
    """The model keeps a diary of both and takes the share from it in fractions."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.upstream = LocalReject(clock=self.clock, rng=random.Random(0))
        self.drawn = random.Random(0)
        self.second = 0
        self.asked: list[int] = []
        self.accepted: list[int] = []

    def share(self) -> Fraction:
        asked, accepted = (
            sum(self.second // 10 - second // 10 < 12 for second in diary)
            for diary in (self.asked, self.accepted)
        )
        excess = Fraction(asked - 2 * accepted, asked + 1)
        return min(max(Fraction(0), excess), Fraction(99, 100))

    @rule(asked=st.integers(1, 30), of_ten=st.integers(0, 10))
    def ask(self, asked: int, of_ten: int) -> None:
        for number in range(asked):
            self.upstream.asked()
            self.asked.append(self.second)
            if number % 10 < of_ten:
                self.upstream.accepted()
                self.accepted.append(self.second)

    @rule()
    def draw(self) -> None:
        share = self.share()
        assert self.upstream.rejects() == (share > 0 and self.drawn.random() < share)

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds: int) -> None:
        self.second += seconds
        self.clock.advance(float(seconds))

    @rule(step_s=st.sampled_from([-3600.0, 3600.0]))
    def step_the_wall_clock(self, step_s: float) -> None:
        self.clock.step_wall(step_s)

    @invariant()
    def has_the_same_share(self) -> None:
        assert self.upstream.share == pytest.approx(float(self.share()))


TestLocalRejectModel = LocalRejectMachine.TestCase
TestLocalRejectModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
