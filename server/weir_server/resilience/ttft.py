"""How long does this target usually take to its first token?"""

from collections import deque
from typing import Final

from weir_server.core.clock import Clock

_SAMPLES_MIN: Final = 20
"""With fewer, a 95th percentile is the slowest call that happened to be there."""
_REFRESH_S: Final = 0.25
"""Seconds for which an answer is given again: sorting once for each call would cost more than
it tells."""


class RollingTimes:
    """The latest times of the last `window_s`, `keep` at most, and where most of them lie."""

    __slots__ = ("_clock", "_median_s", "_p95_s", "_refresh_at_s", "_times", "_window_s")

    def __init__(self, clock: Clock, window_s: float = 60.0, keep: int = 256) -> None:
        self._clock = clock
        self._window_s = window_s
        # When each was added, and the time itself; oldest first.
        self._times: deque[tuple[float, float]] = deque(maxlen=keep)
        self._refresh_at_s = float("-inf")
        self._median_s = 0.0
        self._p95_s = 0.0

    @property
    def count(self) -> int:
        """How many there are to judge by."""
        return self._forget_old(self._clock.monotonic_s())

    def add(self, seconds: float) -> None:
        """Remember how long one call took."""
        self._times.append((self._clock.monotonic_s(), seconds))

    def median_s(self) -> float | None:
        """Return the middle time, up to a quarter of a second old; None: too few to say."""
        return self._median_s if self._refresh() else None

    def p95_s(self) -> float | None:
        """Return the time that 95 % stay within, as old as that; None: too few to say."""
        return self._p95_s if self._refresh() else None

    def _refresh(self) -> bool:
        now_s = self._clock.monotonic_s()
        count = self._forget_old(now_s)
        if count < _SAMPLES_MIN:
            return False
        if now_s >= self._refresh_at_s:
            ordered = sorted(seconds for _, seconds in self._times)
            # Nearest ranks: times that were taken, none in between.
            self._median_s = ordered[(count - 1) // 2]
            self._p95_s = ordered[(count * 95 + 99) // 100 - 1]
            self._refresh_at_s = now_s + _REFRESH_S
        return True

    def _forget_old(self, now_s: float) -> int:
        times = self._times
        oldest_s = now_s - self._window_s
        while times and times[0][0] <= oldest_s:
            times.popleft()
        return len(times)
