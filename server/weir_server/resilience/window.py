"""How many of each were there lately? A few counters over a sliding window, kept in buckets."""

from typing import Final


class Window:
    """Sums over the last `window_s`, moved on bucket by bucket when it is looked at.

    An event counts for `window_s` at most and for one bucket less at least. Adding costs the same
    however much is in the window: the sums are kept, never taken anew.
    """

    __slots__ = ("_bucket_s", "_buckets", "_current", "_ends_s", "_sums")

    def __init__(self, counters: int, *, window_s: float, buckets: int, now_s: float) -> None:
        self._bucket_s: Final = window_s / buckets
        self._buckets = [[0] * counters]
        self._buckets.extend([0] * counters for _ in range(buckets - 1))
        self._sums = [0] * counters
        self._current = self._buckets[-1]
        self._ends_s = now_s + self._bucket_s

    def add(self, counter: int, now_s: float, count: int = 1) -> list[int]:
        """Count it as of now, and return the sums as `sums` does."""
        if now_s >= self._ends_s:
            self._move_on(now_s)
        self._sums[counter] += count
        self._current[counter] += count
        return self._sums

    def sums(self, now_s: float) -> list[int]:
        """Return each counter's sum as of now. It is the window's own list: only look at it."""
        if now_s >= self._ends_s:
            self._move_on(now_s)
        return self._sums

    def clear(self) -> None:
        """Forget all that was counted."""
        for bucket in (*self._buckets, self._sums):
            bucket[:] = [0] * len(bucket)

    def _move_on(self, now_s: float) -> None:
        passed = int((now_s - self._ends_s) / self._bucket_s) + 1
        self._ends_s += passed * self._bucket_s
        if passed >= len(self._buckets):
            self.clear()
            return
        # Seldom, once in a bucket's time, and the list is short.
        for _ in range(passed):
            oldest = self._buckets.pop(0)
            for counter, count in enumerate(oldest):
                self._sums[counter] -= count
                oldest[counter] = 0
            self._buckets.append(oldest)
        self._current = self._buckets[-1]
