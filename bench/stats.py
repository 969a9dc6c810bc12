"""Which few numbers stand for many samples, and how sure may a reader be of them?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_FOR_P99 = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The median of paired ratios with its order-statistic interval.

    `coverage` is the probability that the interval holds the true median, whatever the
    distribution of the samples: at least 0.95 from six pairs on, less below that.
    """

    median: float
    low: float
    high: float
    coverage: float


def median(samples: Sequence[float]) -> float:
    """The middle of `samples`, the mean of the middle two when their number is even."""
    if not samples:
        raise ValueError("a median needs at least one sample")
    ordered = sorted(samples)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(samples: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the least sample that `share` of all do not exceed."""
    if not samples:
        raise ValueError("a percentile needs at least one sample")
    if not 0 < share <= 1:
        raise ValueError(f"a share lies in (0, 1], not at {share}")
    ordered = sorted(samples)
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def median_interval(samples: Sequence[float], level: float = 0.95) -> Interval:
    """The median of `samples` between two of their order statistics.

    The number of samples below the true median is Binomial(n, 1/2), so the k-th smallest and
    the k-th largest enclose it with probability 1 - 2 * P(Binomial < k). The largest k that
    keeps `level` is taken; k = 1, the whole range, when there are too few samples for any.
    """
    ordered = sorted(samples)
    count = len(ordered)
    middle = median(ordered)
    rank, below = 1, 0.5**count
    for candidate in range(2, count // 2 + 1):
        more = below + math.comb(count, candidate - 1) * 0.5**count
        if 1 - 2 * more < level:
            break
        rank, below = candidate, more
    return Interval(
        median=middle,
        low=ordered[rank - 1],
        high=ordered[count - rank],
        coverage=1 - 2 * below,
    )


def pair_ratios(base: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """`other` over `base`, pair by pair, so that a drift of the machine cancels out."""
    return tuple(over / under for under, over in zip(base, other, strict=True))
