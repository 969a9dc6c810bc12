"""Who remembers keyed calls where there is one process? The process, while it lives."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from weir_server.core.clock import Clock
from weir_server.core.replays import FREE, NOT_KEPT, Claim, ReplayStore, Standing, State

ENTRY_BYTES = 1024
"""What a remembered key takes beside its answer, measured and rounded up."""


# eq=False: each is one of a kind.
@dataclass(slots=True, kw_only=True, eq=False)
class _Entry:
    """One key."""

    claim: Final[Claim]
    lease_until_s: Final[float]
    sealed: bytes = NOT_KEPT
    told: asyncio.Event | None = None
    """Set once the call has ended; there if somebody waits."""


class MemoryReplays(ReplayStore):
    """Keys of one process. A restart forgets them.

    max_bytes: what may be kept; above it answers go that were longest not asked for, and where
    only their keys are left, the keys that were longest not asked for. Running calls never go.
    """

    def __init__(self, clock: Clock, *, retention_s: float, max_bytes: int) -> None:
        self._clock = clock
        self._retention_s = retention_s
        self._max_bytes = max_bytes
        self._running: dict[str, _Entry] = {}
        self._kept: OrderedDict[str, _Entry] = OrderedDict()
        """Ended, with their answers; the one that was asked for last at the end."""
        self._bare: OrderedDict[str, _Entry] = OrderedDict()
        """Ended, without; likewise."""
        self._forget_s: OrderedDict[str, float] = OrderedDict()
        """When those that have ended are forgotten, in that order."""
        self.bytes_kept = 0
        """What all of it takes, about."""

    def __len__(self) -> int:
        return len(self._running) + len(self._kept) + len(self._bare)

    @override
    async def claim(self, claim: Claim) -> Standing:
        """Claim a key if it is free, and say how it stands."""
        self._forget()
        slot = claim.slot
        entry = self._running.get(slot)
        if entry is not None:
            if (standing := self._standing_of_running(entry, claim)) is not None:
                return standing
            # It was lost so long ago that it would be forgotten had it ended.
            del self._running[slot]
            self.bytes_kept -= ENTRY_BYTES
        for ended in (self._kept, self._bare):
            if (entry := ended.get(slot)) is not None:
                ended.move_to_end(slot)
                return _standing(State.DONE, entry)
        entry = _Entry(claim=claim, lease_until_s=self._clock.monotonic_s() + claim.lease_s)
        self._running[slot] = entry
        self._grow(ENTRY_BYTES)
        return Standing(state=State.CLAIMED)

    @override
    async def settled(self, claim: Claim) -> Standing:
        """The same once nobody runs it any more."""
        while True:
            standing = await self.claim(claim)
            if standing.state is not State.RUNNING:
                return standing
            entry = self._running[claim.slot]
            if entry.told is None:
                entry.told = asyncio.Event()
            try:
                async with asyncio.timeout(entry.lease_until_s - self._clock.monotonic_s()):
                    await entry.told.wait()
            except TimeoutError:
                continue

    @override
    def settle(self, claim: Claim, outcome: bytes | None) -> Awaitable[None]:
        """Say what became of a claim, and wake who waits for it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        entry = self._running.get(claim.slot)
        if entry is None or entry.claim.owner != claim.owner:
            return done
        del self._running[claim.slot]
        if outcome is FREE:
            self.bytes_kept -= ENTRY_BYTES
        else:
            entry.sealed = outcome
            self._forget_s[claim.slot] = self._clock.monotonic_s() + self._retention_s
            (self._kept if outcome else self._bare)[claim.slot] = entry
            self._grow(len(outcome))
        if entry.told is not None:
            entry.told.set()
        return done

    def _standing_of_running(self, entry: _Entry, claim: Claim) -> Standing | None:
        if entry.claim.owner == claim.owner:
            return Standing(state=State.CLAIMED)
        late_s = self._clock.monotonic_s() - entry.lease_until_s
        if late_s >= self._retention_s:
            return None
        lost = late_s >= 0.0
        return _standing(State.LOST if lost else State.RUNNING, entry)

    def _grow(self, length: int) -> None:
        self.bytes_kept += length
        while self.bytes_kept > self._max_bytes and self._kept:
            slot, entry = self._kept.popitem(last=False)
            self.bytes_kept -= len(entry.sealed)
            entry.sealed = NOT_KEPT
            self._bare[slot] = entry
        while self.bytes_kept > self._max_bytes and self._bare:
            self._drop(next(iter(self._bare)))

    def _forget(self) -> None:
        """Forget what is old; the times of what has ended are in order."""
        now_s = self._clock.monotonic_s()
        while self._forget_s:
            slot, when_s = next(iter(self._forget_s.items()))
            if when_s > now_s:
                return
            self._drop(slot)

    def _drop(self, slot: str) -> None:
        """Forget a key whose call has ended."""
        del self._forget_s[slot]
        entry = self._kept.pop(slot, None) or self._bare.pop(slot)
        self.bytes_kept -= ENTRY_BYTES + len(entry.sealed)


def _standing(state: State, entry: _Entry) -> Standing:
    claim = entry.claim
    return Standing(state=state, print=claim.print, answer_id=claim.answer_id, sealed=entry.sealed)
