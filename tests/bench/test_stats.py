"""Do the statistics say what their names promise?"""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import median, median_interval, pair_ratios, percentile


@pytest.mark.parametrize(
    ("samples", "expected"), [([3.0], 3.0), ([3.0, 1.0], 2.0), ([9.0, 1.0, 2.0], 2.0)]
)
def test_median(samples: list[float], expected: float) -> None:
    """The middle one, or the mean of the middle two."""
    assert median(samples) == expected


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1.0), (0.5, 50.0), (0.501, 51.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    """Of 1 to 100, the percentile is a sample that exists, never one in between."""
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_nothing_has_no_middle() -> None:
    """Without samples there is an error, not a zero that looks like a figure."""
    with pytest.raises(ValueError, match="at least one sample"):
        median([])
    with pytest.raises(ValueError, match="at least one sample"):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("pairs", "low", "high", "coverage"),
    [
        (2, 1, 2, 0.5),
        (5, 1, 5, 0.9375),
        (6, 1, 6, 0.96875),
        (9, 2, 8, 0.9609375),
        (15, 4, 12, 0.96484375),
        (20, 6, 15, 0.9586105346679688),
    ],
)
def test_interval_ranks(pairs: int, low: int, high: int, coverage: float) -> None:
    """The ranks are those of the sign test's published tables."""
    interval = median_interval([float(n) for n in range(1, pairs + 1)])
    assert (interval.low, interval.high) == (low, high)
    assert interval.coverage == pytest.approx(coverage)


def test_coverage_by_counting_every_outcome() -> None:
    """Of all ways nine samples can fall about the median, the stated share encloses it."""
    enclosing = 0
    for above in product((False, True), repeat=9):
        interval = median_interval([1.0 if side else -1.0 for side in above])
        enclosing += interval.low < 0 < interval.high
    assert enclosing / 2**9 == median_interval([0.0] * 9).coverage


@given(st.lists(st.floats(min_value=0.01, max_value=100), min_size=1, max_size=40))
def test_interval_encloses_its_median(samples: list[float]) -> None:
    """The order of the samples is no matter, and low <= median <= high."""
    interval = median_interval(samples)
    assert interval.low <= interval.median <= interval.high
    assert interval == median_interval(samples[::-1])


def test_pairs_cancel_a_common_drift() -> None:
    """A machine that slows down for both alike changes no ratio; an odd sample is an error."""
    assert pair_ratios([100.0, 200.0], [110.0, 220.0]) == pytest.approx((1.1, 1.1))
    with pytest.raises(ValueError, match="shorter"):
        pair_ratios([1.0, 2.0], [1.0])
