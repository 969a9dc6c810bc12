"""May a second target be asked as well? Only for a small share of calls."""

from typing import Final

from weir_server.core.clock import Clock
from weir_server.resilience.window import Window

_BUCKETS: Final = 12
_CALLS: Final = 0
_HEDGES: Final = 1


class HedgeBudget:
    """Hedges are at most `share` of the calls of the window, and of those of any run."""

    __slots__ = ("_clock", "_window", "share")

    def __init__(self, share: float = 0.05, window_s: float = 60.0, *, clock: Clock) -> None:
        self._clock = clock
        self._window = Window(2, window_s=window_s, buckets=_BUCKETS, now_s=clock.monotonic_s())
        self.share = share
        """Hedges for each call; a reload sets another."""

    def call(self) -> None:
        """Say that a call is made that could be hedged."""
        self._window.add(_CALLS, self._clock.monotonic_s())

    def try_spend(self) -> bool:
        """Take one hedge from the budget, if there is one."""
        now_s = self._clock.monotonic_s()
        calls, hedges = self._window.sums(now_s)
        if not calls or (hedges + 1) / calls > self.share:
            return False
        self._window.add(_HEDGES, now_s)
        return True
