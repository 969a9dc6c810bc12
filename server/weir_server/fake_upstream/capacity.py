"""What does an upstream do under load, or in bad times? Answers that depend on earlier attempts.

They keep no state of their own: what they need is in the journal's memory. Two equal ones share
it, unless they have different names.
"""

import math
import time
from dataclasses import dataclass, field, replace

from typing_extensions import override

from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.exchange import Behaviour, Exchange
from weir_server.fake_upstream.openai_errors import OVERLOADED, RATE_LIMITED, UNAVAILABLE
from weir_server.fake_upstream.openai_service import OpenAiService


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping(Behaviour):
    """Up for some attempts, then down for some, round and round in order of arrival."""

    up_attempts: int
    down_attempts: int
    up: Behaviour = field(default_factory=OpenAiService)
    down: Behaviour = field(default_factory=UNAVAILABLE.reply)

    @override
    async def play(self, exchange: Exchange) -> None:
        turn = (exchange.attempt.number - 1) % (self.up_attempts + self.down_attempts)
        await (self.up if turn < self.up_attempts else self.down).play(exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlappingInTime(Behaviour):
    """Up for a while, then down for a while, round and round; or first down, then up.

    It begins at `begins_at` of the monotonic clock (and is up before), or at the first attempt.
    `up_s` may be infinite: down for a while, then well for ever.
    """

    down_s: float
    up_s: float = math.inf
    starts_down: bool = False
    begins_at: float | None = None
    up: Behaviour = field(default_factory=OpenAiService)
    down: Behaviour = field(default_factory=UNAVAILABLE.reply)
    name: str = ""

    @override
    async def play(self, exchange: Exchange) -> None:
        await (self.up if self._is_up(exchange) else self.down).play(exchange)

    def _is_up(self, exchange: Exchange) -> bool:
        now = exchange.attempt.started_at
        begins_at = self.begins_at
        if begins_at is None:
            key = (type(self), self.name, self.up_s, self.down_s)
            begins_at = exchange.journal.memory.first_at.setdefault(key, now)
        if now < begins_at:
            return True
        since_s = (now - begins_at) % (self.up_s + self.down_s)
        return since_s >= self.down_s if self.starts_down else since_s < self.up_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PerKeyQuota(Behaviour):
    """Serve at most `limit` requests per credential in any `window_s`; refuse the rest.

    A refusal says in `retry-after` (whole seconds, rounded up) when the next one will pass.
    """

    limit: int
    window_s: float
    of: Behaviour = field(default_factory=OpenAiService)
    over: Reply = field(default_factory=RATE_LIMITED.reply)
    name: str = ""

    @override
    async def play(self, exchange: Exchange) -> None:
        now = time.monotonic()
        key = (type(self), self.name, self.limit, self.window_s, exchange.attempt.credential)
        served_at = exchange.journal.memory.served_at[key]
        while served_at and served_at[0] < now - self.window_s:
            served_at.popleft()
        if len(served_at) < self.limit:
            served_at.append(now)
            await self.of.play(exchange)
            return
        # The window frees a place when the oldest of the served leaves it.
        wait_s = served_at[0] + self.window_s - now if served_at else self.window_s
        wait = ("retry-after", str(max(1, math.ceil(wait_s))))
        await replace(self.over, headers=(*self.over.headers, wait)).play(exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency(Behaviour):
    """Serve at most `limit` requests at the same time; refuse the rest at once."""

    limit: int
    of: Behaviour = field(default_factory=OpenAiService)
    over: Reply = field(default_factory=OVERLOADED.reply)
    name: str = ""

    @override
    async def play(self, exchange: Exchange) -> None:
        running = exchange.journal.memory.counts
        key = (type(self), self.name, self.limit)
        if running[key] >= self.limit:
            await self.over.play(exchange)
            return
        running[key] += 1
        try:
            await self.of.play(exchange)
        finally:
            running[key] -= 1
