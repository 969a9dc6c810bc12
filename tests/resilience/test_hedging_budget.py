"""However often a second target could be asked, it is for one call in twenty at most."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import FakeClock
from weir_server.resilience.hedging_budget import HedgeBudget


def test_twenty_calls_pay_for_one_hedge() -> None:
    """Nineteen do not, and the one that they pay for is spent once."""
    budget = HedgeBudget(clock=FakeClock())
    assert not budget.try_spend()
    for _ in range(19):
        budget.call()
    assert not budget.try_spend()
    budget.call()
    assert budget.try_spend()
    assert not budget.try_spend()


def test_calls_of_a_minute_ago_pay_for_nothing() -> None:
    """A busy hour earns no hedges for a quiet one."""
    clock = FakeClock()
    budget = HedgeBudget(clock=clock)
    for _ in range(1000):
        budget.call()
    clock.advance(60.0)
    assert not budget.try_spend()


def test_no_share_is_no_hedge() -> None:
    """A share of nothing turns hedging off."""
    budget = HedgeBudget(0.0, clock=FakeClock())
    for _ in range(1000):
        budget.call()
    assert not budget.try_spend()


class HedgeBudgetMachine(RuleBasedStateMachine):
    """The model keeps a diary of calls and hedges."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.budget = HedgeBudget(0.1, clock=self.clock)
        self.second = 0
        self.calls: list[int] = []
        self.hedges: list[int] = []

    def recent(self, diary: list[int]) -> int:
        return sum(self.second // 5 - second // 5 < 12 for second in diary)

    @rule(calls=st.integers(1, 40))
    def call(self, calls: int) -> None:
        for _ in range(calls):
            self.budget.call()
            self.calls.append(self.second)

    @rule(wishes=st.integers(1, 5))
    def spend(self, wishes: int) -> None:
        for _ in range(wishes):
            may = 10 * (self.recent(self.hedges) + 1) <= self.recent(self.calls)
            assert self.budget.try_spend() == may
            if may:
                self.hedges.append(self.second)

    @rule(seconds=st.integers(1, 50))
    def wait(self, seconds: int) -> None:
        self.second += seconds
        self.clock.advance(float(seconds))

    @rule(step_s=st.sampled_from([-3600.0, 3600.0]))
    def step_the_wall_clock(self, step_s: float) -> None:
        self.clock.step_wall(step_s)

    @invariant()
    def stays_within_its_share_of_all_calls(self) -> None:
        assert 10 * len(self.hedges) <= len(self.calls)


TestHedgeBudgetModel = HedgeBudgetMachine.TestCase
TestHedgeBudgetModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
