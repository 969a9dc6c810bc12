"""What have all processes admitted together? Counters in Redis, by its clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final
from urllib.parse import quote

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
from weir_server.store.redis_line import RedisLine, Reply, packed
from weir_server.store.redis_scripts import CORRECT, PRESENT, TAKE
from weir_server.store.sliding_window import SLICES, WINDOW_S, Slicing

SCRIPTS: Final = (TAKE, CORRECT, PRESENT)
KEYS_MAX: Final = 65_536
"""How many names of keys are remembered."""
SAID_AT_ONCE: Final = 100
PATIENT_S: Final = 0.25
"""How long to wait where no call does."""
PRESENT_KEY: Final = "weir:processes"

_CALLS = Measure.CALLS
_TOKENS = Measure.TOKENS
_CALLS_WAIT_US = round(CALLS_WAIT_S * 1_000_000)


@dataclass(frozen=True, slots=True)
class Said:
    """Something that the store is told of one limit."""

    limit: Limit
    words: str


def counted(limit: Limit, age: int, amount: int) -> Said:
    """Say that so much was admitted `age` slices ago."""
    return Said(limit, f"more {age} {amount}")


def leased(limit: Limit, holder: str, lease_s: float) -> Said:
    """Say that someone holds a lease, whether there is room or not; for no time: not any more."""
    if lease_s <= 0:
        return Said(limit, f"free {holder} 0")
    return Said(limit, f"lease {holder} {ceil(lease_s * 1_000)}")


class RedisCounters(Counters):
    """Counts in Redis: one script for what is taken, one for what is given back."""

    def __init__(
        self,
        line: RedisLine,
        clock: Clock,
        *,
        window_s: float = WINDOW_S,
        store_now_us: Callable[[], int] | None = None,
    ) -> None:
        """`store_now_us`: what the store is told the time is; None: its own clock."""
        self._line = line
        self._clock = clock
        self._slicing = Slicing(window_s)
        self._store_now_us = store_now_us
        self._keys: dict[str, bytes] = {}
        self.late: Callable[[Grant], None] = self.take_back
        """Is told a grant that came after its call had given up waiting."""
        self.lost: Callable[[Sequence[Limit], str], None] = _nobody
        """Is told the leases, by limits and holder, of which nobody knows whether they are held."""

    @override
    async def take(
        self, limits: Sequence[Limit], *, tokens: int, holder: str, lease_s: float
    ) -> Grant | Refusal:
        """Take of every limit or of none. Raises StoreAway."""
        until_s = self._clock.monotonic_s() + lease_s
        grant = Grant(limits, holder=holder, tokens=tokens, lease_until_s=until_s)
        said = f"{self._time()} {holder} {ceil(lease_s * 1_000)} {_CALLS_WAIT_US}"
        for limit in limits:
            kind = "l" if limit.measure is _CALLS else "w"
            said += f" {kind} {limit.most} {amount_of(limit, tokens)}"

        def late(reply: Reply | None) -> None:
            if reply is None:
                self.lost(limits, holder)
            elif not reply[0]:
                grant.shared = reply[2::3]
                self.late(grant)

        keys = [self._key(limit) for limit in limits]
        reply = await self._line.hear(self._line.ask(TAKE, keys, said, late=late))
        standings = [
            Standing(limit, reply[at + 1], reply[at + 2] / 1_000_000)
            for limit, at in zip(limits, range(2, len(reply), 3), strict=True)
        ]
        if reply[0]:
            wait_s = ceil((reply[1] + 1) / 1_000) / 1_000
            return Refusal(limits[reply[0] - 1], wait_s, standings)
        grant.shared = reply[2::3]
        grant.standings = standings
        return grant

    @override
    def give_back(self, grant: Grant, *, tokens_used: int, refund: bool) -> None:
        """Have the store end what was granted, once it has done what it was told before."""
        self._correct(grant, tokens_used=tokens_used, refund=refund, free=True)

    def _correct(self, grant: Grant, *, tokens_used: int, refund: bool, free: bool) -> None:
        keys: list[bytes] = []
        said = self._time()
        for index, limit in enumerate(grant.limits):
            if limit.measure is _CALLS:
                if not free:
                    continue
                said += f" free {grant.holder} 0"
            else:
                less = grant.tokens - tokens_used if limit.measure is _TOKENS else int(refund)
                if not less:
                    continue
                slice_ = self._slice_of(grant, index)
                said += f" more 0 {-less}" if less < 0 else f" back {slice_} {less}"
            keys.append(self._key(limit))
        if keys:
            leases = [each for each in grant.limits if each.measure is _CALLS]
            self._line.tell(CORRECT, keys, said, lost=lambda: self.lost(leases, grant.holder))

    def take_back(self, grant: Grant) -> None:
        """Undo a grant; whether its leases are to be ended is for `lost` to find out."""
        self._correct(grant, tokens_used=0, refund=True, free=False)
        self.lost(grant.limits, grant.holder)

    async def say(self, said: Sequence[Said]) -> None:
        """Have the store count what it was not asked for. Raises StoreAway."""
        by_tenant: dict[str, list[Said]] = {}
        for each in said:
            by_tenant.setdefault(each.limit.tenant, []).append(each)
        for of_tenant in by_tenant.values():
            for start in range(0, len(of_tenant), SAID_AT_ONCE):
                part = of_tenant[start : start + SAID_AT_ONCE]
                words = " ".join([self._time(), *(each.words for each in part)])
                keys = [self._key(each.limit) for each in part]
                await self._line.hear(self._line.ask(CORRECT, keys, words), PATIENT_S)

    async def count_processes(self, who: str, known_for_s: float) -> int:
        """Say that this process is there, and return how many are. Raises StoreAway."""
        said = f"{who} {ceil(known_for_s * 1_000)}"
        question = self._line.ask(PRESENT, [packed(PRESENT_KEY)], said)
        return (await self._line.hear(question, PATIENT_S))[0]

    def _key(self, limit: Limit) -> bytes:
        key = self._keys.get(limit.name)
        if key is None:
            if len(self._keys) >= KEYS_MAX:
                self._keys.clear()
            key = self._keys[limit.name] = packed(key_of(limit))
        return key

    def _slice_of(self, grant: Grant, index: int) -> int:
        """Return the store's slice in which a limit was counted; below 0: so many ago."""
        if grant.shared is not None:
            return grant.shared[index]
        now = self._slicing.slice_of(int(self._clock.monotonic_s() * 1_000_000))
        return min(-1, (grant.local or now) - now)

    def _time(self) -> str:
        now = "-" if self._store_now_us is None else self._store_now_us()
        return f"{now} {self._slicing.slice_us} {SLICES}"


def key_of(limit: Limit) -> str:
    """Return the key of a limit. What stands in braces decides where a cluster keeps it."""
    tenant = quote(limit.tenant, safe="")
    subject = quote(limit.subject, safe="/")
    return f"weir:rate:{{{tenant}}}:{subject}:{limit.measure.value}"


def _nobody(limits: Sequence[Limit], holder: str) -> None:
    """Hear of what is lost where nobody keeps account of it: leases end by themselves."""
