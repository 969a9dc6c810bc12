"""Credentials are used in turn, and left alone for as long as the provider wants it."""

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import FakeClock
from weir_server.resilience.credentials import Credentials, CredentialState, CredentialUse

NAMES = ("a", "b", "c")


def waits(credentials: Credentials) -> dict[str, float]:
    return {shown.name: shown.remaining_s for shown in credentials.states()}


def test_they_take_turns() -> None:
    """Each is used as often as any other."""
    credentials = Credentials(NAMES, clock=FakeClock())
    assert [credentials.pick() for _ in range(7)] == ["a", "b", "c", "a", "b", "c", "a"]


def test_a_single_one_is_always_next() -> None:
    """With one there is no choice."""
    credentials = Credentials(["only"], clock=FakeClock())
    assert [credentials.pick() for _ in range(3)] == ["only"] * 3


def test_without_any_there_is_nothing_to_choose() -> None:
    """A provider without names is a mistake of whoever builds this; the message says what to do."""
    with pytest.raises(ValueError, match="give the empty name"):
        Credentials([], clock=FakeClock())


def test_one_that_cools_is_passed_over() -> None:
    """The others go on in turn, until it is back."""
    clock = FakeClock()
    credentials = Credentials(NAMES, clock=clock)
    credentials.cool("b", 2.0)
    assert [credentials.pick() for _ in range(4)] == ["a", "c", "a", "c"]
    assert credentials.pick(only="b") is None
    assert credentials.pick(only="c") == "c"
    assert credentials.soonest_s() == 0.0
    clock.advance(2.0)
    assert [credentials.pick() for _ in range(3)] == ["a", "b", "c"]
    assert credentials.pick(only="b") == "b"


def test_one_that_works_again_is_parked_no_longer() -> None:
    """Its rest is over; that of one which cools is the provider's wish and stays."""
    credentials = Credentials(NAMES, clock=FakeClock())
    credentials.park("a", 30.0)
    credentials.cool("b", 20.0)
    credentials.unpark("a")
    credentials.unpark("b")
    credentials.unpark("c")
    assert waits(credentials) == {"a": 0.0, "b": 20.0, "c": 0.0}


def test_when_none_is_left_the_wait_is_told() -> None:
    """The soonest of them counts."""
    clock = FakeClock()
    credentials = Credentials(NAMES, clock=clock)
    credentials.cool("a", 4.0)
    credentials.cool("b", 3.0)
    credentials.park("c", 60.0)
    assert credentials.pick() is None
    clock.advance(1.0)
    assert credentials.soonest_s() == 2.0


def test_no_wait_is_negative() -> None:
    """Nobody looked while the wait ran out: it is over, not owed."""
    clock = FakeClock()
    credentials = Credentials(["a"], clock=clock)
    credentials.cool("a", 1.0)
    assert credentials.pick() is None
    clock.advance(5.0)
    assert credentials.soonest_s() == 0.0
    assert credentials.pick() == "a"


@pytest.mark.parametrize(
    ("asked_s", "kept_s"), [(-5.0, 0.0), (0.0, 0.0), (7.0, 7.0), (300.0, 300.0), (1e9, 300.0)]
)
def test_a_retry_after_is_kept_within_reason(asked_s: float, kept_s: float) -> None:
    """No wait is negative, and none is longer than five minutes."""
    credentials = Credentials(["a"], clock=FakeClock())
    credentials.cool("a", asked_s)
    assert credentials.soonest_s() == kept_s


def test_a_wish_that_is_no_number_is_none() -> None:
    """`Retry-After: nan` cools as if the provider had said nothing, and not for good."""
    clock = FakeClock()
    credentials = Credentials(["a"], clock=clock)
    credentials.cool("a", math.nan)
    assert credentials.soonest_s() == 1.0
    clock.advance(1.0)
    assert credentials.pick() == "a"


def test_limits_in_a_row_cool_longer_and_longer() -> None:
    """1, 2, 4, ... seconds up to 60; a success starts over."""
    clock = FakeClock()
    credentials = Credentials(["a"], clock=clock)
    cooled_s = []
    for _ in range(9):
        credentials.cool("a", None)
        cooled_s.append(credentials.soonest_s())
        clock.advance(cooled_s[-1])
    assert cooled_s == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    credentials.succeeded("a")
    credentials.cool("a", None)
    assert credentials.soonest_s() == 1.0


def test_a_burst_of_limits_is_one() -> None:
    """Fifty calls that were on their way together do not cool it for a minute."""
    clock = FakeClock()
    credentials = Credentials(["a"], clock=clock)
    for _ in range(50):
        credentials.cool("a", None)
    assert credentials.soonest_s() == 1.0
    clock.advance(1.0)
    credentials.cool("a", None)
    assert credentials.soonest_s() == 2.0


def test_the_longest_wish_counts() -> None:
    """A later and shorter wait does not bring it back sooner, nor does a late success."""
    credentials = Credentials(["a"], clock=FakeClock())
    credentials.cool("a", 10.0)
    credentials.cool("a", 20.0)
    credentials.cool("a", 3.0)
    credentials.cool("a", None)
    credentials.succeeded("a")
    assert credentials.soonest_s() == 20.0


def test_operators_see_names_and_states() -> None:
    """Each is used, cooling or parked, and for how long; one that cools too stays parked."""
    clock = FakeClock()
    credentials = Credentials(NAMES, clock=clock)
    credentials.cool("b", 5.0)
    credentials.park("c", 600.0)
    credentials.cool("c", 5.0)
    clock.advance(1.0)
    assert credentials.states() == (
        CredentialState(name="a", state=CredentialUse.USED, remaining_s=0.0),
        CredentialState(name="b", state=CredentialUse.COOLING, remaining_s=4.0),
        CredentialState(name="c", state=CredentialUse.PARKED, remaining_s=599.0),
    )


def test_names_that_a_reload_took_away_are_ignored() -> None:
    """Their last calls may still end."""
    credentials = Credentials(NAMES, clock=FakeClock())
    credentials.cool("gone", 5.0)
    credentials.park("gone", 5.0)
    credentials.succeeded("gone")
    assert credentials.pick(only="gone") is None
    assert waits(credentials) == {"a": 0.0, "b": 0.0, "c": 0.0}


class CredentialsMachine(RuleBasedStateMachine):
    """The model counts seconds down, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.credentials = Credentials(NAMES, clock=self.clock)
        self.left = dict.fromkeys(NAMES, 0)
        self.parked = dict.fromkeys(NAMES, False)
        self.row = dict.fromkeys(NAMES, 0)
        self.turns = list(NAMES)

    @rule(picks=st.integers(1, 4))
    def pick(self, picks: int) -> None:
        for _ in range(picks):
            usable = [name for name in self.turns if not self.left[name]]
            assert self.credentials.pick() == (usable[0] if usable else None)
            if usable:
                # The one used goes to the end, with those before it, in the same order.
                turn = self.turns.index(usable[0]) + 1
                self.turns = self.turns[turn:] + self.turns[:turn]

    @rule(name=st.sampled_from(NAMES))
    def pick_only(self, name: str) -> None:
        assert self.credentials.pick(only=name) == (None if self.left[name] else name)

    @rule(
        name=st.sampled_from(NAMES),
        wish=st.one_of(st.none(), st.integers(-2, 40), st.integers(200, 400)),
    )
    def cool(self, name: str, wish: int | None) -> None:
        self.credentials.cool(name, None if wish is None else float(wish))
        was_away = self.left[name] > 0
        if not was_away:
            self.row[name] += 1
        if wish is not None:
            self.left[name] = max(self.left[name], min(max(wish, 0), 300))
        elif not was_away:
            self.left[name] = min(2 ** (self.row[name] - 1), 60)

    @rule(name=st.sampled_from(NAMES), seconds=st.integers(0, 60))
    def park(self, name: str, seconds: int) -> None:
        self.credentials.park(name, float(seconds))
        self.left[name] = max(self.left[name], seconds)
        self.parked[name] = self.left[name] > 0

    @rule(name=st.sampled_from(NAMES))
    def succeed(self, name: str) -> None:
        self.credentials.succeeded(name)
        self.row[name] = 0

    @rule(seconds=st.one_of(st.integers(1, 10), st.integers(30, 120)))
    def wait(self, seconds: int) -> None:
        self.clock.advance(float(seconds))
        for _ in range(seconds):
            for name in NAMES:
                self.left[name] = max(0, self.left[name] - 1)
                self.parked[name] = self.parked[name] and self.left[name] > 0

    @rule(step_s=st.sampled_from([-3600.0, 3600.0]))
    def step_the_wall_clock(self, step_s: float) -> None:
        self.clock.step_wall(step_s)

    @invariant()
    def stands_the_same(self) -> None:
        assert waits(self.credentials) == self.left
        assert self.credentials.soonest_s() == min(self.left.values())
        for shown in self.credentials.states():
            expected = CredentialUse.COOLING if self.left[shown.name] else CredentialUse.USED
            if self.parked[shown.name]:
                expected = CredentialUse.PARKED
            assert shown.state is expected


TestCredentialsModel = CredentialsMachine.TestCase
TestCredentialsModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
