"""Does the limit follow how long starting takes?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weir_server.admission.gradient import Gradient

BASE_S = 0.010


class Gate:
    """A gradient that is fed windows of equal samples, as time goes by."""

    def __init__(self, *, minimum: int = 20, maximum: int = 200) -> None:
        self.gradient = Gradient(minimum=minimum, maximum=maximum, window_samples=1)
        self.now_s = 0.0

    def window(self, duration_s: float, *, in_flight: int) -> int:
        """Let one window pass; return the limit after it."""
        self.now_s += 1.0
        self.gradient.sample(duration_s, in_flight=in_flight, now_s=self.now_s)
        return self.gradient.limit

    def busy(self, duration_s: float, windows: int) -> list[int]:
        """Let windows pass with every place taken."""
        return [self.window(duration_s, in_flight=self.gradient.limit) for _ in range(windows)]


def test_begins_at_its_most() -> None:
    """Until something was measured, nothing speaks against the upper bound."""
    assert Gradient(minimum=20, maximum=200).limit == 200


def test_shrinks_when_starting_takes_longer() -> None:
    """Twenty times the usual duration halves what is wanted, and a fifth of that is taken."""
    gate = Gate()
    gate.busy(BASE_S, 10)
    limits = gate.busy(20 * BASE_S, 3)
    assert limits[0] == 180, "200 → 0.8 · 200 + 0.2 · (200 · 0.5 + 4) = 180.8"
    assert limits == sorted(limits, reverse=True)


def test_never_leaves_its_bounds_downwards() -> None:
    """However slow it gets, the smallest limit stays."""
    gate = Gate(minimum=20)
    gate.busy(BASE_S, 10)
    slow_s = BASE_S
    for _ in range(60):
        slow_s *= 2  # ever slower, so that it never becomes usual
        gate.busy(slow_s, 1)
    assert gate.gradient.limit == 20


def test_grows_back_by_the_allowance() -> None:
    """At the usual duration the limit grows by a fifth of the queue allowance each window."""
    gate = Gate()
    gate.busy(BASE_S, 10)
    gate.busy(20 * BASE_S, 5)
    low = gate.gradient.limit
    limits = gate.busy(BASE_S, 10)
    assert limits[-1] == pytest.approx(low + 8, abs=1)
    assert gate.busy(BASE_S, 400)[-1] == 200


def test_small_differences_are_tolerated() -> None:
    """Half as long again as usual is no overload."""
    gate = Gate()
    gate.busy(BASE_S, 10)
    assert set(gate.busy(1.4 * BASE_S, 20)) == {200}


def test_says_nothing_while_few_are_started() -> None:
    """A slow start of one call among few does not shrink a limit that nobody comes near."""
    gate = Gate()
    for _ in range(10):
        gate.window(BASE_S, in_flight=5)
    assert gate.window(100 * BASE_S, in_flight=5) == 200


def test_a_slow_spell_does_not_become_usual() -> None:
    """After a spell of slow starts the usual duration comes down faster than its memory is long."""
    gate = Gate()
    gate.busy(50 * BASE_S, 10)
    gate.busy(BASE_S, 100)
    low = gate.busy(20 * BASE_S, 3)
    assert low[-1] < 200


def test_window_waits_for_samples_and_time() -> None:
    """One slow call is no window, nor are many within a moment."""
    gradient = Gradient(window_s=1.0, window_samples=3)
    for _ in range(3):
        gradient.sample(BASE_S, in_flight=200, now_s=10.0)
    for _ in range(50):
        gradient.sample(100 * BASE_S, in_flight=200, now_s=10.5)
    assert gradient.limit == 200
    gradient.sample(100 * BASE_S, in_flight=200, now_s=11.0)
    assert gradient.limit < 200


def test_settles_near_what_can_be_done() -> None:
    """In front of work that takes longer the more there is of it, the limit finds its way down."""
    capacity = 60
    gate = Gate()
    for _ in range(10):
        gate.window(BASE_S, in_flight=capacity // 2)
    limits = [
        gate.window(
            BASE_S * max(1.0, gate.gradient.limit / capacity), in_flight=gate.gradient.limit
        )
        for _ in range(60)
    ]
    assert all(capacity * 0.75 < limit < capacity * 2.5 for limit in limits[-20:])


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 1e4), st.integers(0, 400), st.floats(0.0, 10.0)), max_size=200
    ),
    st.integers(1, 50),
    st.integers(0, 300),
)
def test_model(samples: list[tuple[float, int, float]], minimum: int, extra: int) -> None:
    """Whatever is measured: it stays in bounds, moves by a step at most, and only when busy."""
    gradient = Gradient(minimum=minimum, maximum=minimum + extra, window_samples=1, window_s=0.0)
    now_s = 0.0
    for duration_s, in_flight, gap_s in samples:
        before = gradient.limit
        now_s += gap_s
        gradient.sample(duration_s, in_flight=in_flight, now_s=now_s)
        assert minimum <= gradient.limit <= minimum + extra
        assert gradient.limit <= before + 1
        assert gradient.limit >= int(before * 0.9)
        if in_flight * 2 < before:
            assert gradient.limit == before
