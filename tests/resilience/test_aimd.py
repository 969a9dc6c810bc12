"""The limit creeps up where it is used and succeeds, and drops at once where it is too high."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import FakeClock
from weir_server.resilience.aimd import AimdLimit, AimdPolicy


def test_it_begins_where_it_is_told() -> None:
    """A hundred at a time, unless a setting says otherwise."""
    assert AimdLimit(AimdPolicy(), clock=FakeClock()).limit == 100


def test_up_by_one_down_by_a_tenth() -> None:
    """A success at half the limit or more raises it by one, an overload leaves nine tenths."""
    clock = FakeClock()
    limit = AimdLimit(AimdPolicy(), clock=clock)
    limit.succeeded(50)
    assert limit.limit == 101
    limit.overloaded()
    assert limit.limit == 90


def test_a_limit_that_is_not_used_stays() -> None:
    """With less than half of it under way, a success says nothing of the limit."""
    limit = AimdLimit(AimdPolicy(), clock=FakeClock())
    limit.succeeded(49)
    assert limit.limit == 100


def test_a_burst_is_one_step() -> None:
    """Within a tenth of a second only the first counts; after it, the next does."""
    clock = FakeClock()
    limit = AimdLimit(AimdPolicy(), clock=clock)
    for _ in range(50):
        limit.overloaded()
    assert limit.limit == 90
    clock.advance(0.125)
    for _ in range(50):
        limit.overloaded()
    assert limit.limit == 81
    for _ in range(50):
        limit.succeeded(80)
    assert limit.limit == 82


def test_it_always_gives_way_down_to_one() -> None:
    """Where a tenth rounds to nothing it is one less, and one is the last."""
    clock = FakeClock()
    limit = AimdLimit(AimdPolicy(initial=4), clock=clock)
    seen = []
    for _ in range(5):
        limit.overloaded()
        seen.append(limit.limit)
        clock.advance(1.0)
    assert seen == [3, 2, 1, 1, 1]


def test_it_comes_back_from_one() -> None:
    """One call at a time that succeeds is enough to climb again."""
    clock = FakeClock()
    limit = AimdLimit(AimdPolicy(initial=1), clock=clock)
    for _ in range(10):
        limit.succeeded(limit.limit)
        clock.advance(0.125)
    assert limit.limit == 11


def test_other_bounds_keep_the_limit_within_them() -> None:
    """A reload does not begin the search anew."""
    limit = AimdLimit(AimdPolicy(), clock=FakeClock())
    limit.policy = AimdPolicy(initial=7, maximum=200)
    assert limit.limit == 100
    limit.policy = AimdPolicy(initial=7, maximum=20)
    assert limit.limit == 20
    limit.overloaded()
    limit.policy = AimdPolicy(minimum=30)
    assert limit.limit == 30


def test_a_limit_that_was_set_begins_anew() -> None:
    """One that stood at the most there was says nothing of how many more it bears."""
    limit = AimdLimit(AimdPolicy(initial=8, maximum=8), clock=FakeClock())
    limit.policy = AimdPolicy(initial=100)
    assert limit.limit == 100


class AimdMachine(RuleBasedStateMachine):
    """The model keeps every step it took, and looks through them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.policy = AimdPolicy(initial=8, maximum=12)
        self.limit = AimdLimit(self.policy, clock=self.clock)
        self.expected = 8
        self.eighths = 0
        self.steps: list[tuple[str, int]] = []

    def may_step(self, way: str) -> bool:
        """Time moves in eighths of a second here: only the same eighth is within 100 ms."""
        return (way, self.eighths) not in self.steps

    @rule(in_flight=st.integers(1, 14), times=st.integers(1, 3))
    def succeed(self, in_flight: int, times: int) -> None:
        for _ in range(times):
            self.limit.succeeded(in_flight)
            used = in_flight >= self.expected / 2
            if used and self.expected < self.policy.maximum and self.may_step("up"):
                self.steps.append(("up", self.eighths))
                self.expected += 1

    @rule(times=st.integers(1, 3))
    def overload(self, times: int) -> None:
        for _ in range(times):
            self.limit.overloaded()
            if self.may_step("down"):
                self.steps.append(("down", self.eighths))
                lower = self.expected * 9 // 10
                lower = lower - 1 if lower == self.expected else lower
                self.expected = max(lower, self.policy.minimum)

    @rule(eighths=st.integers(1, 3))
    def wait(self, eighths: int) -> None:
        self.eighths += eighths
        self.clock.advance(eighths / 8)

    @rule(step_s=st.sampled_from([-3600.0, 3600.0]))
    def step_the_wall_clock(self, step_s: float) -> None:
        self.clock.step_wall(step_s)

    @rule(minimum=st.integers(1, 4), maximum=st.integers(5, 24))
    def reload(self, minimum: int, maximum: int) -> None:
        if self.expected == self.policy.maximum:
            self.expected = max(self.expected, AimdPolicy().initial)
        self.policy = AimdPolicy(minimum=minimum, maximum=maximum)
        self.limit.policy = self.policy
        self.expected = sorted([minimum, self.expected, maximum])[1]

    @invariant()
    def has_the_same_limit(self) -> None:
        assert self.limit.limit == self.expected
        assert self.policy.minimum <= self.limit.limit <= self.policy.maximum


TestAimdModel = AimdMachine.TestCase
TestAimdModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
