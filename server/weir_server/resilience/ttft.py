"""How long does a target usually take? The last few hundred times, and quantiles of them."""

from weir_server.core.clock import Clock

ENOUGH = 20
"""Fewer times than this tell nothing."""
REFRESH_S = 0.25
"""How long a quantile is used before it is looked up again."""


class RollingTimes:
    """Times of the last `window_s`, at most `keep` of them. In seconds."""

    __slots__ = (
        "_at_s",
        "_clock",
        "_looked_s",
        "_median_s",
        "_next",
        "_p95_s",
        "_took_s",
        "_window_s",
    )

    def __init__(self, clock: Clock, *, window_s: float = 60.0, keep: int = 256) -> None:
        self._clock = clock
        self._window_s = window_s
        self._took_s = [0.0] * keep
        self._at_s = [float("-inf")] * keep
        self._next = 0
        self._looked_s = float("-inf")
        self._median_s: float | None = None
        self._p95_s: float | None = None

    def add(self, seconds: float) -> None:
        """Remember one time, in the place of the oldest."""
        place = self._next
        self._took_s[place] = seconds
        self._at_s[place] = self._clock.monotonic_s()
        self._next = (place + 1) % len(self._took_s)

    @property
    def count(self) -> int:
        """How many times there are within the window."""
        since_s = self._clock.monotonic_s() - self._window_s
        return sum(at_s > since_s for at_s in self._at_s)

    def median_s(self) -> float | None:
        """Return what half of the times kept; None: too few."""
        self._look()
        return self._median_s

    def p95_s(self) -> float | None:
        """Return what 95 of 100 times kept; None: too few."""
        self._look()
        return self._p95_s

    def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < REFRESH_S:
            return
        self._looked_s = now_s
        since_s = now_s - self._window_s
        recent = sorted(
            took_s for took_s, at_s in zip(self._took_s, self._at_s, strict=True) if at_s > since_s
        )
        if len(recent) < ENOUGH:
            self._median_s = self._p95_s = None
            return
        self._median_s = recent[len(recent) // 2]
        self._p95_s = recent[len(recent) * 95 // 100]
