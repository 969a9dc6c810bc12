"""Counters of many processes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from typing_extensions import override

from tests.contracts.counters import CountersSuite, limit
from tests.fakes.clock import FakeClock
from tests.fakes.redis_server import RedisServer, redis_server
from tests.store.redis_home import redis_counters
from weir_server.core.counters import Counters, Grant, Measure, Refusal
from weir_server.settings.redis import RedisSettings
from weir_server.store.redis_counters import key_of
from weir_server.store.redis_line import StoreAway
from weir_server.store.redis_link import redis_link


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


class TestRedisCounters(CountersSuite):
    """Keeps the contract."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _server(cls, redis: RedisServer) -> None:
        cls.url = redis.url

    url = ""

    @override
    @asynccontextmanager
    async def counters(self, clock: FakeClock) -> AsyncIterator[Counters]:
        async with redis_counters(self.url, clock) as counters:
            yield counters


async def test_clock_that_is_set_back_makes_nobody_wait_longer(redis: RedisServer) -> None:
    """When the store's clock goes back an hour, what counted counts for one more minute at most."""
    clock = FakeClock(monotonic_s=10_000.0)
    limits = [limit(Measure.REQUESTS, 2)]
    async with redis_counters(redis.url, clock) as counters:
        for number in range(2):
            await counters.take(limits, tokens=0, holder=f"{number}", lease_s=60.0)
            clock.advance(20.0)
        clock.advance(-3_600.0)
        refused = await counters.take(limits, tokens=0, holder="a", lease_s=60.0)
        assert isinstance(refused, Refusal)
        assert refused.wait_s is not None
        assert 0.0 < refused.wait_s <= 60.3
        clock.advance(refused.wait_s)
        granted = await counters.take(limits, tokens=0, holder="b", lease_s=60.0)
    assert isinstance(granted, Grant)


async def test_clock_that_is_set_on_ends_a_window_once(redis: RedisServer) -> None:
    """An hour on, the limit is whole again, once, and then it holds as before."""
    clock = FakeClock()
    limits = [limit(Measure.REQUESTS, 2)]
    admitted = 0
    async with redis_counters(redis.url, clock) as counters:
        for step_s in (0.0, 0.0, 0.0, 3_600.0, 0.0, 0.0, 0.0):
            clock.advance(step_s)
            got = await counters.take(limits, tokens=0, holder="h", lease_s=60.0)
            admitted += isinstance(got, Grant)
    assert admitted == 4


async def test_keys_expire_and_say_nothing_but_names(redis: RedisServer) -> None:
    """What nobody asks for is gone after a window; a cluster keeps a tenant's keys together."""
    clock = FakeClock()
    limits = [
        limit(Measure.REQUESTS, 9, "keys/4f{1}", tenant="a{b}"),
        limit(Measure.CALLS, 9, "tenants/a{b}", tenant="a{b}"),
    ]
    async with redis_link(RedisSettings(url=SecretStr(redis.url))) as client:
        assert client is not None
        async with redis_counters(redis.url, clock) as counters:
            await counters.take(limits, tokens=0, holder="resp_1", lease_s=30.0)
            keys = [key_of(each) for each in limits]
            left_ms = [await client.pttl(key) for key in keys]
    assert keys == [
        "weir:rate:{a%7Bb%7D}:keys/4f%7B1%7D:requests_per_minute",
        "weir:rate:{a%7Bb%7D}:tenants/a%7Bb%7D:concurrent_calls",
    ]
    assert 0 < left_ms[0] <= 61_000
    assert 0 < left_ms[1] <= 30_000


async def test_scripts_are_loaded_again_after_they_were_flushed(redis: RedisServer) -> None:
    """One question is lost with them, and the next one finds them."""
    clock = FakeClock()
    limits = [limit(Measure.REQUESTS, 9)]
    async with redis_link(RedisSettings(url=SecretStr(redis.url))) as client:
        assert client is not None
        async with redis_counters(redis.url, clock) as counters:
            await counters.take(limits, tokens=0, holder="a", lease_s=30.0)
            await client.script_flush()
            with pytest.raises(StoreAway, match="scripts"):
                await counters.take(limits, tokens=0, holder="a", lease_s=30.0)
            got = await counters.take(limits, tokens=0, holder="a", lease_s=30.0)
    assert got.standings[0].used == 2
