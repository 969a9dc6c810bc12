"""Counters in a real Redis, told the time by a clock that a test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from tests.contracts.counters import now_us
from tests.fakes.clock import FakeClock
from weir_server.core.clock import SystemClock
from weir_server.core.tasks import sibling
from weir_server.settings.redis import RedisSettings
from weir_server.store.redis_counters import SCRIPTS, RedisCounters
from weir_server.store.redis_line import RedisLine
from weir_server.store.redis_link import redis_link

PATIENT_S = 10.0
"""A test that waits for its turn on a busy machine is not a Redis that is away."""


@asynccontextmanager
async def redis_counters(
    url: str, clock: FakeClock, *, timeout_s: float = PATIENT_S
) -> AsyncIterator[RedisCounters]:
    """Give counters that hold nothing yet."""
    settings = RedisSettings(url=SecretStr(url), timeout_ms=round(timeout_s * 1_000))
    async with redis_link(settings) as client:
        assert client is not None
        await client.flushall()
        line = RedisLine(client, scripts=SCRIPTS, timeout_s=timeout_s, clock=SystemClock())
        async with sibling(line.run(), name="redis line"):
            yield RedisCounters(line, clock, store_now_us=lambda: now_us(clock) + EPOCH_US)


EPOCH_US = 1_800_000_000 * 1_000_000
"""Redis counts from 1970: its numbers are larger than a monotonic clock's."""
