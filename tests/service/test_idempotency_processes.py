"""Four servers on one Redis are as one: a keyed call is run once, even if who ran it is killed."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.service.asking import refused
from tests.service.keyed import all_of, ask
from tests.service.process import serving_process
from tests.service.weir import in_this_process, serving, upstream_tree
from tests.services.redis_server import RedisServer
from weir_server.fake_upstream.behaviour import Hang
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.settings.redis import RedisSettings
from weir_server.store.redis_link import redis_link
from weir_server.store.redis_replays import PREFIX

SERVERS = 4
CALLS = 100
MARGIN_S = 0.5


def tree_of(upstream: FakeUpstream, redis: RedisServer, **idempotency: Any) -> dict[str, Any]:
    """A configuration whose servers share keys; patient, for the test's machine is busy."""
    return {
        **in_this_process(upstream_tree(upstream.url, max_retries=0)),
        "redis": {"url": redis.url, "timeout_ms": 2000},
        "idempotency": {"seal_key": "s" * 32, "lease_margin_s": MARGIN_S, **idempotency},
    }


async def test_100_equal_calls_at_four_servers_are_one(
    upstream: FakeUpstream, redis: RedisServer, tmp_path: Path
) -> None:
    """One call upstream, and 100 equal answers from wherever, unary and streamed."""
    upstream.script(OpenAiService(delay_before_headers_s=0.3))
    async with AsyncExitStack() as stack:
        # One after the other: a busy machine that starts all at once starts none in time.
        servers = [
            await stack.enter_async_context(_server(tmp_path / str(number), upstream, redis))
            for number in range(SERVERS)
        ]
        for number, method in enumerate(("Chat", "StreamChat"), start=1):
            answers = await all_of(
                *(
                    ask(servers[call % SERVERS].channel, method, "hello", "k")
                    for call in range(CALLS)
                )
            )
            assert len(upstream.journal) == number
            assert len({answer.said for answer in answers}) == 1
            assert [answer.is_replay for answer in answers].count(False) == 1


async def test_a_killed_server_s_call_is_not_run_again(
    upstream: FakeUpstream, redis: RedisServer, tmp_path: Path
) -> None:
    """Who waits, elsewhere, and who comes later is told that the outcome is not known."""
    upstream.script(Hang(), OpenAiService())
    async with serving(tree_of(upstream, redis)) as other:
        async with _server(tmp_path / "killed", upstream, redis) as killed:
            owner = asyncio.ensure_future(
                refused(ask(killed.channel, "Chat", "hello", "k", timeout=1.0))
            )
            await upstream.wait_for_attempts(1)
            waiting = asyncio.ensure_future(refused(ask(other.channel, "Chat", "hello", "k")))
            killed.process.kill()
            await killed.process.wait()
            await owner
        lost = await waiting
        later = await refused(ask(other.channel, "Chat", "hello", "k"))
        new_key = await ask(other.channel, "Chat", "hello", "another")

    for refusal in (lost, later):
        assert refusal.verdict == ("ABORTED", "UNKNOWN_OUTCOME")
        assert refusal.details["ErrorInfo"].metadata["cause"] == "lost"
        assert refusal.details["ErrorInfo"].metadata["responseId"].startswith("resp_")
    assert not new_key.is_replay
    assert len(upstream.journal) == 2


async def test_what_was_tampered_with_is_refused(
    upstream: FakeUpstream, redis: RedisServer
) -> None:
    """Changed in Redis, or put in another's place: never parsed, and the call is not run again."""
    async with (
        serving(tree_of(upstream, redis)) as weir,
        redis_link(RedisSettings(url=SecretStr(redis.url), timeout_ms=2000)) as client,
    ):
        assert client is not None
        for key in ("changed", "swapped"):
            await ask(weir.channel, "Chat", key, key)
        slots = await client.keys(f"{PREFIX}*")
        assert len(slots) == 2
        sealed = await client.hget(slots[1], "sealed")
        assert isinstance(sealed, bytes)
        await client.hset(slots[0], "sealed", sealed)
        await client.hset(slots[1], "sealed", sealed[:-1] + bytes([sealed[-1] ^ 1]))
        refusals = [
            await refused(ask(weir.channel, "Chat", key, key)) for key in ("changed", "swapped")
        ]

    for refusal in refusals:
        assert refusal.verdict == ("ABORTED", "UNKNOWN_OUTCOME")
        assert refusal.details["ErrorInfo"].metadata["cause"] == "unreadable"
    assert len(weir.log_lines("replay_unreadable")) == 2
    assert len(upstream.journal) == 2


async def test_redis_holds_no_word(upstream: FakeUpstream, redis: RedisServer) -> None:
    """Neither key, prompt, answer nor tenant stands in it, in names or values."""
    async with (
        serving(tree_of(upstream, redis)) as weir,
        redis_link(RedisSettings(url=SecretStr(redis.url), timeout_ms=2000)) as client,
    ):
        assert client is not None
        await ask(weir.channel, "Chat", "canary prompt", "canary-key")
        names = await client.keys("*")
        slots = [name for name in names if await client.type(name) == b"hash"]
        held = repr((names, [await client.hgetall(slot) for slot in slots]))

    assert slots
    assert not any(word in held for word in ("canary", "prompt", "default", "vendor-m"))


async def test_another_seal_key_is_not_another_request(
    upstream: FakeUpstream, redis: RedisServer
) -> None:
    """With the secret changed nobody can compare: the call is neither run nor called a misuse."""
    async with serving(tree_of(upstream, redis)) as weir:
        await ask(weir.channel, "Chat", "hello", "k")
    async with serving(tree_of(upstream, redis, seal_key="t" * 32)) as weir:
        refusal = await refused(ask(weir.channel, "Chat", "hello", "k"))

    assert refusal.reason == "UNKNOWN_OUTCOME"
    assert refusal.details["ErrorInfo"].metadata["cause"] == "seal_key"


async def test_without_redis_keyed_calls_wait_and_others_do_not_notice(
    upstream: FakeUpstream, redis: RedisServer
) -> None:
    """A call that could run twice is not run at all; its caller is told when to come again."""
    tree = {**tree_of(upstream, redis), "redis": {"url": redis.url, "timeout_ms": 20}}
    async with serving(tree) as weir:
        redis.pause()
        try:
            refusal = await refused(ask(weir.channel, "Chat", "hello", "k"))
            await weir.stream("hello")
        finally:
            redis.go_on()
        answer = await ask(weir.channel, "Chat", "hello", "k")

    assert refusal.verdict == ("UNAVAILABLE", "GATEWAY_OVERLOADED")
    assert refusal.details["ErrorInfo"].metadata["cause"] == "idempotency"
    assert refusal.details["RetryInfo"].retry_delay.seconds == 1
    assert not answer.is_replay
    assert len(upstream.journal) == 2


def _server(folder: Path, upstream: FakeUpstream, redis: RedisServer) -> Any:
    folder.mkdir()
    return serving_process(folder, tree_of(upstream, redis))
