"""Operators list, watch and steer targets, and are told the way of a request."""

import asyncio
import time
from pathlib import Path
from typing import TypeAlias

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message

from tests.service.admin_server import (
    CLOSED,
    FORCED_OPEN,
    OPEN,
    InMemoryStates,
    report,
    serving_admin,
)
from tests.service.asking import logged, refusal_of, refused, until
from tests.service.weir import ECHO, Weir, serving
from tests.service.with_keys import serving_keyed
from weir.admin.v1.admin_service_pb2 import (
    ExplainRouteRequest,
    ListTargetsRequest,
    SetCircuitStateRequest,
    WatchTargetsRequest,
    WatchTargetsResponse,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.transport.edge import Deadlines

WatchCall: TypeAlias = "grpc.aio.UnaryStreamCall[WatchTargetsRequest, WatchTargetsResponse]"

M = "providers/a/targets/m"


def states() -> InMemoryStates:
    return InMemoryStates(report("b", "m"), report("a", "m"), report("a", "n", circuit=OPEN))


def watch(*, provider: str = "") -> WatchTargetsRequest:
    request = WatchTargetsRequest(provider=provider)
    request.interval.FromMilliseconds(100)
    return request


def names(reply: Message) -> list[str]:
    return [target.name for target in reply.targets]  # type: ignore[attr-defined]


async def told(call: WatchCall) -> WatchTargetsResponse:
    """The next message of a watch."""
    message = await call.read()
    assert isinstance(message, WatchTargetsResponse)
    return message


async def to_its_end(call: WatchCall) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def refusal_of_watch(call: WatchCall) -> tuple[str, str]:
    """How a watch ends."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await to_its_end(call)
    return refusal_of(failed.value).verdict


async def test_targets_are_listed_by_name() -> None:
    """All of them, or those of one provider."""
    async with serving_admin(states()) as weir:
        every = await weir.admin.ListTargets(ListTargetsRequest())
        some = await weir.admin.ListTargets(ListTargetsRequest(provider="providers/b"))
        none = await weir.admin.ListTargets(ListTargetsRequest(provider="providers/c"))
    assert names(every) == [M, "providers/a/targets/n", "providers/b/targets/m"]
    assert [target.circuit for target in every.targets] == [CLOSED, OPEN, CLOSED]
    assert names(some) == ["providers/b/targets/m"]
    assert names(none) == []


async def test_a_circuit_is_forced() -> None:
    """The answer is the target as it is then, and so is the list."""
    async with serving_admin(states()) as weir:
        request = SetCircuitStateRequest(name=M, circuit=FORCED_OPEN)
        reply = await weir.admin.SetCircuitState(request)
        listed = await weir.admin.ListTargets(ListTargetsRequest())
    assert (reply.target.name, reply.target.circuit) == (M, FORCED_OPEN)
    assert listed.targets[0] == reply.target


async def test_a_target_that_is_not_there() -> None:
    """MODEL_NOT_FOUND, with its name."""
    async with serving_admin(states()) as weir:
        request = SetCircuitStateRequest(name="providers/a/targets/x", circuit=FORCED_OPEN)
        refusal = await refused(weir.admin.SetCircuitState(request))
    assert refusal.verdict == ("NOT_FOUND", "MODEL_NOT_FOUND")
    assert refusal.details["ResourceInfo"].resource_name == "providers/a/targets/x"


async def test_a_way_is_asked_for_as_it_would_be_gone() -> None:
    """The request, streamed or not, and the size of its prompt reach who knows."""
    async with serving_admin(states()) as weir:
        request = ExplainRouteRequest(
            request=ChatRequest(model="fast"), streaming=True, prompt_tokens=7
        )
        reply = await weir.admin.ExplainRoute(request)
    assert reply.model == "fast streamed 7"


async def test_a_watch_tells_the_list_and_then_each_change() -> None:
    """At once, and after every change; what changes together comes together."""
    known = states()
    async with serving_admin(known) as weir:
        call = weir.admin.WatchTargets(watch(provider="providers/a"))
        first = await told(call)
        known.put(report("b", "m", attempts=1))
        known.put(report("a", "m", attempts=1))
        known.put(report("a", "m", attempts=2))
        second = await told(call)
        call.cancel()
        (line,) = await logged(weir)
    assert names(first) == names(second) == [M, "providers/a/targets/n"]
    assert [reply.targets[0].attempts for reply in (first, second)] == [0, 2]
    assert (line["method"], line["code"], line["events"]) == ("WatchTargets", "CANCELLED", 2)


async def test_a_watch_without_changes_is_silent() -> None:
    """A change of another provider is none; the states are looked at only when something came."""
    known = states()
    async with serving_admin(known) as weir:
        call = weir.admin.WatchTargets(watch(provider="providers/b"))
        await told(call)
        await until(lambda: known.looks == 2)
        known.put(report("a", "m", attempts=1))
        await until(lambda: known.looks == 3)
        known.put(report("b", "m", attempts=5))
        reply = await told(call)
        call.cancel()
    assert reply.targets[0].attempts == 5


async def test_many_watch_at_once() -> None:
    """A change reaches every one of them."""
    known = states()
    async with serving_admin(known) as weir:
        calls = [weir.admin.WatchTargets(watch()) for _ in range(5)]
        for call in calls:
            await call.read()
        await weir.admin.SetCircuitState(SetCircuitStateRequest(name=M, circuit=FORCED_OPEN))
        replies = [await told(call) for call in calls]
        for call in calls:
            call.cancel()
    assert {reply.targets[0].circuit for reply in replies} == {FORCED_OPEN}


async def test_a_watch_ends_at_its_deadline() -> None:
    """The caller's own, and the server's where it has none: the same status, one line each."""
    async with serving_admin(states(), deadlines=Deadlines(stream_default_s=0.3)) as weir:
        ours = await refusal_of_watch(weir.admin.WatchTargets(watch()))
        theirs = await refusal_of_watch(weir.admin.WatchTargets(watch(), timeout=0.5))
        lines = await logged(weir, 2)
    assert ours == theirs == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert {line["reason"] for line in lines} == {"DEADLINE_EXCEEDED"}


async def test_a_drain_does_not_wait_for_a_watch() -> None:
    """It ends with GATEWAY_DRAINING as soon as the drain begins, long before the grace is over."""
    async with serving(server={"drain_grace_s": 10}) as weir:
        call = weir.admin.WatchTargets(watch())
        await call.read()
        begun_s = time.monotonic()
        verdict, _ = await asyncio.gather(refusal_of_watch(call), weir.app.drain())
        took_s = time.monotonic() - begun_s
    assert verdict == ("UNAVAILABLE", "GATEWAY_DRAINING")
    assert took_s < 2.0
    assert weir.log_lines("drain_grace_over") == []


async def test_a_reader_that_does_not_read_delays_no_drain() -> None:
    """Its connection is full of one long list; the server is gone all the same."""
    known = InMemoryStates(*(report("a", f"{i:0>200}") for i in range(30_000)))
    small_window = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 * 1024))
    async with serving_admin(known, channel_options=small_window) as weir:
        call = weir.admin.WatchTargets(watch())
        await until(lambda: known.looks == 1)
        begun_s = time.monotonic()
        await weir.app.drain()
        took_s = time.monotonic() - begun_s
        call.cancel()
    assert took_s < 2.0
    assert [line["reason"] for line in weir.log_lines("rpc")] == ["GATEWAY_DRAINING"]


async def test_switched_off_there_is_no_admin() -> None:
    """UNIMPLEMENTED with its reason, for every method, and nothing is looked at."""
    known = states()
    async with serving_admin(known, enabled=False) as weir:
        refusals = [
            await refused(weir.admin.ListTargets(ListTargetsRequest())),
            await refused(
                weir.admin.SetCircuitState(SetCircuitStateRequest(name=M, circuit=FORCED_OPEN))
            ),
            await refused(weir.admin.ExplainRoute(ExplainRouteRequest(request=ChatRequest()))),
        ]
        watched = await refusal_of_watch(weir.admin.WatchTargets(watch()))
    verdicts = {refusal.verdict for refusal in refusals} | {watched}
    assert verdicts == {("UNIMPLEMENTED", "FEATURE_DISABLED")}
    assert {refusal.details["ErrorInfo"].metadata["feature"] for refusal in refusals} == {"admin"}
    assert known.looks == 0


@pytest.mark.parametrize(
    ("server", "served"),
    [
        ({}, True),
        ({"admin": "off"}, False),
        ({"listen": "0.0.0.0:0", "tls": "mesh"}, True),
        ({"listen": "0.0.0.0:0", "tls": "mesh", "admin": "off"}, False),
    ],
    ids=str,
)
async def test_it_is_served_to_operators_unless_it_is_off(
    tmp_path: Path, server: dict[str, str], served: bool
) -> None:
    """Wherever the port is: off loopback every call needs a key, and these an operator's."""
    async with serving_keyed(tmp_path, {**ECHO, "server": server}) as keyed:
        address = keyed.weir.app.address.replace("0.0.0.0", "127.0.0.1")
        async with grpc.aio.insecure_channel(address) as channel:
            near = Weir(app=keyed.weir.app, channel=channel, log_bytes=keyed.weir.log_bytes)
            call = near.admin.ListTargets(ListTargetsRequest(), metadata=keyed.operator)
            if served:
                assert names(await call) == ["providers/echo/targets/echo"]
            else:
                assert (await refused(call)).verdict == ("UNIMPLEMENTED", "FEATURE_DISABLED")


async def test_the_way_through_the_real_catalogue(weir: Weir) -> None:
    """What a circuit that was forced open does to it shows at once."""
    request = ExplainRouteRequest(request=ChatRequest(model="echo"), streaming=True)
    before = await weir.admin.ExplainRoute(request)
    name = before.steps[0].target
    await weir.admin.SetCircuitState(SetCircuitStateRequest(name=name, circuit=FORCED_OPEN))
    after = await weir.admin.ExplainRoute(request)
    assert (before.steps[0].tried, before.steps[0].code) == (True, "FIRST")
    assert (after.steps[0].tried, after.steps[0].code) == (False, "CIRCUIT_OPEN")
    assert after.steps[0].circuit == FORCED_OPEN
    assert after.max_attempts == 0
