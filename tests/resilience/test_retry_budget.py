"""Repeats of one upstream stay within what its first attempts and the time have earned."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import FakeClock
from weir_server.resilience.retry_budget import RetryBudget, RetryBudgetPolicy

# Binary fractions, so that the model and the budget can be compared exactly.
EXACT = RetryBudgetPolicy(share=0.25, floor_per_s=0.5, keep_s=10.0)


def spend_all(budget: RetryBudget) -> int:
    spent = 0
    while budget.try_spend():
        spent += 1
    return spent


def test_a_new_budget_has_what_the_floor_keeps() -> None:
    """The first call that fails may be repeated."""
    assert spend_all(RetryBudget(RetryBudgetPolicy(), clock=FakeClock())) == 10


def test_time_earns_the_floor() -> None:
    """Once spent, one repeat for each second comes back, up to ten seconds' worth."""
    clock = FakeClock()
    budget = RetryBudget(RetryBudgetPolicy(), clock=clock)
    spend_all(budget)
    clock.advance(3.0)
    assert spend_all(budget) == 3
    clock.advance(3600.0)
    assert spend_all(budget) == 10


def test_first_attempts_earn_their_share() -> None:
    """Five calls earn one repeat."""
    budget = RetryBudget(RetryBudgetPolicy(share=0.2, floor_per_s=0.0), clock=FakeClock())
    for _ in range(4):
        budget.first_attempt()
    assert not budget.try_spend()
    budget.first_attempt()
    assert budget.try_spend()
    assert not budget.try_spend()


def test_what_was_earned_does_not_keep() -> None:
    """A busy hour earns nothing for a quiet one."""
    clock = FakeClock()
    budget = RetryBudget(RetryBudgetPolicy(share=0.5, floor_per_s=0.0), clock=clock)
    for _ in range(100):
        budget.first_attempt()
    clock.advance(10.0)
    assert not budget.try_spend()


def test_failures_stop_repeats_and_successes_bring_them_back() -> None:
    """Five failures use up the throttle's half; ten successes make up for one."""
    budget = RetryBudget(RetryBudgetPolicy(), clock=FakeClock())
    for _ in range(4):
        budget.failed()
    assert budget.try_spend()
    budget.failed()
    assert budget.is_throttled
    assert not budget.try_spend()
    budget.succeeded()
    assert budget.try_spend()


def test_the_throttle_knows_no_debt() -> None:
    """However long an outage was, half the throttle and one success end it."""
    budget = RetryBudget(RetryBudgetPolicy(), clock=FakeClock())
    for _ in range(1000):
        budget.failed()
    for _ in range(50):
        budget.succeeded()
    assert budget.is_throttled
    budget.succeeded()
    assert not budget.is_throttled


def test_a_step_of_the_wall_clock_earns_nothing() -> None:
    """An hour forth or back on the wall is no time in which anything was earned."""
    clock = FakeClock()
    budget = RetryBudget(RetryBudgetPolicy(), clock=clock)
    spend_all(budget)
    for step_s in (3600.0, -7200.0):
        clock.step_wall(step_s)
        assert not budget.try_spend()


def test_other_rules_keep_what_they_allow() -> None:
    """A reload neither refills the budget nor leaves more in it than the new rules let it keep."""
    budget = RetryBudget(RetryBudgetPolicy(), clock=FakeClock())
    budget.policy = RetryBudgetPolicy(keep_s=4.0)
    assert budget.try_spend()
    budget.policy = RetryBudgetPolicy(keep_s=60.0)
    assert spend_all(budget) == 3


def test_other_rules_keep_what_calls_earned() -> None:
    """A reload to a longer memory does not forget the calls that are in the shorter one."""
    budget = RetryBudget(RetryBudgetPolicy(share=0.5, floor_per_s=0.0), clock=FakeClock())
    for _ in range(10):
        budget.first_attempt()
    budget.policy = RetryBudgetPolicy(share=0.5, floor_per_s=0.0, keep_s=60.0)
    assert spend_all(budget) == 5


@pytest.mark.parametrize("calls", [200, 2_000])
@pytest.mark.parametrize("calls_per_s", [10.0, 100.0])
def test_a_total_outage_is_not_amplified(calls: int, calls_per_s: float) -> None:
    """With every attempt failing, 1.2 times the calls reach the upstream at most."""
    clock = FakeClock()
    budget = RetryBudget(RetryBudgetPolicy(), clock=clock)
    attempts = 0
    for _ in range(calls):
        budget.first_attempt()
        budget.failed()
        attempts += 1
        for _ in range(2):
            if budget.try_spend():
                budget.failed()
                attempts += 1
        clock.advance(1.0 / calls_per_s)
    assert attempts <= 1.2 * calls


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(0, 3)), max_size=80),
    st.sampled_from([0.0, 0.1, 0.2, 1.0]),
    st.sampled_from([0.0, 1.0, 5.0]),
)
def test_any_run_stays_within_share_and_floor(
    steps: list[tuple[int, int, int]], share: float, floor_per_s: float
) -> None:
    """However calls, repeats and pauses are mixed, and with no help from the throttle."""
    clock = FakeClock()
    policy = RetryBudgetPolicy(share=share, floor_per_s=floor_per_s)
    budget = RetryBudget(policy, clock=clock)
    firsts, repeats, elapsed_s = 0, 0, 0.0
    for tenths, calls, wishes in steps:
        clock.advance(tenths / 10)
        elapsed_s += tenths / 10
        for _ in range(calls):
            budget.first_attempt()
            firsts += 1
            repeats += sum(budget.try_spend() for _ in range(wishes))
        assert repeats <= share * firsts + floor_per_s * (policy.keep_s + elapsed_s) + 1e-6


class RetryBudgetMachine(RuleBasedStateMachine):
    """The model earns at once, and cuts what does not keep at once; the budget when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.policy = EXACT
        self.budget = RetryBudget(self.policy, clock=self.clock)
        self.now = 0
        self.balance = Fraction(5)
        self.throttle = Fraction(10)
        self.firsts: list[int] = []

    def cut(self) -> None:
        bucket = int(self.policy.keep_s) // 10
        recent = sum(self.now // bucket - first // bucket < 10 for first in self.firsts)
        most = Fraction(self.policy.share) * recent
        most += Fraction(self.policy.floor_per_s) * Fraction(self.policy.keep_s)
        self.balance = min(self.balance, most)

    @rule(calls=st.integers(1, 30))
    def first_attempts(self, calls: int) -> None:
        for _ in range(calls):
            self.budget.first_attempt()
            self.firsts.append(self.now)
            self.balance += Fraction(self.policy.share)
            self.cut()

    @rule(calls=st.integers(1, 12))
    def fail(self, calls: int) -> None:
        for _ in range(calls):
            self.budget.failed()
            self.throttle = max(Fraction(0), self.throttle - 1)

    @rule(calls=st.integers(1, 60))
    def succeed(self, calls: int) -> None:
        for _ in range(calls):
            self.budget.succeeded()
            self.throttle = min(Fraction(10), self.throttle + Fraction(1, 10))

    @rule(wishes=st.integers(1, 20))
    def spend(self, wishes: int) -> None:
        for _ in range(wishes):
            may = self.throttle > 5 and self.balance >= 1
            assert self.budget.try_spend() == may
            self.balance -= may

    @rule(seconds=st.integers(1, 15))
    def wait(self, seconds: int) -> None:
        self.clock.advance(float(seconds))
        for _ in range(seconds):
            self.now += 1
            self.balance += Fraction(self.policy.floor_per_s)
            self.cut()

    @rule(share=st.sampled_from([0.0, 0.25, 1.0]), floor_per_s=st.sampled_from([0.0, 0.5, 2.0]))
    def reload(self, share: float, floor_per_s: float) -> None:
        self.policy = replace(self.policy, share=share, floor_per_s=floor_per_s)
        self.budget.policy = self.policy
        self.cut()

    @invariant()
    def throttles_the_same(self) -> None:
        assert self.budget.is_throttled == (self.throttle <= 5)


TestRetryBudgetModel = RetryBudgetMachine.TestCase
TestRetryBudgetModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
