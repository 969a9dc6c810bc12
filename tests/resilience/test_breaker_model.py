"""Whatever happens in whatever order, the breaker does what a plain model of its rules does."""

import random
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.fakes.clock import FakeClock
from weir_server.resilience.breaker import Breaker, BreakerPolicy, Circuit, Outcome, Permit

TICK_S = 0.5
OK, SLOW, FAILED, FAILED_SLOW, NEUTRAL = Outcome
OUTCOMES = st.sampled_from(Outcome)

SMALL = {"window_s": 4.0, "buckets": 4, "min_calls": 4, "consecutive_failures": 3, "jitter": 0.0}
POLICIES = [
    BreakerPolicy(**SMALL, open_s=2.0, open_max_s=8.0, trials=3, trial_timeout_s=3.0),  # type: ignore[arg-type]
    BreakerPolicy(**SMALL, open_s=3.0, open_max_s=4.0, trials=1, trial_timeout_s=1.0),  # type: ignore[arg-type]
    BreakerPolicy(**SMALL, open_s=6.0, open_max_s=6.0, trials=2, trial_timeout_s=2.0),  # type: ignore[arg-type]
]


@dataclass(eq=False)
class Call:
    """A call that the model let pass."""

    generation: int
    due: float | None = None
    ended: bool = False


@dataclass
class Model:
    """The rules as they are written, living through time tick by tick, with lists and no haste."""

    policy: BreakerPolicy
    now: float = 0.0
    state: Circuit = Circuit.CLOSED
    generation: int = 0
    log: list[tuple[int, Outcome]] = field(default_factory=list)
    row: int = 0
    until: float = 0.0
    failed_periods: int = 0
    trials_of_period: int = 0
    answers: list[Outcome] = field(default_factory=list)
    under_way: list[Call] = field(default_factory=list)

    def bucket(self) -> int:
        return int(self.now // (self.policy.window_s / self.policy.buckets))

    def recent(self) -> list[Outcome]:
        return [what for when, what in self.log if self.bucket() - when < self.policy.buckets]

    def go(self, state: Circuit) -> None:
        self.state = state
        self.generation += 1
        self.under_way = []

    def open(self) -> None:
        span = self.policy.open_s
        for _ in range(self.failed_periods):
            span *= 2
        self.until = self.now + min(span, self.policy.open_max_s)
        self.go(Circuit.OPEN)

    def open_again(self) -> None:
        self.failed_periods += 1
        self.open()

    def half_open(self) -> None:
        self.trials_of_period, self.answers = 0, []
        self.go(Circuit.HALF_OPEN)

    def close(self) -> None:
        self.log, self.row, self.failed_periods = [], 0, 0
        self.go(Circuit.CLOSED)

    def tick(self) -> None:
        self.now += TICK_S
        if self.state is Circuit.OPEN and self.now >= self.until:
            self.half_open()
        for call in [call for call in self.under_way if call.due == self.now]:
            self.end(call, FAILED)

    def admits(self, last_resort: bool) -> bool:
        room = self.trials_of_period < self.policy.trials
        match self.state:
            case Circuit.CLOSED | Circuit.FORCED_CLOSED:
                return True
            case Circuit.HALF_OPEN:
                return room
            case Circuit.OPEN:
                return last_resort and room and not self.under_way
            case _:
                return False

    def begin(self, last_resort: bool) -> Call | None:
        if not self.admits(last_resort):
            return None
        if self.state in (Circuit.CLOSED, Circuit.FORCED_CLOSED):
            return Call(self.generation)
        call = Call(self.generation, self.now + self.policy.trial_timeout_s)
        self.trials_of_period += 1
        self.under_way.append(call)
        return call

    def end(self, call: Call, outcome: Outcome) -> None:
        if call.ended or call.generation != self.generation:
            return
        call.ended = True
        if call.due is None:
            self.end_of_ordinary(outcome)
            return
        self.under_way.remove(call)
        if outcome is NEUTRAL:
            self.trials_of_period -= 1
        elif outcome in (FAILED, FAILED_SLOW):
            if self.state is Circuit.HALF_OPEN:
                self.open_again()
        else:
            if self.state is Circuit.OPEN:
                self.half_open()
                self.trials_of_period = 1
            self.answers.append(outcome)
            self.judge_answers()

    def judge_answers(self) -> None:
        if len(self.answers) >= self.policy.trials:
            if self.answers.count(SLOW) / len(self.answers) >= self.policy.slow_share:
                self.open_again()
            else:
                self.close()

    def end_of_ordinary(self, outcome: Outcome) -> None:
        if outcome is NEUTRAL:
            return
        self.log.append((self.bucket(), outcome))
        self.row = self.row + 1 if outcome in (FAILED, FAILED_SLOW) else 0
        recent = self.recent()
        enough = len(recent) >= self.policy.min_calls
        failed = sum(what in (FAILED, FAILED_SLOW) for what in recent) / len(recent)
        slow = sum(what in (SLOW, FAILED_SLOW) for what in recent) / len(recent)
        bad = enough and (failed >= self.policy.failure_share or slow >= self.policy.slow_share)
        if self.state is Circuit.CLOSED and (bad or self.row >= self.policy.consecutive_failures):
            self.trials_of_period = 0
            self.open()

    def force(self, state: Circuit | None) -> None:
        if state is None:
            self.close()
        elif state is not self.state:
            self.go(state)

    def reload(self, policy: BreakerPolicy) -> None:
        self.policy = policy
        if self.state is Circuit.OPEN:
            self.until = min(self.until, self.now + policy.open_max_s)
        if self.state is Circuit.HALF_OPEN:
            self.judge_answers()


class BreakerMachine(RuleBasedStateMachine):
    """Drives both with the same calls."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.calls: list[tuple[Permit, Call]] = []

    @initialize(policy=st.sampled_from(POLICIES))
    def build(self, policy: BreakerPolicy) -> None:
        self.model = Model(policy)
        self.breaker = Breaker(policy, clock=self.clock, rng=random.Random(0))

    def begin(self, last_resort: bool) -> tuple[Permit, Call] | None:
        permit = self.breaker.acquire(last_resort=last_resort)
        call = self.model.begin(last_resort)
        assert (permit is None) == (call is None)
        if permit is None or call is None:
            return None
        assert permit.is_trial == (call.due is not None)
        return permit, call

    def end(self, begun: tuple[Permit, Call], outcome: Outcome) -> None:
        permit, call = begun
        self.breaker.settle(permit, outcome)
        self.model.end(call, outcome)

    @rule(last_resort=st.booleans())
    def call(self, last_resort: bool) -> None:
        begun = self.begin(last_resort)
        if begun is not None:
            self.calls.append(begun)

    @rule(outcome=OUTCOMES, back=st.integers(0, 12))
    def settle_any(self, outcome: Outcome, back: int) -> None:
        """Early or late, and now and then a second time."""
        if self.calls:
            self.end(self.calls[-1 - back % len(self.calls)], outcome)

    @rule(outcomes=st.lists(OUTCOMES, min_size=1, max_size=8), last_resort=st.booleans())
    def traffic(self, outcomes: list[Outcome], last_resort: bool) -> None:
        for outcome in outcomes:
            begun = self.begin(last_resort)
            if begun is not None:
                self.end(begun, outcome)

    @rule()
    def outage(self) -> None:
        """As many failures as it takes to open it."""
        for _ in range(self.model.policy.consecutive_failures):
            begun = self.begin(last_resort=False)
            if begun is not None:
                self.end(begun, FAILED)

    @rule(last_resort=st.booleans(), ticks=st.integers(1, 12), outcome=OUTCOMES)
    def call_that_takes_long(self, last_resort: bool, ticks: int, outcome: Outcome) -> None:
        begun = self.begin(last_resort)
        self.wait(ticks)
        if begun is not None:
            self.end(begun, outcome)

    @rule(ticks=st.integers(1, 20))
    def wait(self, ticks: int) -> None:
        """All at once for the breaker, tick by tick for the model."""
        self.clock.advance(ticks * TICK_S)
        for _ in range(ticks):
            self.model.tick()

    @rule()
    def wait_for_half_open(self) -> None:
        while self.model.state is Circuit.OPEN:
            self.clock.advance(TICK_S)
            self.model.tick()

    @rule(state=st.sampled_from([None, Circuit.FORCED_OPEN, Circuit.FORCED_CLOSED]))
    def force(self, state: Circuit | None) -> None:
        self.breaker.force(state)
        self.model.force(state)

    @rule(policy=st.sampled_from(POLICIES))
    def reload(self, policy: BreakerPolicy) -> None:
        """Once in a while all is read anew, with other rules."""
        self.breaker.policy = policy
        self.model.reload(policy)

    @rule(step_s=st.sampled_from([-3600.0, 3600.0]))
    def step_the_wall_clock(self, step_s: float) -> None:
        self.clock.step_wall(step_s)

    @invariant()
    def admits_the_same(self) -> None:
        for last_resort in (False, True):
            assert self.breaker.admits(last_resort=last_resort) == self.model.admits(last_resort)

    @invariant()
    def stands_the_same(self) -> None:
        shown, recent = self.breaker.snapshot(), self.model.recent()
        assert shown.circuit is self.model.state
        assert shown.calls == len(recent)
        assert shown.failures == sum(what in (FAILED, FAILED_SLOW) for what in recent)
        assert shown.slow == sum(what in (SLOW, FAILED_SLOW) for what in recent)

    @invariant()
    def tells_the_wait(self) -> None:
        wait_s = self.breaker.retry_after_s()
        assert (wait_s == 0.0) == self.model.admits(last_resort=False)
        if self.model.state is Circuit.OPEN:
            assert wait_s == self.model.until - self.model.now


TestBreakerModel = BreakerMachine.TestCase
TestBreakerModel.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
