"""What does an upstream do under load, or in bad times? Answers that depend on earlier attempts.

They keep no state of their own: what they need is in the journal.
"""

import math
import time
from dataclasses import dataclass, field, replace

from typing_extensions import override

from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.exchange import Behaviour, Exchange
from weir_server.fake_upstream.journal import Attempt, Journal
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
    """Up for a while from the first attempt on, then down for a while, round and round."""

    up_s: float
    down_s: float
    up: Behaviour = field(default_factory=OpenAiService)
    down: Behaviour = field(default_factory=UNAVAILABLE.reply)

    @override
    async def play(self, exchange: Exchange) -> None:
        since_first_s = exchange.attempt.started_at - exchange.journal[0].started_at
        is_up = since_first_s % (self.up_s + self.down_s) < self.up_s
        await (self.up if is_up else self.down).play(exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerKeyQuota(Behaviour):
    """Serve at most `limit` requests per bearer key in any `window_s`; refuse the rest.

    A refusal says in `retry-after` (whole seconds, rounded up) when the next one will pass.
    """

    limit: int
    window_s: float
    of: Behaviour = field(default_factory=OpenAiService)
    over: Reply = field(default_factory=RATE_LIMITED.reply)

    @override
    async def play(self, exchange: Exchange) -> None:
        now = time.monotonic()
        served = _served_since(exchange.journal, exchange.attempt, now - self.window_s)
        if len(served) < self.limit:
            await self.of.play(exchange)
            return
        # The window frees a place when the limit-th most recent of the served leaves it.
        wait_s = served[self.limit - 1].started_at + self.window_s - now
        wait = ("retry-after", str(max(1, math.ceil(wait_s))))
        await replace(self.over, headers=(*self.over.headers, wait)).play(exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency(Behaviour):
    """Serve at most `limit` requests at the same time; refuse the rest at once."""

    limit: int
    of: Behaviour = field(default_factory=OpenAiService)
    over: Reply = field(default_factory=OVERLOADED.reply)

    @override
    async def play(self, exchange: Exchange) -> None:
        others = sum(
            attempt.status != self.over.status
            for attempt in exchange.journal.running
            if attempt is not exchange.attempt and attempt.body_complete_at is not None
        )
        await (self.of if others < self.limit else self.over).play(exchange)


def _served_since(journal: Journal, asking: Attempt, since: float) -> list[Attempt]:
    """Return the attempts with the same key that were not refused, the latest first."""
    served = []
    for index in range(asking.number - 2, -1, -1):
        earlier = journal[index]
        if earlier.started_at < since:
            break
        if earlier.bearer == asking.bearer and earlier.status != 429:
            served.append(earlier)
    return served
