"""What if Redis is away? Then each process keeps its share of every limit until it is back.

While Redis counts, this process remembers what it has admitted itself: the share it would have to
go on with is used up already as far as it was. While Redis is away, what is admitted is noted, and
told to Redis before anybody here asks it again. For a moment after that both have to agree, since
other processes may not have told theirs yet.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from typing_extensions import override

from weir_server.core.clock import Clock
from weir_server.core.counters import Counters, Grant, Limit, Measure, Refusal, amount_of
from weir_server.store.memory_counters import MemoryCounters
from weir_server.store.redis_counters import RedisCounters, Said, counted, leased
from weir_server.store.redis_line import StoreAway
from weir_server.store.sliding_window import SLICES
from weir_server.telemetry.log import Log

SILENT_S: Final = 0.06
"""No answer for as long after one was due, and Redis is not asked again until it answers a probe.
Many calls that wait through one pause are one failure, not many."""
RETRY_S: Final = 0.5
"""How often that is tried; no call waits for it."""
REJOIN_S: Final = 2.0
"""How long both have to agree: longer than any other process takes to find Redis back."""
LATE_EVERY_S: Final = 1.0
"""How often it is said that calls went on without Redis while it is not given up."""
PRESENT_S: Final = 5.0
"""How often a process says that it is there."""
KNOWN_FOR_S: Final = 3 * PRESENT_S

_CALLS = Measure.CALLS
_TOKENS = Measure.TOKENS


def _as_many_as_there_are() -> int | None:
    """Leave it to Redis how many processes share the limits."""
    return None


class SharedCounters(Counters):
    """Counts in Redis, and without it when it is away; `run` has to run beside."""

    def __init__(
        self,
        redis: RedisCounters,
        local: MemoryCounters,
        *,
        clock: Clock,
        log: Log,
        who: str,
        replicas: Callable[[], int | None] = _as_many_as_there_are,
    ) -> None:
        """`who`: a name of this process that no other has. `replicas`: tells how many processes
        share the limits, if that was said; else they are as many as say so to Redis.
        """
        self._redis = redis
        self._redis.lost = self._lose
        self._redis.late = self._adopt
        self._local = local
        self._clock = clock
        self._log = log
        self._who = who
        self._replicas = replicas
        local.shared_by = replicas() or local.shared_by
        self._silent_since_s: float | None = None
        """When an answer first failed to come, since the last one."""
        self._away_since_s: float | None = None
        self._rejoined_s: float | None = None
        self._alone: dict[str, Grant] = {}
        """What was granted without Redis and has not ended, by holder."""
        self._unleased: dict[str, Grant] = {}
        """Those of which Redis has yet to be told."""
        self._uncounted: dict[Limit, dict[int, int]] = {}
        """What Redis has yet to be told: amounts by slices of this process's clock."""
        self._lost: dict[tuple[str, str], Limit] = {}
        """Leases of which nobody knows whether Redis has them, by the limit's name and holder."""
        self._trouble = asyncio.Event()
        self._calls_alone = 0
        """Calls that went on without Redis and of which the log has yet to tell."""
        self._why = ""
        self._told_late_s: float | None = None

    @property
    def is_away(self) -> bool:
        """Whether this process goes on without Redis."""
        return self._away_since_s is not None

    @override
    async def take(
        self, limits: Sequence[Limit], *, tokens: int, holder: str, lease_s: float
    ) -> Grant | Refusal:
        """Ask Redis, or this process's own share where Redis does not answer in time."""
        own: Grant | None = None
        if self.is_away or self._is_rejoining():
            got = self._local.take_now(limits, tokens=tokens, holder=holder, lease_s=lease_s)
            if isinstance(got, Refusal):
                self._calls_alone += self.is_away
                return got
            own = got
            if self.is_away:
                self._calls_alone += 1
                return self._go_alone(own)
        try:
            got = await self._redis.take(limits, tokens=tokens, holder=holder, lease_s=lease_s)
        except StoreAway as away:
            self._calls_alone += 1
            self._failed(away)
            self._tell_late()
            if own is not None:
                return self._go_alone(own)
            got = self._local.take_now(limits, tokens=tokens, holder=holder, lease_s=lease_s)
            return got if isinstance(got, Refusal) else self._go_alone(got)
        except asyncio.CancelledError:
            self._undo(own)
            raise
        self._silent_since_s = None
        if isinstance(got, Refusal):
            self._undo(own)
            return got
        if own is None:
            own = self._local.note(limits, tokens=tokens, holder=holder, lease_s=lease_s)
        got.local = own.local
        return got

    def _undo(self, own: Grant | None) -> None:
        if own is not None:
            self._local.give_back(own, tokens_used=0, refund=True)

    @override
    def give_back(self, grant: Grant, *, tokens_used: int, refund: bool) -> None:
        """End what was granted, wherever it was counted."""
        self._local.give_back(grant, tokens_used=tokens_used, refund=refund)
        self._alone.pop(grant.holder, None)
        if self._unleased.pop(grant.holder, None) is not None or self.is_away:
            self._note_end(grant, tokens_used, refund=refund)
        else:
            self._redis.give_back(grant, tokens_used=tokens_used, refund=refund)

    async def run(self) -> None:
        """Keep in touch with Redis, for ever."""
        while True:
            self._trouble.clear()
            try:
                await self._keep_in_touch()
            except StoreAway as away:
                self._failed(away)
            self._tell_late()
            if self.is_away or self._has_to_tell():
                await asyncio.sleep(RETRY_S)
                continue
            try:
                async with asyncio.timeout(PRESENT_S):
                    await self._trouble.wait()
            except TimeoutError:
                continue

    async def _keep_in_touch(self) -> None:
        """Say that this process is there, and what it did alone. Raises StoreAway."""
        known = await self._redis.count_processes(self._who, KNOWN_FOR_S)
        # Just after it was away Redis knows only those who have found it again already.
        if self.is_away or self._is_within(KNOWN_FOR_S):
            known = max(known, self._local.shared_by)
        self._local.shared_by = self._replicas() or known
        await self._tell()
        if self._away_since_s is not None:
            now_s = self._clock.monotonic_s()
            away_s = round(now_s - self._away_since_s, 3)
            self._log.event("redis_back", away_s=away_s, calls_alone=self._calls_alone)
            self._calls_alone = 0
            self._away_since_s = None
            self._rejoined_s = now_s
            await self._tell()  # what was admitted alone while the rest was told
        self._silent_since_s = None

    def _has_to_tell(self) -> bool:
        return bool(self._uncounted or self._unleased or self._lost or self._calls_alone)

    async def _tell(self) -> None:
        """Tell Redis what was admitted without it. Raises StoreAway; the rest is told later."""
        now, now_s = self._local.slice_now(), self._clock.monotonic_s()
        uncounted, self._uncounted = self._uncounted, {}
        lost, self._lost = self._lost, {}
        # From here on the end of a call is told to Redis, after what is told now.
        unleased, self._unleased = self._unleased, {}
        said: list[Said] = [
            counted(limit, now - slice_, amount)
            for limit, by_slice in uncounted.items()
            for slice_, amount in by_slice.items()
            if amount and now - slice_ <= SLICES
        ]
        said += [
            leased(limit, holder, 0.0)
            for (_, holder), limit in lost.items()
            if holder not in self._alone
        ]
        said += [
            leased(limit, holder, left_s)
            for holder, grant in unleased.items()
            for limit in grant.limits
            if limit.measure is _CALLS and (left_s := grant.lease_until_s - now_s) > 0
        ]
        try:
            await self._redis.say(said)
        except StoreAway:
            # Some of it may have been heard: it is counted twice then, for a minute at most.
            for limit, by_slice in uncounted.items():
                for slice_, amount in by_slice.items():
                    self._count(limit, slice_, amount)
            self._lost = lost | self._lost
            self._unleased = {who: each for who, each in unleased.items() if who in self._alone}
            raise

    def _go_alone(self, grant: Grant) -> Grant:
        """Remember what Redis does not know."""
        assert grant.local is not None
        for limit in grant.limits:
            if limit.measure is not _CALLS:
                self._count(limit, grant.local, amount_of(limit, grant.tokens))
        self._alone[grant.holder] = self._unleased[grant.holder] = grant
        self._trouble.set()
        return grant

    def _note_end(self, grant: Grant, tokens_used: int, *, refund: bool) -> None:
        """Remember the end of a call that Redis cannot be told now."""
        for limit in grant.limits:
            if limit.measure is _CALLS:
                self._lose([limit], grant.holder)
                continue
            more = tokens_used - grant.tokens if limit.measure is _TOKENS else -int(refund)
            if more > 0:
                self._count(limit, self._local.slice_now(), more)
            elif grant.shared is None and grant.local is not None:
                self._count(limit, grant.local, more)
        self._trouble.set()

    def _count(self, limit: Limit, slice_: int, amount: int) -> None:
        by_slice = self._uncounted.setdefault(limit, {})
        by_slice[slice_] = max(0, by_slice.get(slice_, 0) + amount)
        if len(by_slice) > 2 * SLICES:
            first = self._local.slice_now() - SLICES
            self._uncounted[limit] = {s: n for s, n in by_slice.items() if s >= first}

    def _lose(self, limits: Sequence[Limit], holder: str) -> None:
        for limit in limits:
            if limit.measure is _CALLS:
                self._lost[limit.name, holder] = limit
        self._trouble.set()

    def _failed(self, away: StoreAway) -> None:
        now_s = self._clock.monotonic_s()
        self._why = str(away)
        if self._silent_since_s is None:
            self._silent_since_s = now_s
        self._trouble.set()
        if now_s - self._silent_since_s < SILENT_S or self.is_away:
            return
        self._away_since_s = now_s
        self._log.event("redis_away", why=str(away), limits_divided_by=self._local.shared_by)

    def _tell_late(self) -> None:
        """Tell of calls that Redis did not answer in time; not of each, but of how many."""
        if self.is_away or not self._calls_alone:
            return
        now_s = self._clock.monotonic_s()
        if self._told_late_s is not None and now_s - self._told_late_s < LATE_EVERY_S:
            return
        self._told_late_s = now_s
        self._log.event("redis_late", why=self._why, calls_alone=self._calls_alone)
        self._calls_alone = 0

    def _adopt(self, late: Grant) -> None:
        """Take a grant that came after its call had gone on alone: it counts once."""
        alone = self._unleased.pop(late.holder, None)
        if alone is None or alone.local is None:
            self._redis.take_back(late)
            return
        alone.shared = late.shared
        for limit in alone.limits:
            if limit.measure is not _CALLS:
                self._count(limit, alone.local, -amount_of(limit, alone.tokens))

    def _is_rejoining(self) -> bool:
        return self._is_within(REJOIN_S)

    def _is_within(self, span_s: float) -> bool:
        rejoined_s = self._rejoined_s
        return rejoined_s is not None and self._clock.monotonic_s() - rejoined_s < span_s
