"""The sliding window counts what is recent, forgets what is old, and says so after any silence."""

from hypothesis import given
from hypothesis import strategies as st

from weir_server.resilience.window import Window


def test_an_event_counts_for_the_window() -> None:
    """What was counted is there for the window less one bucket, and gone after the window."""
    window = Window(2, window_s=30.0, buckets=10, now_s=0.0)
    window.add(1, 2.5)
    assert window.sums(2.5) == [0, 1]
    assert window.sums(29.5) == [0, 1]
    assert window.sums(30.0) == [0, 0]


def test_clearing_forgets_all() -> None:
    """Nothing of before comes back when the buckets move on."""
    window = Window(1, window_s=4.0, buckets=4, now_s=0.0)
    for second in range(4):
        window.add(0, float(second), count=3)
    window.clear()
    assert window.sums(3.0) == [0]
    assert window.sums(5.0) == [0]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(1, 3)), max_size=60),
    st.integers(1, 6),
)
def test_it_agrees_with_a_list_of_events(steps: list[tuple[int, int, int]], buckets: int) -> None:
    """At any time the sums are those of the events in the buckets that are left."""
    window = Window(3, window_s=buckets * 2.0, buckets=buckets, now_s=0.0)
    now, events = 0, []
    for waited, counter, count in steps:
        now += waited
        window.add(counter, float(now), count)
        events.append((now, counter, count))
        left = [event for event in events if now // 2 - event[0] // 2 < buckets]
        expected = [sum(count for _, which, count in left if which == n) for n in range(3)]
        assert window.sums(float(now)) == expected
