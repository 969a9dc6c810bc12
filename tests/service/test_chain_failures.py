"""What fails in a chain of two Weirs fails as it does with one, told once and to the right one."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.service.asking import hear_rest, logged, maybe_refused, refused
from tests.service.chain import Chain, chain, far_tree, near_tree
from tests.service.handmade import Scripted, said, serving_handler
from tests.service.process import serving_process
from tests.service.test_cancel_and_deadline import BEGUN, CASES, p90, p99
from tests.service.test_drain import draining, talk
from tests.service.test_slow_reader import FLOOD, MIB, SMALL_WINDOW
from tests.service.weir import (
    ECHO,
    Failure,
    chat_request,
    failure_of,
    hear,
    serving,
    stream_request,
)
from tests.transport.test_status import CODES, tree
from weir.v1.error_pb2 import FieldViolation
from weir.v1.generation_pb2 import FinishReason, Phase
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.core import errors
from weir_server.core.call import Call
from weir_server.core.errors import WeirError
from weir_server.core.handler import Batch
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.weir.provider import MAX_HOPS

CALLS = 50
ALLOWED_CANCEL_S = 0.1
Record = Callable[[str, object], None]


@pytest.fixture
async def chained(upstream: FakeUpstream) -> AsyncIterator[Chain]:
    async with chain(upstream) as both:
        yield both


@pytest.mark.parametrize("case", CASES)
async def test_a_cancel_closes_the_far_upstream(
    chained: Chain, case: str, record_property: Record
) -> None:
    """Within 100 ms for nine of ten at least, through both, by the upstream's own journal."""
    behaviour, streaming = CASES[case]
    upstream = chained.upstream
    upstream.script(behaviour)
    delays_s: list[float] = []
    for number in range(1, CALLS + 1):
        call: Any
        if streaming:
            call = chained.near.llm.StreamChat(stream_request("hello", model="far-m"))
        else:
            call = chained.near.llm.Chat(chat_request("hello", model="far-m"))
        await upstream.wait_for_attempts(number)
        if behaviour is BEGUN:
            await call.read()
        cancelled_at = time.monotonic()
        call.cancel()
        closed_at = await upstream.wait_closed(upstream.journal[number - 1])
        delays_s.append(closed_at - cancelled_at)
    record_property("p99_ms", p99(delays_s) * 1000)
    assert p90(delays_s) <= ALLOWED_CANCEL_S
    for weir in (chained.near, chained.far):
        lines = await logged(weir, CALLS)
        assert {line["reason"] for line in lines} == {"CLIENT_CANCELLED"}


@pytest.mark.parametrize("streaming", [True, False])
async def test_the_deadline_closes_the_far_upstream(
    chained: Chain, streaming: bool, record_property: Record
) -> None:
    """A second to live: it is closed before that, and the caller is told, with the usage so far."""
    pinging = replace(BEGUN, ping_every_s=0.3)
    chained.upstream.script(pinging if streaming else Hang())
    begun_at = time.monotonic()
    if streaming:
        heard = await hear(
            chained.near.llm.StreamChat(stream_request("hello", model="far-m"), timeout=1.0)
        )
        assert heard.text == "Hello there"
        assert heard.end.finish_reason == FinishReason.FINISH_REASON_ERROR
        failure = heard.failure.failure
        reason = heard.failure.reason
    else:
        refusal = await refused(
            chained.near.llm.Chat(chat_request("hello", model="far-m"), timeout=1.0)
        )
        failure, reason = refusal.details["FailureInfo"], refusal.reason
    took_s = time.monotonic() - begun_at
    closed_at = await chained.upstream.wait_closed(chained.upstream.journal[0])
    record_property("closed_after_s", closed_at - begun_at)
    assert took_s < 1.0
    assert closed_at - begun_at < 1.0
    assert reason == "DEADLINE_EXCEEDED"
    assert failure is not None
    assert failure.usage.prompt_tokens > 0
    assert [each.provider for each in failure.attempts] == [
        "providers/far/providers/fake",
        "providers/far",
    ]
    (far,) = await logged(chained.far)
    assert far["reason"] == "DEADLINE_EXCEEDED"
    assert far["prompt_tokens"] == failure.usage.prompt_tokens


async def test_an_attempt_s_own_limit_is_the_far_call_s_deadline(upstream: FakeUpstream) -> None:
    """`timeout_s` of the near provider ends the far call; the caller has time left."""
    upstream.script(Hang())
    async with chain(upstream, timeout_s=1, max_retries=0) as chained:
        refusal = await refused(chained.near.llm.Chat(chat_request("x", model="far-m"), timeout=9))
        (far,) = await logged(chained.far)
    assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_TIMEOUT")
    assert far["reason"] == "DEADLINE_EXCEEDED"


# --- every reason -------------------------------------------------------------------------------

VIOLATION = FieldViolation(field="options.seed", rule="X", description="Leave it out.")
USED = TokenUsage(prompt_tokens=3, total_tokens=3, source=UsageSource.USAGE_SOURCE_PARTIAL)
RENAMED = {
    "MALFORMED_REQUEST": "UPSTREAM_REJECTED_REQUEST",
    "PERMISSION_DENIED": "UPSTREAM_CREDENTIALS_REJECTED",
    "MODEL_NOT_FOUND": "UPSTREAM_MODEL_NOT_FOUND",
    "PROVIDER_NOT_FOUND": "UPSTREAM_MODEL_NOT_FOUND",
    "API_KEY_INVALID": "UPSTREAM_CREDENTIALS_REJECTED",
    "API_KEY_DISABLED": "UPSTREAM_CREDENTIALS_REJECTED",
    "MODEL_NOT_ALLOWED": "UPSTREAM_MODEL_NOT_FOUND",
    "KEY_NOT_FOUND": "UPSTREAM_MODEL_NOT_FOUND",
    "BUDGET_NOT_FOUND": "UPSTREAM_MODEL_NOT_FOUND",
    "RESPONSE_NOT_FOUND": "UPSTREAM_MODEL_NOT_FOUND",
    "RATE_LIMITED": "UPSTREAM_RATE_LIMITED",
    "CONCURRENCY_LIMITED": "UPSTREAM_RATE_LIMITED",
    "BUDGET_EXCEEDED": "UPSTREAM_QUOTA_EXHAUSTED",
    "PRICE_UNKNOWN": "UPSTREAM_QUOTA_EXHAUSTED",
    "IDEMPOTENCY_KEY_REUSED": "UPSTREAM_REJECTED_REQUEST",
    "IDEMPOTENCY_IN_PROGRESS": "UPSTREAM_REJECTED_REQUEST",
    "UNKNOWN_OUTCOME": "UPSTREAM_REJECTED_REQUEST",
    "LEDGER_UNAVAILABLE": "UPSTREAM_OVERLOADED",
    "PROVIDER_NOT_INITIALIZED": "UPSTREAM_ERROR",
    "PAGE_TOKEN_INVALID": "UPSTREAM_REJECTED_REQUEST",
    "CONFIG_INVALID": "UPSTREAM_REJECTED_REQUEST",
    "RESOURCE_EXISTS": "UPSTREAM_REJECTED_REQUEST",
    "DEADLINE_TOO_SHORT": "DEADLINE_EXCEEDED",
    "CLIENT_CANCELLED": "UPSTREAM_ERROR",
    "CIRCUIT_OPEN": "UPSTREAM_OVERLOADED",
    "GATEWAY_DRAINING": "UPSTREAM_OVERLOADED",
    "GATEWAY_OVERLOADED": "UPSTREAM_OVERLOADED",
    "INTERNAL": "UPSTREAM_ERROR",
}
"""What a reason of the far Weir is called by the near one; others keep their name."""
ONCE_BEGUN = {"UPSTREAM_ERROR", "UPSTREAM_OVERLOADED", "UPSTREAM_CONNECT_FAILED"} | {
    "UPSTREAM_TIMEOUT",
    "UPSTREAM_RATE_LIMITED",
}
"""What is told as UPSTREAM_STREAM_BROKEN where an answer had begun."""
KINDS = {error.name(): error for error in tree()}


class Failing:
    """A far provider that fails as it is told, before its answer or within it."""

    def __init__(self) -> None:
        self.error: WeirError = WeirError()
        self.begins = False

    def fail(self, name: str, *, begins: bool) -> None:
        self.begins = begins
        self.error = KINDS[name](
            metadata={"fact": "7"}, retry_after_s=0.25, violations=[VIOLATION], usage=USED
        )

    async def play(self, call: Call) -> AsyncIterator[Batch]:
        if self.begins:
            yield said("Hello")
        raise self.error


@pytest.mark.parametrize("case", ["unary", "before a stream", "within a stream"])
async def test_every_reason_is_told_to_the_right_one(case: str) -> None:
    """By its name, or by the one that it has here; with code, facts, fields, wait and usage."""
    failing = Failing()
    told: dict[str, str] = {}
    async with (
        serving_handler(Scripted(failing.play)) as far,
        serving(near_tree(far.app.address, max_retries=0)) as near,
    ):
        for name in KINDS:
            failing.fail(name, begins=case == "within a stream")
            if case == "unary":
                refusal = await refused(near.llm.Chat(chat_request("x", model="far-m")))
                code, failure = refusal.code, failure_of(refusal.trailers)
            else:
                heard = await hear(near.llm.StreamChat(stream_request("x", model="far-m")))
                code, failure = heard.code.name, heard.failure
                assert heard.text == ("Hello" if failing.begins else "")
                assert heard.kinds[-1:] == (["end"] if failing.begins else [])
            told[name] = failure.reason
            assert code == CODES[failure.reason], name
            _check_details(failure, name)
    assert told == {name: _expected(name, begun=failing.begins) for name in KINDS}


def _expected(name: str, *, begun: bool) -> str:
    expected = RENAMED.get(name, name)
    return "UPSTREAM_STREAM_BROKEN" if begun and expected in ONCE_BEGUN else expected


def _check_details(failure: Failure, name: str) -> None:
    assert failure.info is not None
    assert failure.info.metadata["fact"] == "7", name
    if issubclass(KINDS[failure.reason], errors.UpstreamError):
        assert failure.info.metadata["provider"] == "providers/far", name
    assert failure.failure is not None
    assert failure.failure.usage == USED, name
    assert [each.provider for each in failure.failure.attempts] == ["providers/far"], name
    assert failure.retry is not None
    assert failure.retry.retry_delay.nanos == 250_000_000, name
    assert failure.bad_request is not None
    assert failure.bad_request.field_violations[0].field.endswith("options.seed"), name


async def test_a_failure_beyond_is_not_repeated(chained: Chain) -> None:
    """The far Weir has used its three attempts: the near one adds none to them."""
    chained.upstream.script(Reply(status=500, body={}))
    refusal = await refused(chained.near.llm.Chat(chat_request("x", model="far-m")))
    assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_ERROR")
    assert chained.upstream.journal.arrived == 3
    assert len(refusal.details["FailureInfo"].attempts) == 4


# --- a far Weir in trouble ------------------------------------------------------------------------


async def test_silence_upstream_is_told_as_it_is(upstream: FakeUpstream) -> None:
    """The caller gets heartbeats with the far Weir's phase, and the stream is not given up."""
    upstream.script(Hang())
    tree_ = far_tree(upstream.url)
    tree_["upstream"] = {"headers_timeout_s": 30}
    server = {"start_alone_after_s": 0.2, "heartbeat_interval_s": 0.2}
    async with chain(upstream, far=tree_, far_server=server, near_server=server) as chained:
        call: Any = chained.near.llm.StreamChat(stream_request("x", model="far-m"))
        await upstream.wait_for_attempts(1)
        phases: list[int] = []
        kinds: list[str | None] = []
        while len(phases) < 3:
            message = await call.read()
            kinds += [event.WhichOneof("event") for event in message.events]
            phases += [e.heartbeat.phase for e in message.events if e.HasField("heartbeat")]
        call.cancel()
    assert kinds == ["start", "heartbeat", "heartbeat", "heartbeat"]
    assert set(phases) == {Phase.PHASE_WAITING_FIRST_TOKEN}


async def test_a_far_weir_that_is_killed_breaks_the_stream(
    upstream: FakeUpstream, tmp_path: Path
) -> None:
    """Within a stream: UPSTREAM_STREAM_BROKEN with usage. After it: it cannot be reached."""
    upstream.script(BEGUN)
    async with (
        serving_process(tmp_path, far_tree(upstream.url)) as far,
        serving(near_tree(far.address)) as near,
    ):
        call = near.llm.StreamChat(stream_request("x", model="far-m"))
        await call.read()
        far.process.kill()
        heard = await hear_rest(call)
        after = await refused(near.llm.Chat(chat_request("x", model="far-m")))
    assert (heard.code.name, heard.failure.reason) == ("ABORTED", "UPSTREAM_STREAM_BROKEN")
    assert heard.failure.info is not None
    assert heard.failure.info.metadata["cause"] == "cut"
    assert heard.end.usage.completion_tokens > 0
    assert after.verdict == ("UNAVAILABLE", "UPSTREAM_CONNECT_FAILED")
    assert dict(after.details["ErrorInfo"].metadata) == {
        "cause": "refused",
        "provider": "providers/far",
    }
    assert len(after.details["FailureInfo"].attempts) == 3


async def test_a_far_weir_that_is_back_is_asked_again(upstream: FakeUpstream) -> None:
    """One long-lived channel finds it by itself."""
    async with serving(far_tree(upstream.url)) as far:
        address = far.app.address
        async with serving(near_tree(address, max_retries=0)) as near:
            await near.llm.Chat(chat_request("x", model="far-m"))
            await far.app.drain()
            refusal = await refused(near.llm.Chat(chat_request("x", model="far-m")))
            async with serving(far_tree(upstream.url), server={"listen": address}):
                request = chat_request("x", model="far-m")
                async with asyncio.timeout(5):
                    while await maybe_refused(near.llm.Chat(request)) is not None:
                        continue
    assert refusal.reason == "UPSTREAM_CONNECT_FAILED"


async def test_a_weir_that_asks_itself_stops() -> None:
    """A ring of Weirs hands a call on eight times, and says so well before its deadline."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    tree_ = near_tree(address)
    tree_["models"][0]["vendor_model"] = "far-m"
    async with serving(tree_, server={"listen": address}) as ring:
        refusal = await refused(ring.llm.Chat(chat_request("x", model="far-m"), timeout=10))
        lines = await logged(ring, MAX_HOPS + 1)
    assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_CONNECT_FAILED")
    assert refusal.details["ErrorInfo"].metadata["cause"] == "loop"
    assert len({line["request_id"] for line in lines}) == 1


async def test_a_draining_far_weir_ends_what_it_has_and_is_not_blamed(
    upstream: FakeUpstream,
) -> None:
    """A running stream ends well; new calls are told that it is overloaded, cause draining."""
    async with serving({**ECHO, "server": {"drain_grace_s": 5}}) as far:
        tree_ = near_tree(far.app.address)
        tree_["models"][0]["vendor_model"] = "echo"
        tree_["resilience"] = {"breaker": {"consecutive_failures": 1}}
        async with serving(tree_) as near:
            call = near.llm.StreamChat(stream_request(talk(0.5), model="far-m"))
            await call.read()
            async with draining(far):
                refusals = [
                    await refused(near.llm.Chat(chat_request("x", model="far-m"))) for _ in range(2)
                ]
                heard = await hear_rest(call)
    assert heard.code is grpc.StatusCode.OK
    assert heard.text.endswith(" last")
    for refusal in refusals:
        assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_OVERLOADED")
        assert refusal.details["ErrorInfo"].metadata["cause"] == "draining"


async def test_what_is_no_weir_is_told_as_unreachable(upstream: FakeUpstream) -> None:
    """A web server at the address: nothing of the request was sent to it."""
    tree_ = near_tree(f"127.0.0.1:{upstream.port}", max_retries=0)
    async with serving(tree_) as near:
        refusal = await refused(near.llm.Chat(chat_request("x", model="far-m")))
    assert refusal.reason == "UPSTREAM_CONNECT_FAILED"
    assert refusal.details["ErrorInfo"].metadata["cause"] == "not_grpc"


async def test_a_slow_reader_holds_the_far_upstream_back(
    upstream: FakeUpstream, record_property: Record
) -> None:
    """Nobody reads: both pause, the upstream is blocked, and then the caller loses its stream."""
    upstream.script(FLOOD)
    async with (
        serving(far_tree(upstream.url)) as far,
        serving(
            near_tree(far.app.address),
            server={"slow_consumer_limit_s": 1},
            channel_options=SMALL_WINDOW,
        ) as near,
    ):
        call = near.llm.StreamChat(stream_request("x", model="far-m"))
        await call.read()
        (attempt,) = await upstream.wait_for_attempts(1)
        blocked_at = await upstream.wait_blocked(attempt)
        sent_mib = attempt.bytes_sent / MIB
        closed_at = await upstream.wait_closed(attempt)
        (line,) = await logged(near)
        heard = await hear_rest(call)
    record_property("sent_mib_before_the_pause", sent_mib)
    assert sent_mib <= 12
    assert closed_at - blocked_at <= 4.0
    assert line["reason"] == heard.failure.reason == "SLOW_CONSUMER"
    assert "end" not in heard.kinds
