"""How many calls may be started at a time? Found out from how long starting one takes.

After Netflix' Gradient2 (concurrency-limits, Gradient2Limit): while starting takes no longer than
usual, the limit grows by a small allowance for queueing; when it takes longer, the limit shrinks in
proportion. Pure: samples and times are handed in.
"""

TOLERANCE = 1.5
"""Starting may take so many times as long as usual before the limit shrinks."""
RECOVERY = 0.95
"""What is left of the usual duration with each window that is far below it."""
WARM_UP_WINDOWS = 10
"""So many windows are averaged evenly before the long memory sets in."""


class Gradient:
    """The limit, and what it is found out from.

    smoothing: how much of a new limit counts with each window of samples.
    queue_allowance: calls that may queue without harm; by so much it grows when all is well.
    gradient_min: at most so much of the limit is taken away at once, before smoothing.
    window_s, window_samples: a window of samples ends when both are reached.
    memory_windows: over how many windows the usual duration is averaged.
    """

    __slots__ = (
        "_count",
        "_exact",
        "_gradient_min",
        "_maximum",
        "_memory_windows",
        "_minimum",
        "_peak",
        "_queue_allowance",
        "_smoothing",
        "_total_s",
        "_usual_s",
        "_window_ends_s",
        "_window_s",
        "_window_samples",
        "_windows",
        "limit",
    )

    def __init__(
        self,
        *,
        minimum: int = 20,
        maximum: int = 200,
        smoothing: float = 0.2,
        queue_allowance: int = 4,
        gradient_min: float = 0.5,
        window_s: float = 0.1,
        window_samples: int = 10,
        memory_windows: int = 600,
    ) -> None:
        self.limit = maximum
        """Calls that may be started at a time now; at first the most: nothing speaks against it."""
        self._exact = float(maximum)
        self._minimum = minimum
        self._maximum = maximum
        self._smoothing = smoothing
        self._queue_allowance = queue_allowance
        self._gradient_min = gradient_min
        self._window_s = window_s
        self._window_samples = window_samples
        self._memory_windows = memory_windows
        self._usual_s = 0.0
        self._windows = 0
        self._window_ends_s = 0.0
        self._total_s = 0.0
        self._count = 0
        self._peak = 0

    def sample(self, duration_s: float, *, in_flight: int, now_s: float) -> None:
        """Learn that a call took `duration_s` to start, one of `in_flight` at that time."""
        self._total_s += duration_s
        self._count += 1
        if in_flight > self._peak:
            self._peak = in_flight
        if now_s >= self._window_ends_s and self._count >= self._window_samples:
            self._learn(max(self._total_s / self._count, 1e-6), self._peak)
            self._window_ends_s = now_s + self._window_s
            self._total_s = 0.0
            self._count = self._peak = 0

    def _learn(self, duration_s: float, peak: int) -> None:
        """Move the limit by what one window says."""
        self._windows += 1
        weight = 1 / self._windows
        if self._windows > WARM_UP_WINDOWS:
            weight = 2 / (self._memory_windows + 1)
        self._usual_s += weight * (duration_s - self._usual_s)
        if self._usual_s > 2 * duration_s:
            self._usual_s *= RECOVERY  # or a slow spell would pass for usual long after its end
        if peak * 2 < self._exact:
            return  # too few at a time to say anything about the limit
        gradient = TOLERANCE * self._usual_s / duration_s
        gradient = min(1.0, max(self._gradient_min, gradient))
        wanted = self._exact * gradient + self._queue_allowance
        self._exact += self._smoothing * (wanted - self._exact)
        self._exact = min(float(self._maximum), max(float(self._minimum), self._exact))
        self.limit = int(self._exact)
