"""A cancel closes the upstream at once; a deadline is told with usage before it passes."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence

import grpc
import pytest

from tests.service.asking import logged
from tests.service.weir import (
    Weir,
    chat_request,
    failure_of_error,
    hear,
    serving,
    stream_request,
    upstream_tree,
)
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events
from weir_server.fake_upstream.upstream import FakeUpstream

CALLS = 100
ALLOWED_CANCEL_S = 0.1
ALLOWED_DEADLINE_S = 0.15

BEGUN = Sse(
    events=encode_events(ChatChunks().text(["Hello", " there"]), done=False)[:3],
    ending=Ending.STALL,
)
"""Two words, then silence."""
UNFINISHED = Reply(body=b"{" + b" " * 64, cut_after_bytes=10, ending=Ending.STALL)
"""The beginning of a unary answer, then silence."""


def p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99) - 1]


def p90(values: Sequence[float]) -> float:
    """What nine of ten stay within, though the machine was elsewhere for some of them."""
    return sorted(values)[int(len(values) * 0.9) - 1]


CASES: dict[str, tuple[Behaviour, bool]] = {
    "stream, before the first token": (Hang(), True),
    "stream, after the first token": (BEGUN, True),
    "unary, before the headers": (Hang(), False),
    "unary, within the body": (UNFINISHED, False),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_cancel_closes_the_upstream(
    upstream: FakeUpstream,
    gateway: Weir,
    case: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Within 100 ms for nine of ten at least, by the upstream's journal; the log has all calls."""
    behaviour, streaming = CASES[case]
    upstream.script(behaviour)
    delays_s: list[float] = []
    for number in range(1, CALLS + 1):
        if streaming:
            call = gateway.llm.StreamChat(stream_request("hello", model="m"))
        else:
            call = gateway.llm.Chat(chat_request("hello", model="m"))  # type: ignore[assignment]
        await upstream.wait_for_attempts(number)
        if behaviour is BEGUN:
            await call.read()
        else:
            await asyncio.sleep(0.001)
        cancelled_at = time.monotonic()
        call.cancel()
        closed_at = await upstream.wait_closed(upstream.journal[number - 1])
        delays_s.append(closed_at - cancelled_at)
    record_property("p99_ms", p99(delays_s) * 1000)
    assert p90(delays_s) <= ALLOWED_CANCEL_S
    lines = await logged(gateway, CALLS)
    assert [line["code"] for line in lines] == ["CANCELLED"] * CALLS
    assert {line["reason"] for line in lines} == {"CLIENT_CANCELLED"}
    assert all(line["prompt_tokens"] > 0 for line in lines), "what went in is accounted for"


async def test_a_hang_up_of_the_whole_connection_closes_the_upstream(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """A caller that vanishes is a caller that cancels."""
    upstream.script(BEGUN)
    async with grpc.aio.insecure_channel(gateway.app.address) as channel:
        leaving = Weir(app=gateway.app, channel=channel, log_bytes=gateway.log_bytes)
        call = leaving.llm.StreamChat(stream_request("hello", model="m"))
        await call.read()
        left_at = time.monotonic()
    closed_at = await upstream.wait_closed(upstream.journal[0])
    assert closed_at - left_at <= 2.0


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_short_deadline_closes_a_hanging_upstream(
    upstream: FakeUpstream,
    gateway: Weir,
    streaming: bool,
    record_property: Callable[[str, object], None],
) -> None:
    """50 ms to live: the upstream is closed within 150 ms of the call, for nine of ten."""
    upstream.script(Hang())
    delays_s: list[float] = []
    attempts = 0
    for _ in range(CALLS):
        begun_at = time.monotonic()
        if streaming:
            heard = await hear(
                gateway.llm.StreamChat(stream_request("hello", model="m"), timeout=0.05)
            )
            code = heard.code
        else:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await gateway.llm.Chat(chat_request("hello", model="m"), timeout=0.05)
            code = failed.value.code()
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        if upstream.journal.arrived > attempts:
            attempts = upstream.journal.arrived
            closed_at = await upstream.wait_closed(upstream.journal[attempts - 1])
            delays_s.append(closed_at - begun_at)
    record_property("p99_ms", p99(delays_s) * 1000)
    assert len(delays_s) >= CALLS / 2, "most had time to be sent"
    assert p90(delays_s) <= ALLOWED_DEADLINE_S


async def test_a_stream_is_told_of_its_deadline_before_its_timer(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """2 s to live: end(ERROR, DEADLINE_EXCEEDED) with usage arrives while the caller waits."""
    upstream.script(
        Sse(
            events=BEGUN.events,
            ending=Ending.STALL,
            ping_every_s=0.3,
        )
    )
    begun_at = time.monotonic()
    heard = await hear(gateway.llm.StreamChat(stream_request("hello", model="m"), timeout=2.0))
    took_s = time.monotonic() - begun_at
    assert took_s < 2.0
    assert heard.text == "Hello there"
    assert heard.kinds[-1] == "end"
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_ERROR
    assert heard.end.error.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert heard.end.usage.source == UsageSource.USAGE_SOURCE_PARTIAL
    assert heard.end.usage.completion_tokens > 0
    assert heard.failure.reason == "DEADLINE_EXCEEDED"


async def test_a_unary_caller_gets_the_details_before_its_timer(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """FailureInfo with usage and attempts: the caller's own library could not have made it."""
    upstream.script(Hang())
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await gateway.llm.Chat(chat_request("hello", model="m"), timeout=2.0)
    failure = failure_of_error(failed.value)
    assert failure.reason == "DEADLINE_EXCEEDED"
    assert failure.failure is not None
    assert failure.failure.usage.prompt_tokens > 0
    assert [attempt.provider for attempt in failure.failure.attempts] == ["providers/fake"]


async def test_no_upstream_call_starts_without_time_for_it(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """15 ms to live is too short: DEADLINE_EXCEEDED, and the upstream hears nothing."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await gateway.llm.Chat(chat_request("hello", model="m"), timeout=0.015)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(upstream.journal) == 0


async def test_a_server_default_holds_where_the_caller_set_none(upstream: FakeUpstream) -> None:
    """No call lives for ever."""
    upstream.script(Hang())
    async with serving(
        upstream_tree(upstream.url), server={"unary_deadline_s": 0.3, "stream_deadline_s": 0.3}
    ) as weir:
        heard = await hear(weir.llm.StreamChat(stream_request("hello", model="m")))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await weir.llm.Chat(chat_request("hello", model="m"))
    assert heard.failure.reason == "DEADLINE_EXCEEDED"
    assert failure_of_error(failed.value).reason == "DEADLINE_EXCEEDED"


async def test_a_finished_answer_leaves_the_connection_for_the_next(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """Streams and unary answers alike: one connection serves them all."""
    for _ in range(3):
        await hear(gateway.llm.StreamChat(stream_request("hello", model="m")))
        await gateway.llm.Chat(chat_request("hello", model="m"))
    assert len(upstream.journal.connections) == 1
    assert json.loads(upstream.journal[0].body)["model"] == "vendor-m"
