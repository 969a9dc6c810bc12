"""A server that stops lets running calls end, refuses new ones with a reason, and is in time."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.service.asking import hear_rest, refused, until
from tests.service.process import serving_process
from tests.service.weir import (
    ECHO,
    Weir,
    chat_request,
    hear,
    serving,
    stream_request,
    upstream_tree,
)
from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.misbehaviour import EndlessStream
from weir_server.fake_upstream.upstream import FakeUpstream

STREAMS = 20
DRAINING = ("UNAVAILABLE", "GATEWAY_DRAINING")
AT_ONCE = "1"
"""Milliseconds; with 0 the library makes no further attempt at all."""


def talk(seconds: float) -> str:
    """A script that speaks for so long."""
    steps: list[dict[str, object]] = [{"text": " word"}, {"delay_s": seconds / 10}]
    return "/script " + json.dumps([*steps * 10, {"text": " last"}])


HANG = '/script [{"text": "begun"}, {"hang": true}]'


@asynccontextmanager
async def draining(weir: Weir) -> AsyncIterator["asyncio.Task[float]"]:
    """Drain beside the block; the task's result is how long it took."""

    async def drain() -> float:
        begun_s = time.monotonic()
        await weir.app.drain()
        return time.monotonic() - begun_s

    task = asyncio.ensure_future(drain())
    await until(lambda: weir.app.server._open_calls.draining)
    yield task
    await task


async def health(channel: grpc.aio.Channel) -> int:
    stub: Any = HealthStub(channel)
    reply = await stub.Check(HealthCheckRequest(), timeout=5)
    status: int = reply.status
    return status


async def test_running_streams_end_well_and_new_calls_are_refused() -> None:
    """20 streams end OK; meanwhile the port takes connections and the edge says why not."""
    async with serving(server={"drain_grace_s": 10}) as weir:
        calls = [weir.llm.StreamChat(stream_request(talk(1.5))) for _ in range(STREAMS)]
        for call in calls:
            await call.read()
        unary = asyncio.ensure_future(weir.llm.Chat(chat_request(talk(0.5))))
        await asyncio.sleep(0.1)
        async with draining(weir) as drained:
            status = await health(weir.channel)
            same = await refused(weir.llm.Chat(chat_request("late")))
            async with grpc.aio.insecure_channel(weir.app.address) as channel:
                other = Weir(app=weir.app, channel=channel, log_bytes=weir.log_bytes)
                new = await refused(other.llm.Chat(chat_request("late"), timeout=5))
                stream = await hear(other.llm.StreamChat(stream_request("late"), timeout=5))
            reply = await unary
            heard = await asyncio.gather(*map(hear_rest, calls))
            took_s = await drained
    assert status == HealthCheckResponse.NOT_SERVING
    assert same.verdict == new.verdict == DRAINING
    assert same.trailers["grpc-retry-pushback-ms"] == AT_ONCE
    assert stream.failure.reason == "GATEWAY_DRAINING"
    assert reply.finish_reason == FinishReason.FINISH_REASON_STOP
    assert {each.code for each in heard} == {grpc.StatusCode.OK}
    assert all(each.text.endswith(" last") for each in heard)
    assert took_s < 4.0
    assert [line["event"] for line in weir.log_lines("draining")] == ["draining"]
    assert weir.log_lines("drain_grace_over") == []


async def test_what_outlasts_the_grace_is_ended_with_its_usage() -> None:
    """end(ERROR, GATEWAY_DRAINING) and then UNAVAILABLE, for every kind of call."""
    async with serving(server={"drain_grace_s": 0.4}) as weir:
        begun = [weir.llm.StreamChat(stream_request(HANG)) for _ in range(3)]
        for call in begun:
            await call.read()
        silent = weir.llm.StreamChat(stream_request('/script [{"hang": true}]'))
        unary = asyncio.ensure_future(refused(weir.llm.Chat(chat_request(HANG))))
        await until(lambda: len(weir.app.server._open_calls) == 5)
        async with draining(weir) as drained:
            heard = await asyncio.gather(*map(hear_rest, begun))
            unstarted = await hear_rest(silent)
            refusal = await unary
            took_s = await drained
    for each in heard:
        assert each.kinds[-1] == "end"
        assert each.end.finish_reason == FinishReason.FINISH_REASON_ERROR
        assert each.end.error.reason == ErrorReason.ERROR_REASON_GATEWAY_DRAINING
        assert each.end.usage.source == UsageSource.USAGE_SOURCE_PARTIAL
        assert each.end.usage.completion_tokens > 0
        assert (each.code.name, each.failure.reason) == DRAINING
    assert unstarted.events == []
    assert (unstarted.code.name, unstarted.failure.reason) == DRAINING
    assert refusal.verdict == DRAINING
    assert refusal.trailers["grpc-retry-pushback-ms"] == AT_ONCE
    assert took_s < 0.4 + 2.0
    assert {line["reason"] for line in weir.log_lines("rpc")} == {"GATEWAY_DRAINING"}
    assert weir.log_lines("drain_grace_over")[0]["open_calls"] == 5


async def test_an_open_health_watch_delays_nothing(
    record_property: Callable[[str, object], None],
) -> None:
    """A load balancer that watches does not hold the process."""
    async with serving(server={"drain_grace_s": 10}) as weir:
        stub: Any = HealthStub(weir.channel)
        watch = stub.Watch(HealthCheckRequest())
        await watch.read()
        async with draining(weir) as drained:
            told = await watch.read()
            took_s = await drained
        code = await watch.code()
    record_property("drain_s", took_s)
    assert told.status == HealthCheckResponse.NOT_SERVING
    assert took_s < 2.0
    assert code is not grpc.StatusCode.OK


async def test_a_reader_that_does_not_read_delays_no_drain() -> None:
    """Nothing can be told to it; grace and two seconds are enough all the same."""
    async with (
        FakeUpstream(EndlessStream(text_bytes=8192)) as upstream,
        serving(upstream_tree(upstream.url), server={"drain_grace_s": 0.3}) as weir,
    ):
        call = weir.llm.StreamChat(stream_request("hello", model="m"))
        await call.read()
        await upstream.wait_blocked(upstream.journal[0])
        async with draining(weir) as drained:
            took_s = await drained
        await upstream.wait_closed(upstream.journal[0])
    assert took_s < 0.3 + 2.0


async def test_nothing_to_wait_for_is_over_at_once() -> None:
    """And a second drain changes nothing."""
    async with serving() as weir:
        await weir.llm.Chat(chat_request("hello"))
        async with draining(weir) as drained:
            took_s = await drained
        await weir.app.drain()
        refusal = await refused(weir.llm.Chat(chat_request("hello"), timeout=2))
    assert took_s < 1.0
    assert refusal.code == "UNAVAILABLE"


async def test_sigterm_lets_twenty_streams_end(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """5 s of answer are left when the signal comes: all end OK, the exit code is 0."""
    async with serving_process(tmp_path, ECHO) as server:
        calls = [server.llm.StreamChat(stream_request(talk(5.0))) for _ in range(STREAMS)]
        for call in calls:
            await call.read()
        server.process.send_signal(signal.SIGTERM)
        signalled_s = time.monotonic()
        await until(lambda: bool(server.log_lines("draining")))
        status = await health(server.channel)
        late = await refused(server.llm.Chat(chat_request("late")))
        heard = await asyncio.gather(*map(hear_rest, calls))
        ended_s = time.monotonic()
        async with asyncio.timeout(10):
            code = await server.process.wait()
        exited_s = time.monotonic()
    record_property("streams_s", ended_s - signalled_s)
    record_property("exit_after_last_stream_s", exited_s - ended_s)
    assert status == HealthCheckResponse.NOT_SERVING
    assert late.verdict == DRAINING
    assert {each.code for each in heard} == {grpc.StatusCode.OK}
    assert all(each.text.endswith(" last") for each in heard)
    assert code == 0
    assert exited_s - ended_s < 2.0
