"""Who may go ahead when not all can? Places under a limit, shared by class, and a bounded queue.

Stages that hold calls back take their places here: interactive calls may use the whole limit,
standard ones leave a reserve free, background ones twice that, so the least important are held back
first. Who finds no place waits in a queue that is short on purpose: a long one only makes answers
late (reliability: 20 % kept for interactive calls, a queue of at most half the limit, dropped when
the deadline cannot be met).

Who will not be served is told so at the door: a call that is turned away at once can go elsewhere,
one that is turned away after seconds in the queue cannot. So a class fills only a part of the
queue, nobody joins whose turn would come too late as fast as places went to the class of late, and
those inside are served in the order they came. Decision 0009 has what that was measured against.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from weir_server.core.clock import Clock
from weir_server.core.priority import Priority

Why = Literal["full", "deadline"]
"""Why there was no place: too many wait already, or none comes free in time."""

_QUEUE_SHARES = (0.5, 0.5, 1.0)
"""By class: the part of the queue it may fill."""
_PACE_WEIGHT = 0.2
"""What the latest interval counts for in the average of those between places handed out."""
_PACE_MARGIN = 2.0
"""Nine of ten who wait behind others are served within so many times the average time."""


class NoSlot(Exception):
    """There is no place for this call; the stage that asked says what it means to the caller."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


class Slots:
    """Places for calls, at most `limit()` at a time, which may change while they are taken.

    limit: how many places there are now; less than 1 counts as 1. After raising it, call
    `limit_changed`, or waiters hear of it at the next release.
    reserve_share: the part of the limit that only the class above may use.
    queue_share: how many may wait, as a part of the limit; at least one may.

    Every place that `try_acquire` or `acquire` gave must be given back with one `release`.
    """

    __slots__ = (
        "_clock",
        "_handed_s",
        "_limit",
        "_pace_s",
        "_queue_share",
        "_shares",
        "_waiting",
        "in_flight",
        "queued",
    )

    def __init__(
        self,
        *,
        limit: Callable[[], int],
        clock: Clock,
        reserve_share: float = 0.2,
        queue_share: float = 0.5,
    ) -> None:
        self.in_flight = 0
        """Places taken."""
        self.queued = 0
        """Calls that wait for one."""
        self._limit = limit
        self._clock = clock
        self._queue_share = queue_share
        # By class, as are the queues.
        self._shares = (1.0 - 2.0 * reserve_share, 1.0 - reserve_share, 1.0)
        self._waiting: tuple[OrderedDict[_Waiter, None], ...] = tuple(
            OrderedDict() for _ in Priority
        )
        # By class: how long it is from one place handed to a waiter to the next, on average, and
        # since when the next is awaited. Taken only while somebody waits: else it would tell how
        # rarely calls come.
        self._pace_s = [0.0] * len(Priority)
        self._handed_s = [0.0] * len(Priority)

    def try_acquire(self, priority: Priority) -> bool:
        """Take a place if one is free for this class and nobody waits for it; never waits."""
        if self.queued:
            self._serve()  # the limit may have grown since they began to wait
        if self.in_flight < (int(self._limit() * self._shares[priority]) or 1):
            self.in_flight += 1
            return True
        return False

    async def acquire(self, priority: Priority, *, until_s: float) -> None:
        """Take a place, waiting for it until `until_s` on the clock's monotonic scale at most.

        Raises NoSlot: "full" when too many wait already, or when a call of a higher class needs
        the place in the queue; "deadline" when no place came free in time, or so many wait ahead
        that none is likely to.
        """
        if self.try_acquire(priority):
            return
        now_s = self._clock.monotonic_s()
        wait_s = until_s - now_s
        waiting = self._waiting[priority]
        if wait_s <= 0.0 or self._likely_s(priority, now_s) > wait_s:
            raise NoSlot("deadline")
        room = max(1, int(self._limit() * self._queue_share))
        if len(waiting) >= (int(room * _QUEUE_SHARES[priority]) or 1):
            raise NoSlot("full")
        if self.queued >= room and not self._displace_below(priority):
            raise NoSlot("full")
        if not waiting:
            self._handed_s[priority] = now_s
        waiter = _Waiter(priority, until_s)
        waiting[waiter] = None
        self.queued += 1
        timer = waiter.told.get_loop().call_later(wait_s, self._expire, waiter)
        try:
            refused = await waiter.told
        except BaseException:
            self._abandon(waiter)
            raise
        finally:
            timer.cancel()
        if refused is not None:
            raise NoSlot(refused)

    def release(self) -> None:
        """Give a place back; the best of those who wait gets it."""
        assert self.in_flight > 0, "more places given back than taken"
        self.in_flight -= 1
        if self.queued:
            self._serve()

    def limit_changed(self) -> None:
        """Let those go ahead who fit under a limit that has grown.

        Under one that has shrunk nobody is turned away who is in or waits, and nobody is let in
        until enough places are given back.
        """
        if self.queued:
            self._serve()

    def _likely_s(self, priority: Priority, now_s: float) -> float:
        """Return how long the next call of a class is likely to wait, behind those that do.

        The first may always wait, or nobody would find out that it has become faster.
        """
        ahead = len(self._waiting[priority])
        if not ahead:
            return 0.0
        since_s = now_s - self._handed_s[priority]
        return max(_PACE_MARGIN * (ahead + 1) * self._pace_s[priority], ahead * since_s)

    def _serve(self) -> None:
        """Hand out free places: the highest class first, as nothing below fits where it does not.

        Within a class the one who has waited longest. The newest could meet more deadlines in a
        long queue; in this short one it would only leave the oldest to wait for nothing.
        """
        limit = self._limit()
        now_s = self._clock.monotonic_s()
        for priority in reversed(Priority):
            waiting = self._waiting[priority]
            bound = int(limit * self._shares[priority]) or 1
            while waiting:
                if self.in_flight >= bound:
                    return
                waiter, _ = waiting.popitem(last=False)
                self.queued -= 1
                if waiter.told.done():
                    continue  # cancelled, and about to find out
                if waiter.until_s <= now_s:
                    waiter.told.set_result("deadline")
                    continue
                self.in_flight += 1
                since_s = now_s - self._handed_s[priority]
                self._pace_s[priority] += _PACE_WEIGHT * (since_s - self._pace_s[priority])
                self._handed_s[priority] = now_s
                waiter.told.set_result(None)

    def _displace_below(self, priority: Priority) -> bool:
        """Turn away the newest of the lowest class below `priority`; False: there is none."""
        for waiting in self._waiting[:priority]:
            if waiting:
                waiter, _ = waiting.popitem()
                self.queued -= 1
                if not waiter.told.done():
                    waiter.told.set_result("full")
                return True
        return False

    def _expire(self, waiter: "_Waiter") -> None:
        if self._forget(waiter) and not waiter.told.done():
            priority = waiter.priority
            since_s = self._clock.monotonic_s() - self._handed_s[priority]
            self._pace_s[priority] = max(self._pace_s[priority], since_s)
            waiter.told.set_result("deadline")

    def _abandon(self, waiter: "_Waiter") -> None:
        """Undo what was done for a waiter that goes away without having used its place."""
        if self._forget(waiter):
            return
        told = waiter.told
        if told.done() and not told.cancelled() and told.result() is None:
            self.release()  # it was handed the place in the very turn it was cancelled

    def _forget(self, waiter: "_Waiter") -> bool:
        """Take a waiter out of its queue; False: it had left it."""
        waiting = self._waiting[waiter.priority]
        if waiter not in waiting:
            return False
        del waiting[waiter]
        self.queued -= 1
        return True


class _Waiter:
    """One call in the queue, and what it is told: None, go ahead, or why not."""

    __slots__ = ("priority", "told", "until_s")

    def __init__(self, priority: Priority, until_s: float) -> None:
        self.priority = priority
        self.until_s = until_s
        self.told: asyncio.Future[Why | None] = asyncio.get_running_loop().create_future()
