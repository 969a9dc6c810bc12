"""How much was admitted in the last minute, whenever that minute begins?

A window is cut into slices, and a slice counts until the last moment of it is a whole window old:
so no window, wherever it begins, holds more than the limit, and what one slice is longer than none
costs is the share of it that can never be used (1 of 241). Why not GCRA: docs/decisions.
"""

from typing import Final

SLICES: Final = 240
"""How many make up a window."""
WINDOW_S: Final = 60.0


class Slicing:
    """How long a slice is. Times are whole microseconds, so that sums are exact."""

    __slots__ = ("slice_us", "window_us")

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self.slice_us: Final = round(window_s * 1_000_000 / SLICES)
        self.window_us: Final = self.slice_us * SLICES

    def slice_of(self, now_us: int) -> int:
        """Return the number of the slice that a moment is in."""
        return now_us // self.slice_us

    def leaves_after_us(self, slice_: int, now_us: int) -> int:
        """Return after how long a slice counts no more."""
        return (slice_ + SLICES + 1) * self.slice_us - now_us


class SlidingWindow:
    """What was counted, by slice."""

    __slots__ = ("_by_slice", "_newest", "used")

    def __init__(self) -> None:
        self._by_slice: dict[int, int] = {}
        self._newest = 0
        self.used = 0
        """The sum over all slices that count."""

    def move_to(self, now: int) -> None:
        """Let go of slices that count no more; `now` is the number of the current one."""
        by_slice = self._by_slice
        if not by_slice:
            return
        first = now - SLICES
        if self._newest < first:
            by_slice.clear()
            self.used = 0
            return
        while (oldest := next(iter(by_slice))) < first:
            self.used -= by_slice.pop(oldest)

    def add(self, now: int, amount: int) -> None:
        """Count more in the current slice, whether there is room or not."""
        by_slice = self._by_slice
        by_slice[now] = by_slice.get(now, 0) + amount
        self._newest = now
        self.used += amount

    def take_back(self, slice_: int, amount: int) -> None:
        """Count less in a slice, if it still counts; never below nothing."""
        counted = self._by_slice.get(slice_)
        if counted is not None:
            amount = min(amount, counted)
            self._by_slice[slice_] = counted - amount
            self.used -= amount

    def free_after_us(self, amount: int, now_us: int, slicing: Slicing) -> int:
        """Return after how long so much of what counts now counts no more."""
        for slice_, counted in self._by_slice.items():
            amount -= counted
            if amount <= 0:
                return slicing.leaves_after_us(slice_, now_us)
        return self.empty_after_us(now_us, slicing)

    def empty_after_us(self, now_us: int, slicing: Slicing) -> int:
        """Return after how long nothing counts any more."""
        return slicing.leaves_after_us(self._newest, now_us) if self.used else 0
