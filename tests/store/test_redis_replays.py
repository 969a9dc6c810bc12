"""Does Redis keep for many processes what memory keeps for one, and what if it is away?"""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import count

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from pydantic import SecretStr
from redis.asyncio import Redis
from typing_extensions import override

from tests.contracts.replay_model import ReplaysModel
from tests.contracts.replay_store import CLAIMED, DONE, RUNNING, ReplayStoreSuite, claim, of
from tests.services.redis_server import RedisServer
from weir_server.core.errors import IdempotencyUnavailable
from weir_server.core.replays import FREE
from weir_server.settings.redis import RedisSettings
from weir_server.store.redis_link import redis_link
from weir_server.store.redis_replays import PREFIX, RedisReplays, redis_replays
from weir_server.telemetry.log import Log

RETENTION_S = 60.0


class RedisHome:
    """One process, and Redis."""

    def __init__(self, store: RedisReplays, client: Redis, log_bytes: io.BytesIO) -> None:
        self.store = store
        self.client = client
        self.log_bytes = log_bytes

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # Redis has no clock but the machine's


@asynccontextmanager
async def process(redis: RedisServer, *, timeout_ms: int = 500) -> AsyncIterator[RedisHome]:
    """Remember calls in Redis as one process of Weir does."""
    log_bytes = io.BytesIO()
    wanted = RedisSettings(url=SecretStr(redis.url), timeout_ms=timeout_ms)
    with Log(log_bytes) as log:
        async with redis_link(wanted) as client:
            assert client is not None
            async with redis_replays(client, log, retention_s=RETENTION_S) as store:
                yield RedisHome(store, client, log_bytes)


@contextmanager
def paused(redis: RedisServer) -> Iterator[None]:
    """Let Redis hang."""
    redis.pause()
    try:
        yield
    finally:
        redis.go_on()


@pytest.fixture
async def home(redis: RedisServer) -> AsyncIterator[RedisHome]:
    async with process(redis) as running:
        yield running


class TestRedisReplays(ReplayStoreSuite):
    """All that every home promises."""


async def test_processes_see_each_other_s_calls(redis: RedisServer, home: RedisHome) -> None:
    """One claims, the other waits and gets what came of it."""
    mine, theirs = claim(), claim()
    async with process(redis) as other:
        await home.store.claim(mine)
        assert await other.store.claim(theirs) == of(RUNNING, mine)
        waiting = asyncio.ensure_future(other.store.settled(theirs))
        await home.store.settle(mine, b"sealed")
        async with asyncio.timeout(5.0):
            assert await waiting == of(DONE, mine, b"sealed")


async def test_keys_are_forgotten_in_time(home: RedisHome) -> None:
    """Redis is told when, at each step: after a lease nobody settled, and after the end."""
    mine = claim(lease_s=10.0)
    await home.store.claim(mine)
    running_ms = await home.client.pttl(PREFIX + mine.slot)
    await home.store.settle(mine, b"sealed")
    ended_ms = await home.client.pttl(PREFIX + mine.slot)

    assert 69_000 < running_ms <= 70_000
    assert 59_000 < ended_ms <= 60_000


async def test_many_who_wait_look_as_one(home: RedisHome) -> None:
    """A hundred in one process ask Redis as often as one, and each once more at the end."""
    mine = claim()
    await home.store.claim(mine)
    waiting = [asyncio.ensure_future(home.store.settled(claim())) for _ in range(100)]
    await asyncio.sleep(0.05)
    before = (await home.client.info("commandstats"))["cmdstat_evalsha"]["calls"]
    await asyncio.sleep(0.5)
    after = (await home.client.info("commandstats"))["cmdstat_evalsha"]["calls"]
    await home.store.settle(mine, b"sealed")
    await asyncio.gather(*waiting)

    assert after - before <= 25


async def test_redis_away_is_told_and_claims_nothing(redis: RedisServer) -> None:
    """The caller hears soon that it may come again; what Redis heard all the same is taken back."""
    async with process(redis, timeout_ms=20) as home:
        await home.store.claim(claim("warm"))
        with paused(redis):
            begun_s = time.monotonic()
            with pytest.raises(IdempotencyUnavailable) as away:
                await home.store.claim(claim())
            waited_s = time.monotonic() - begun_s
        async with asyncio.timeout(5.0):
            standing = await home.store.settled(claim())

    assert away.value.metadata == {"cause": "idempotency"}
    assert away.value.retry_after_s == 1.0
    assert waited_s < 1.0
    assert standing.state is CLAIMED


async def test_a_claim_that_could_not_be_settled_is_logged(redis: RedisServer) -> None:
    """The answer was given, and the key will end as lost: an operator can find out why."""
    mine = claim()
    async with process(redis, timeout_ms=20) as home:
        await home.store.claim(mine)
        with paused(redis):
            await home.store.settle(mine, b"sealed")
    (line,) = [json.loads(line) for line in home.log_bytes.getvalue().splitlines()]

    assert line["event"] == "idempotency_not_settled"
    assert line["response_id"] == mine.answer_id


async def test_a_broken_entry_is_nobody_s_answer(home: RedisHome) -> None:
    """Whoever wrote into Redis ends no process: what cannot be understood opens nothing."""
    mine = claim()
    await home.client.hset(PREFIX + mine.slot, "state", "done")
    standing = await home.store.claim(mine)
    assert (standing.state, standing.print, standing.sealed) == (DONE, "", b"")
    await home.client.hset(PREFIX + mine.slot, "state", "odd")
    with pytest.raises(IdempotencyUnavailable):
        await home.store.claim(mine)


async def test_what_is_posted_last_still_arrives(redis: RedisServer, home: RedisHome) -> None:
    """A process that stops waits for what it has yet to say."""
    mine = claim()
    async with process(redis) as stopping:
        await stopping.store.claim(mine)
        stopping.store.settle(mine, FREE)
    assert (await home.store.claim(claim())).state is CLAIMED


def test_redis_does_what_the_model_does(redis: RedisServer) -> None:
    """Whatever is claimed and settled in whatever order, by owners of any age."""
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    store = loop.run_until_complete(stack.enter_async_context(process(redis))).store
    examples = count()

    class RedisModel(ReplaysModel):
        def __init__(self) -> None:
            super().__init__()
            self.loop = loop
            self.store = store
            self.prefix = f"model-{next(examples)}-"

        @override
        def teardown(self) -> None:
            """The loop is the test's own."""

    try:
        run_state_machine_as_test(
            RedisModel,
            settings=settings(max_examples=25, stateful_step_count=25, deadline=None),
        )
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()
