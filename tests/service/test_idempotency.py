"""However often a call is repeated with its key, it is run once, and all get the one answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.asking import maybe_refused, refused, until
from tests.service.keyed import ASKING, all_of, ask, keyed
from tests.service.weir import Weir, chat_request, hear, serving, stream_request, upstream_tree
from weir.v1.usage_service_pb2 import GetResponseUsageRequest
from weir.v1.usage_service_pb2_grpc import UsageServiceStub
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events
from weir_server.fake_upstream.upstream import FakeUpstream

CALLS = 100
SLOW = OpenAiService(delay_before_headers_s=0.2)


def tree_of(upstream: FakeUpstream, **branches: Any) -> dict[str, Any]:
    tree = upstream_tree(upstream.url, max_retries=0)
    tree["resilience"] = {"breaker": {"consecutive_failures": 1000, "min_calls": 100_000}}
    return {**tree, **branches}


@pytest.fixture
async def gateway(upstream: FakeUpstream) -> AsyncIterator[Weir]:
    """A Weir in front of `upstream` that asks once and tells what happened."""
    async with serving(tree_of(upstream)) as running:
        yield running


@pytest.mark.parametrize("method", ["Chat", "StreamChat"])
async def test_100_equal_calls_at_once_are_one(
    upstream: FakeUpstream, gateway: Weir, method: str
) -> None:
    """One call upstream, one run, 100 equal answers; a late one gets it too."""
    upstream.script(SLOW)
    answers = await all_of(*(ask(gateway.channel, method, "hello", "k") for _ in range(CALLS)))
    late = await ask(gateway.channel, method, "hello", "k")

    assert len(upstream.journal) == 1
    assert len({answer.said for answer in [*answers, late]}) == 1
    assert sorted(answer.is_replay for answer in answers) == [False] + [True] * (CALLS - 1)
    assert late.is_replay
    told = {
        tuple(answer.trailers[name] for name in ("weir-response-id", "weir-route", "weir-attempts"))
        for answer in [*answers, late]
    }
    assert len(told) == 1
    assert len({answer.trailers["weir-usage-bin"] for answer in answers}) == 1


@pytest.mark.parametrize("method", ASKING)
async def test_a_replay_says_all_that_the_first_said(
    upstream: FakeUpstream, gateway: Weir, method: str
) -> None:
    """Every method, byte for byte: parts, usage, response id, times and attempts."""
    first = await ask(gateway.channel, method, "hello " * 30, "k")
    again = await ask(gateway.channel, method, "hello " * 30, "k")

    assert (first.is_replay, again.is_replay) == (False, True)
    assert first.said == again.said
    assert len(upstream.journal) == 1


async def test_another_body_is_refused(upstream: FakeUpstream, gateway: Weir) -> None:
    """A key names one call: whoever asks something else by it has made a mistake."""
    await ask(gateway.channel, "Chat", "hello", "k")
    refusal = await refused(ask(gateway.channel, "Chat", "hello!", "k"))

    assert refusal.verdict == ("INVALID_ARGUMENT", "IDEMPOTENCY_KEY_REUSED")
    assert refusal.details["ErrorInfo"].metadata["key"] == "k"
    assert len(upstream.journal) == 1


async def test_another_body_is_refused_while_the_first_runs(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """It is not made to wait for an answer that is not its own."""
    upstream.script(Hang())
    call = gateway.llm.Chat(chat_request("hello", model="m"), metadata=keyed("k"))
    await upstream.wait_for_attempts(1)
    refusal = await refused(ask(gateway.channel, "Chat", "hello!", "k"))
    call.cancel()

    assert refusal.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_methods_and_keys_are_apart(upstream: FakeUpstream, gateway: Weir) -> None:
    """The same key for another method is another call, as is another key."""
    for method, key in (("Chat", "k"), ("StreamChat", "k"), ("Chat", "K")):
        assert not (await ask(gateway.channel, method, "hello", key)).is_replay
    assert len(upstream.journal) == 3


async def test_a_refused_request_takes_no_key(upstream: FakeUpstream, gateway: Weir) -> None:
    """Only what is well formed is remembered: the corrected request may have the key."""
    wrong = chat_request("hello", model="m", temperature=9.0)
    refusal = await refused(gateway.llm.Chat(wrong, metadata=keyed("k")))
    answer = await ask(gateway.channel, "Chat", "hello", "k")

    assert refusal.reason == "INVALID_REQUEST"
    assert not answer.is_replay


async def test_a_failure_before_any_byte_leaves_the_key(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """Who could not be reached has done nothing: the next call runs."""
    async with upstream.refusing_connections():
        refusal = await refused(ask(gateway.channel, "Chat", "hello", "k"))
    answer = await ask(gateway.channel, "Chat", "hello", "k")

    assert refusal.reason == "UPSTREAM_CONNECT_FAILED"
    assert not answer.is_replay


@pytest.mark.parametrize("method", ["Chat", "StreamChat"])
async def test_a_failure_after_a_byte_is_given_again(
    upstream: FakeUpstream, gateway: Weir, method: str
) -> None:
    """The vendor may have worked: the same failure, marked, and nobody is asked again."""
    body = {"error": {"message": "no", "type": "invalid_request_error"}}
    upstream.script(Reply(status=400, body=body), OpenAiService())
    first, again = [await refused(_read(gateway, method, "hello", "k")) for _ in range(2)]

    assert len(upstream.journal) == 1
    assert first.verdict == again.verdict == ("INVALID_ARGUMENT", "UPSTREAM_REJECTED_REQUEST")
    facts = dict(again.details["ErrorInfo"].metadata)
    assert facts.pop("replayed") == "true"
    assert facts == dict(first.details["ErrorInfo"].metadata)
    assert again.details["FailureInfo"] == first.details["FailureInfo"]
    assert again.trailers["grpc-retry-pushback-ms"] == "-1"
    assert "weir-replayed" not in first.trailers
    assert again.trailers["weir-replayed"] == "true"


async def test_a_broken_stream_is_given_again_as_its_failure(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """A stream that was cut is not told again in part: its failure says what was used."""
    events = encode_events(ChatChunks().text(["Hello", " there"]), done=False)[:3]
    upstream.script(Sse(events=events, ending=Ending.RESET), OpenAiService())
    first = await hear(_call(gateway, "StreamChat", "hello", "k"))
    again = await hear(_call(gateway, "StreamChat", "hello", "k"))

    assert first.failure.reason == again.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert again.events == []
    assert again.failure.failure is not None
    assert first.failure.failure is not None
    assert again.failure.failure.usage == first.failure.failure.usage
    assert again.failure.failure.usage.completion_tokens == 2
    assert len(upstream.journal) == 1


async def test_a_hang_up_closes_the_upstream_and_keeps_the_key(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """Whoever waits or comes later hears that the outcome is not known; nobody runs it again."""
    upstream.script(Hang(), OpenAiService())
    owner = gateway.llm.Chat(chat_request("hello", model="m"), metadata=keyed("k"))
    (attempt,) = await upstream.wait_for_attempts(1)
    waiter = asyncio.ensure_future(refused(ask(gateway.channel, "Chat", "hello", "k")))
    await asyncio.sleep(0.05)
    owner.cancel()
    await upstream.wait_closed(attempt, timeout_s=0.5)

    for refusal in (await waiter, await refused(ask(gateway.channel, "Chat", "hello", "k"))):
        assert refusal.verdict == ("ABORTED", "UNKNOWN_OUTCOME")
        assert refusal.details["ErrorInfo"].metadata["cause"] == "client_cancelled"
        assert refusal.details["FailureInfo"].usage.prompt_tokens > 0
    assert len(upstream.journal) == 1


async def test_a_hang_up_before_any_byte_leaves_the_key_to_who_waits(
    upstream: FakeUpstream,
) -> None:
    """The first that waits runs in its place."""
    tree = tree_of(upstream)
    tree["providers"][0]["max_concurrency"] = 1
    async with serving(tree) as gateway:
        upstream.script(OpenAiService(delay_before_headers_s=0.4), OpenAiService())
        other = asyncio.ensure_future(ask(gateway.channel, "Chat", "other", "other"))
        await upstream.wait_for_attempts(1)
        owner = gateway.llm.Chat(chat_request("hello", model="m"), metadata=keyed("k"))
        await asyncio.sleep(0.05)
        waiter = asyncio.ensure_future(ask(gateway.channel, "Chat", "hello", "k"))
        await asyncio.sleep(0.05)
        owner.cancel()

        assert not (await waiter).is_replay
        await other
        assert len(upstream.journal) == 2


async def test_a_deadline_passes_while_another_runs(upstream: FakeUpstream, gateway: Weir) -> None:
    """It is told that the call still runs, and when to ask again, before its time is over."""
    upstream.script(OpenAiService(delay_before_headers_s=1.0))
    owner = asyncio.ensure_future(ask(gateway.channel, "Chat", "hello", "k"))
    await upstream.wait_for_attempts(1)
    refusal = await refused(ask(gateway.channel, "Chat", "hello", "k", timeout=0.4))
    answer = await ask(gateway.channel, "Chat", "hello", "k")

    assert refusal.verdict == ("ABORTED", "IDEMPOTENCY_IN_PROGRESS")
    assert refusal.details["RetryInfo"].retry_delay.seconds == 1
    assert answer.said == (await owner).said


async def test_the_owner_s_deadline_is_not_that_of_those_who_wait(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """They are told that the outcome is not known, for their own time is not over."""
    upstream.script(Hang())
    owner = asyncio.ensure_future(refused(ask(gateway.channel, "Chat", "hello", "k", timeout=0.4)))
    await upstream.wait_for_attempts(1)
    waiting = await refused(ask(gateway.channel, "Chat", "hello", "k", timeout=20.0))

    assert (await owner).reason == "DEADLINE_EXCEEDED"
    assert waiting.reason == "UNKNOWN_OUTCOME"
    assert waiting.details["ErrorInfo"].metadata["cause"] == "deadline_exceeded"


async def test_who_waits_for_a_stream_is_kept_alive(upstream: FakeUpstream) -> None:
    """`start` and heartbeats go out, with the identity of the answer that is waited for."""
    tree = tree_of(upstream)
    server = {"start_alone_after_s": 0.1, "heartbeat_interval_s": 0.1}
    async with serving(tree, server=server) as gateway:
        upstream.script(OpenAiService(delay_before_headers_s=0.6))
        owner = asyncio.ensure_future(ask(gateway.channel, "StreamChat", "hello", "k"))
        await upstream.wait_for_attempts(1)
        call = gateway.llm.StreamChat(stream_request("hello", model="m"), metadata=keyed("k"))
        heard = await hear(call)
        await owner

    assert heard.kinds[:2] == ["start", "heartbeat"]
    assert heard.events[0].start.response_id == heard.end.metadata.response_id
    assert heard.end.metadata.attributes["replayed"] == "true"
    assert [event.sequence for event in heard.events] == list(range(len(heard.events)))


async def test_a_long_answer_is_guarded_only(upstream: FakeUpstream) -> None:
    """It is not kept, and the call is not run again: the caller is told where its usage is."""
    tree = tree_of(upstream, idempotency={"max_reply_bytes": 2000})
    async with serving(tree) as gateway:
        upstream.script(OpenAiService(says=words(1000)))
        first = await ask(gateway.channel, "StreamChat", "hello", "k")
        refusal = await refused(_read(gateway, "StreamChat", "hello", "k"))

    assert refusal.verdict == ("ABORTED", "UNKNOWN_OUTCOME")
    facts = refusal.details["ErrorInfo"].metadata
    assert facts["cause"] == "not_kept"
    assert facts["responseId"] == first.trailers["weir-response-id"]
    assert len(upstream.journal) == 1


async def test_nothing_is_kept_of_a_tenant_that_wants_it_so(upstream: FakeUpstream) -> None:
    """Its keys keep calls from being run twice, and no more."""
    tree = tree_of(upstream, idempotency={"guard_only_tenants": ["default"]})
    async with serving(tree) as gateway:
        await ask(gateway.channel, "Embed", "hello", "k")
        refusal = await refused(ask(gateway.channel, "Embed", "hello", "k"))
        refusal_of_another = await refused(ask(gateway.channel, "Embed", "hello!", "k"))

    assert refusal.details["ErrorInfo"].metadata["cause"] == "not_kept"
    assert refusal_of_another.reason == "IDEMPOTENCY_KEY_REUSED"
    assert len(upstream.journal) == 1


@pytest.mark.parametrize(
    ("branches", "why"),
    [
        ({"idempotency": {"enabled": False}}, None),
        ({"redis": {"url": "unix:///nowhere"}}, "seal_key"),
        ({"server": {"workers": 2}}, "workers"),
    ],
    ids=["switched off", "no seal key", "several workers"],
)
async def test_keys_that_nobody_could_honour_are_refused(
    upstream: FakeUpstream, branches: dict[str, Any], why: str | None
) -> None:
    """Rather than ignored; the log says at start what to set."""
    async with serving(tree_of(upstream, **branches)) as gateway:
        refusal = await refused(ask(gateway.channel, "Chat", "hello", "k"))
        without = await maybe_refused(gateway.llm.Chat(chat_request("hello", model="m")))

    assert refusal.verdict == ("UNIMPLEMENTED", "FEATURE_DISABLED")
    assert without is None
    said = [line["why"] for line in gateway.log_lines("idempotency_off")]
    assert len(said) == (why is not None)
    assert all(str(why) in line for line in said)


async def test_the_log_tells_replays_from_runs(upstream: FakeUpstream, gateway: Weir) -> None:
    """A replay made no attempts, whatever its answer tells of the first run's."""
    for _ in range(2):
        await ask(gateway.channel, "Chat", "hello", "k")
    await until(lambda: len(gateway.log_lines("rpc")) == 2)
    first, again = gateway.log_lines("rpc")

    assert (first["attempts"], first.get("replayed", False)) == (1, False)
    assert (again.get("attempts", 0), again["replayed"]) == (0, True)
    assert first["response_id"] != again["response_id"]


async def test_replays_are_booked_at_no_charge(upstream: FakeUpstream, tmp_path: Path) -> None:
    """Each has a row of its own, an answer's and a failure's; the first run alone has usage."""
    tree = tree_of(upstream, ledger={"enabled": True}, server={"data_dir": str(tmp_path)})
    body = {"error": {"message": "no", "type": "invalid_request_error"}}
    upstream.script(OpenAiService(), Reply(status=400, body=body))
    async with serving(tree) as gateway:
        for _ in range(2):
            await ask(gateway.channel, "Chat", "hello", "answered")
        for _ in range(2):
            await refused(ask(gateway.channel, "Chat", "hello", "failed"))
        await until(lambda: len(gateway.log_lines("rpc")) == 4)
        ids = [line["response_id"] for line in gateway.log_lines("rpc")]
        usage = UsageServiceStub(gateway.channel)
        ran, again, failed, failed_again = [
            (await usage.GetResponseUsage(GetResponseUsageRequest(response_id=each))).call
            for each in ids
        ]

    assert [each.replayed for each in (ran, again, failed, failed_again)] == [False, True] * 2
    assert ran.usage.total_tokens > 0
    assert again.usage.total_tokens == failed_again.usage.total_tokens == 0
    assert (again.provider, again.vendor_model) == (ran.provider, ran.vendor_model)
    assert failed_again.reason == failed.reason != ran.reason == again.reason
    assert len(again.attempts) == 0


def _call(gateway: Weir, method: str, text: str, key: str) -> Any:
    if method == "StreamChat":
        return gateway.llm.StreamChat(stream_request(text, model="m"), metadata=keyed(key))
    return gateway.llm.Chat(chat_request(text, model="m"), metadata=keyed(key))


async def _read(gateway: Weir, method: str, text: str, key: str) -> None:
    call = _call(gateway, method, text, key)
    if method == "Chat":
        await call
    else:
        async for _ in call:
            pass
