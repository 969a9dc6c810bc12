"""May a second target be asked beside the first? For a small share of recent calls only."""

from weir_server.core.clock import Clock

BUCKETS = 6


class HedgeBudget:
    """Hedges are at most `share` of the calls of the last `window_s`."""

    __slots__ = ("_bucket_s", "_calls", "_clock", "_hedges", "_round", "share")

    def __init__(self, share: float = 0.05, window_s: float = 60.0, *, clock: Clock) -> None:
        self.share = share
        self._clock = clock
        self._bucket_s = window_s / BUCKETS
        self._calls = [0] * BUCKETS
        self._hedges = [0] * BUCKETS
        self._round = int(clock.monotonic_s() / self._bucket_s)

    def call(self) -> None:
        """Count a call."""
        self._calls[self._bucket()] += 1

    def try_spend(self) -> bool:
        """Count a hedge, if another one is within the share."""
        bucket = self._bucket()
        if sum(self._hedges) + 1 > self.share * sum(self._calls):
            return False
        self._hedges[bucket] += 1
        return True

    def _bucket(self) -> int:
        """Return the bucket of now, having emptied those whose time has passed."""
        now = int(self._clock.monotonic_s() / self._bucket_s)
        if now != self._round:
            for stale in range(self._round + 1, min(now, self._round + BUCKETS) + 1):
                self._calls[stale % BUCKETS] = self._hedges[stale % BUCKETS] = 0
            self._round = now
        return now % BUCKETS
