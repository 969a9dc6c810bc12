"""What has this process admitted? Counters of one process, for its event loop alone."""

from collections.abc import Sequence
from math import ceil

from typing_extensions import override

from weir_server.core.clock import Clock
from weir_server.core.counters import (
    CALLS_WAIT_S,
    Counters,
    Grant,
    Limit,
    Measure,
    Refusal,
    Standing,
    amount_of,
)
from weir_server.store.sliding_window import WINDOW_S, Slicing, SlidingWindow

SWEEP_AFTER = 4_096
"""How many counters there may be before those that count nothing are looked for."""

_CALLS = Measure.CALLS


class MemoryCounters(Counters):
    """Counts in memory, by the monotonic clock.

    `shared_by` processes that know nothing of each other have an equal share of each limit, at
    least one: together they keep it if none is smaller than their number.
    """

    def __init__(self, clock: Clock, *, shared_by: int = 1, window_s: float = WINDOW_S) -> None:
        self._clock = clock
        self.shared_by = shared_by
        self._slicing = Slicing(window_s)
        self._windows: dict[str, SlidingWindow] = {}
        self._leases: dict[str, _Leases] = {}
        self._sweep_at = SWEEP_AFTER

    @override
    async def take(
        self, limits: Sequence[Limit], *, tokens: int, holder: str, lease_s: float
    ) -> Grant | Refusal:
        """Take at once; see `take_now`."""
        return self.take_now(limits, tokens=tokens, holder=holder, lease_s=lease_s)

    def take_now(
        self, limits: Sequence[Limit], *, tokens: int, holder: str, lease_s: float
    ) -> Grant | Refusal:
        """Take of every limit or of none.

        What is larger than a share of a limit, though not than the limit, is let through when
        nothing else counts.
        """
        now_us = self._now_us()
        wait_us, tightest = 0, None
        for limit in limits:
            most = max(1, limit.most // self.shared_by)
            amount = amount_of(limit, tokens)
            needed_us = self._wait_us(limit, most, min(amount, most), now_us)
            if needed_us > wait_us:
                wait_us, tightest = needed_us, limit
        if tightest is not None:
            # A wait is told in whole milliseconds, and one that is too short would be in vain.
            wait_s = ceil((wait_us + 1) / 1_000) / 1_000
            return Refusal(tightest, wait_s, self._standings(limits, now_us))
        grant = self.note(limits, tokens=tokens, holder=holder, lease_s=lease_s)
        grant.standings = self._standings(limits, now_us)
        return grant

    def note(self, limits: Sequence[Limit], *, tokens: int, holder: str, lease_s: float) -> Grant:
        """Count what was admitted elsewhere, or is admitted now, whether there is room or not."""
        now_us = self._now_us()
        until_us = now_us + round(lease_s * 1_000_000)
        grant = Grant(limits, holder=holder, tokens=tokens, lease_until_s=until_us / 1_000_000)
        grant.local = now = self._slicing.slice_of(now_us)
        for limit in limits:
            if limit.measure is _CALLS:
                self._leases_of(limit).add(holder, until_us)
            else:
                self._window_of(limit).add(now, amount_of(limit, tokens))
        return grant

    @override
    def give_back(self, grant: Grant, *, tokens_used: int, refund: bool) -> None:
        """End what was granted, at once."""
        if grant.local is None:
            return
        for limit in grant.limits:
            match limit.measure:
                case Measure.CALLS:
                    self._leases_of(limit).remove(grant.holder)
                case Measure.TOKENS:
                    self._correct(limit, grant.local, tokens_used - grant.tokens)
                case Measure.REQUESTS:
                    if refund:
                        self._window_of(limit).take_back(grant.local, 1)

    @property
    def size(self) -> int:
        """How many counters are kept."""
        return len(self._windows) + len(self._leases)

    def slice_now(self) -> int:
        """Return the number of the current slice."""
        return self._slicing.slice_of(self._now_us())

    def _correct(self, limit: Limit, slice_: int, more: int) -> None:
        window = self._window_of(limit)
        if more < 0:
            window.take_back(slice_, -more)
        elif more > 0:
            # Its own slice may count no longer, and the tokens were used until now.
            window.move_to(now := self.slice_now())
            window.add(now, more)

    def _wait_us(self, limit: Limit, most: int, amount: int, now_us: int) -> int:
        """Return after how long there is room for `amount`; 0: there is now."""
        if limit.measure is _CALLS:
            return self._leases_of(limit).wait_us(most, now_us)
        window = self._window_of(limit)
        window.move_to(self._slicing.slice_of(now_us))
        missing = window.used + amount - most
        return window.free_after_us(missing, now_us, self._slicing) if missing > 0 else 0

    def _standings(self, limits: Sequence[Limit], now_us: int) -> Sequence[Standing]:
        return [self._standing(limit, now_us) for limit in limits]

    def _standing(self, limit: Limit, now_us: int) -> Standing:
        if limit.measure is _CALLS:
            return Standing(limit, self._leases_of(limit).held, 0.0)
        window = self._window_of(limit)
        reset_us = window.empty_after_us(now_us, self._slicing)
        return Standing(limit, window.used * self.shared_by, reset_us / 1_000_000)

    def _window_of(self, limit: Limit) -> SlidingWindow:
        window = self._windows.get(limit.name)
        if window is None:
            self._sweep()
            window = self._windows[limit.name] = SlidingWindow()
        return window

    def _leases_of(self, limit: Limit) -> "_Leases":
        leases = self._leases.get(limit.name)
        if leases is None:
            self._sweep()
            leases = self._leases[limit.name] = _Leases()
        return leases

    def _sweep(self) -> None:
        """Forget counters that count nothing: keys come and go for as long as the process runs."""
        if self.size < self._sweep_at:
            return
        now = self.slice_now()
        for window in self._windows.values():
            window.move_to(now)
        self._windows = {name: each for name, each in self._windows.items() if each.used}
        self._leases = {name: each for name, each in self._leases.items() if each.held}
        self._sweep_at = SWEEP_AFTER + 2 * self.size

    def _now_us(self) -> int:
        return int(self._clock.monotonic_s() * 1_000_000)


class _Leases:
    """Who holds one, and until when."""

    __slots__ = ("_first_end_us", "_until_us")

    def __init__(self) -> None:
        self._until_us: dict[str, int] = {}
        self._first_end_us = 0
        """No lease ends before this."""

    @property
    def held(self) -> int:
        return len(self._until_us)

    def add(self, holder: str, until_us: int) -> None:
        if not self._until_us or until_us < self._first_end_us:
            self._first_end_us = until_us
        self._until_us[holder] = until_us

    def remove(self, holder: str) -> None:
        self._until_us.pop(holder, None)

    def wait_us(self, most: int, now_us: int) -> int:
        """Return after how long to come again; 0: there is room now."""
        if len(self._until_us) < most:
            return 0
        if self._first_end_us <= now_us:
            held = {who: until for who, until in self._until_us.items() if until > now_us}
            self._until_us = held
            self._first_end_us = min(held.values(), default=0)
            if len(held) < most:
                return 0
        return min(round(CALLS_WAIT_S * 1_000_000), self._first_end_us - now_us)
