"""The channel goes only where the guard allows, follows the name, and ends with its last call."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock
from tests.providers.http.asking import CHAT, a_call, a_target
from tests.providers.weir.test_relay import BEAT, CLOSED, END, OPENED, SAID, START, numbered
from tests.service.asking import logged
from tests.service.handmade import Scripted, said, serving_handler
from tests.service.weir import ECHO, serving
from weir.v1.generation_pb2 import GenerationEvent, Phase
from weir_server.core.call import Call
from weir_server.core.clock import Clock, SystemClock
from weir_server.core.errors import (
    UpstreamConnectFailed,
    UpstreamSilent,
    UpstreamStreamBroken,
    WeirError,
)
from weir_server.core.handler import Batch
from weir_server.core.tasks import sibling
from weir_server.providers.http.connect import GuardedResolver
from weir_server.providers.http.guard import EndpointPolicy, parse_endpoint
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.weir.asking import Ask
from weir_server.providers.weir.link import CHECK_NAME_AFTER_S, Link, LinkLimits, trusted_roots
from weir_server.providers.weir.provider import WeirProvider
from weir_server.transport.events import StreamPacing

CLOCK = SystemClock()


class Names:
    """A name server whose answers change."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def linked(
    url: str,
    *,
    names: Names | None = None,
    policy: EndpointPolicy | None = None,
    roots: bytes | None = None,
    clock: Clock = CLOCK,
    connect_s: float = 5.0,
) -> AsyncIterator[Link]:
    policy = policy or EndpointPolicy(allow_private=True, allow_insecure_http=True)
    link = Link(
        parse_endpoint(url, policy),
        resolver=GuardedResolver(clock=clock, lookup=names),
        roots=roots,
        limits=LinkLimits(connect_s=connect_s),
        clock=clock,
    )
    try:
        yield link
    finally:
        await link.close()


def provider(link: Link, *, silence_s: float | None = None) -> WeirProvider:
    made = WeirProvider(
        name="providers/far",
        link=link,
        metadata=(("authorization", "Bearer weir-key"),),
        credentials={},
        clock=CLOCK,
        idle_s=30.0,
    )
    if silence_s is not None:
        made._stream_limits = HttpLimits(idle_s=silence_s)
    return made


async def asked(made: WeirProvider, call: Call | None = None) -> list[GenerationEvent]:
    events: list[GenerationEvent] = []
    async with made.open(call or a_call(), CHAT) as batches:
        async for batch in batches:
            assert isinstance(batch, list)
            events += batch
    return events


async def failing(made: WeirProvider, call: Call | None = None) -> WeirError:
    with pytest.raises(WeirError) as failed:
        await asked(made, call)
    return failed.value


def port_of(address: str) -> str:
    return address.rpartition(":")[2]


async def test_a_name_that_leads_inside_is_not_followed() -> None:
    """What was public when it was configured is judged again at every connection."""
    policy = EndpointPolicy()
    names = Names(["10.0.0.1", "93.184.216.34"])
    async with linked("https://far.example:50051", names=names, policy=policy) as link:
        error = await failing(provider(link))
    assert isinstance(error, UpstreamConnectFailed)
    assert error.metadata == {"cause": "guard", "provider": "providers/far"}


@pytest.mark.parametrize(("answers", "cause"), [([()], "dns"), ([["192.0.2.1"]], "guard")])
async def test_a_name_without_a_good_answer_is_unreachable(
    answers: list[Sequence[str]], cause: str
) -> None:
    """Nothing is sent."""
    async with linked("https://far.example", names=Names(*answers)) as link:
        error = await failing(provider(link))
    assert isinstance(error, UpstreamConnectFailed)
    assert error.metadata["cause"] == cause


async def test_an_address_that_does_not_answer_is_given_up() -> None:
    """`connect_timeout_s` holds for name, TCP and TLS together."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with linked(f"https://127.0.0.1:{port}", connect_s=0.1) as link:
            error = await failing(provider(link))
    assert isinstance(error, UpstreamConnectFailed)
    assert error.metadata["cause"] == "timeout"


async def test_a_server_that_stops_waits_for_no_connection() -> None:
    """What is still connecting ends with the channel."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with linked(f"https://127.0.0.1:{port}") as link:

            async def stop() -> None:
                await asyncio.sleep(0.05)
                await link.close()

            async with sibling(stop(), name="stop"):
                error = await failing(provider(link))
    assert isinstance(error, UpstreamConnectFailed)
    assert error.metadata["cause"] == "closed"


async def test_tls_is_verified_by_the_name_though_an_address_is_dialled(tmp_path: Path) -> None:
    """The authority of `ca_file` counts, for the configured name and no other."""
    authority = Authority()
    certificate, key = authority.issue(["far.example"])
    (tmp_path / "cert.pem").write_text(certificate)
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "ca.pem").write_text(authority.pem)
    files = {"cert_file": str(tmp_path / "cert.pem"), "key_file": str(tmp_path / "key.pem")}
    roots = trusted_roots(tmp_path / "ca.pem")
    async with serving({**ECHO, "server": {"tls": files}}) as far:
        port = port_of(far.app.address)
        outcomes: list[str] = []
        for host, trusted in (
            ("far.example", roots),
            ("other.example", roots),
            ("far.example", trusted_roots(None)),
        ):
            names = Names(["127.0.0.1"])
            async with linked(f"https://{host}:{port}", names=names, roots=trusted) as link:
                try:
                    await provider(link).probe(a_call())
                    outcomes.append("ok")
                except UpstreamConnectFailed as error:
                    outcomes.append(error.metadata["cause"])
    assert outcomes == ["ok", "tls", "tls"]


async def test_other_addresses_get_another_channel_and_running_calls_stay() -> None:
    """A name is asked again after a while; what began on the old channel ends there."""
    clock = FakeClock()
    go_on = asyncio.Event()

    async def play(call: Call) -> AsyncIterator[Batch]:
        yield said("Hello")
        await go_on.wait()
        raise UpstreamStreamBroken

    async with (
        serving_handler(Scripted(play)) as far,
        linked(
            f"http://far.example:{port_of(far.app.address)}",
            names=Names(["127.0.0.1"], ["127.0.0.2"]),
            clock=clock,
        ) as link,
    ):
        made = provider(link)
        async with made.open(a_call(), CHAT) as batches:
            await anext(batches)
            first = link.now
            assert first is not None
            clock.advance(CHECK_NAME_AFTER_S + 1)
            assert link.now is None
            second = await link.connection()
            assert [*first.addresses, *second.addresses] == ["127.0.0.1", "127.0.0.2"]
            assert not first.is_closed
            go_on.set()
            with pytest.raises(UpstreamStreamBroken):
                await anext(batches)
        assert first.is_closed


async def test_calls_go_round_all_addresses() -> None:
    """Two replicas under one name get their share each, and one that has gone is passed over."""
    async with serving() as first:
        port = port_of(first.app.address)
        names = Names(["127.0.0.1", "127.0.0.2"])
        async with (
            serving(server={"listen": f"127.0.0.2:{port}"}) as second,
            linked(f"http://far.example:{port}", names=names) as link,
        ):
            made = provider(link)
            while not (first.log_lines("rpc") and second.log_lines("rpc")):
                await made.probe(a_call())
                await asyncio.sleep(0.02)
            await first.app.drain()
            before = len(second.log_lines("rpc"))
            for _ in range(4):
                await made.probe(a_call())
            await logged(second, before + 4)


async def test_each_credential_is_shown_where_a_target_names_it() -> None:
    """The first one serves where none is named."""
    async with linked("http://127.0.0.1:50051") as link:
        made = WeirProvider(
            name="providers/far",
            link=link,
            metadata=(("authorization", "Bearer one"),),
            credentials={"b": (("authorization", "Bearer two"),)},
            clock=CLOCK,
            idle_s=30.0,
        )
        shown = [
            made.exchange(
                a_call(),
                Ask(method="", message=b""),
                target=replace(a_target(), credential=credential),
                timeout_s=None,
                streaming=False,
            )._fixed
            for credential in ("", "b", "gone")
        ]
    assert [dict(pairs)["authorization"] for pairs in shown] == [
        "Bearer one",
        "Bearer two",
        "Bearer one",
    ]


async def test_a_provider_that_is_let_go_lets_its_calls_end() -> None:
    """Closing waits for nobody and cuts nobody; closing the link cuts all."""
    go_on = asyncio.Event()

    async def play(call: Call) -> AsyncIterator[Batch]:
        yield said("Hello")
        await go_on.wait()
        yield said(" there", index=0)
        await asyncio.sleep(30)

    async with serving_handler(Scripted(play)) as far, linked(f"http://{far.app.address}") as link:
        made = provider(link)
        async with made.open(a_call(), CHAT) as batches:
            await anext(batches)
            await made.close()
            go_on.set()
            more = await anext(batches)
            assert more == said(" there", index=0)
            await link.close()
            with pytest.raises(UpstreamStreamBroken):
                await anext(batches)


@pytest.mark.parametrize("begins", [True, False])
async def test_a_far_weir_that_shows_no_life_is_given_up(begins: bool) -> None:
    """Neither a word nor a heartbeat for `silence_s`: the call to it is over."""

    async def play(call: Call) -> AsyncIterator[Batch]:
        if begins:
            yield said("Hello")
        await asyncio.sleep(30)
        yield said("too late")

    async with (
        serving_handler(Scripted(play), pacing=StreamPacing(heartbeat_interval_s=60)) as far,
        linked(f"http://{far.app.address}") as link,
    ):
        error = await failing(provider(link, silence_s=0.2))
    assert type(error) is (UpstreamStreamBroken if begins else UpstreamSilent)
    assert error.metadata.get("cause", "") == ("stalled" if begins else "")


class Beating(grpc.GenericRpcHandler):
    """A far Weir that is long busy elsewhere and says so, then answers."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return grpc.unary_stream_rpc_method_handler(self._stream)

    async def _stream(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield numbered(START)
        for first in range(1, 9):
            await asyncio.sleep(0.05)
            yield numbered(BEAT, first=first)
        yield numbered(OPENED, SAID, CLOSED, END, first=9)


async def test_heartbeats_are_life_and_tell_the_phase() -> None:
    """A far Weir that beats is waited for, and what it does is what callers here are told."""
    phases: set[int] = set()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Beating(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    call = a_call()

    async def look() -> None:
        while True:
            await asyncio.sleep(0.02)
            phases.add(call.progress.phase)

    try:
        async with linked(f"http://127.0.0.1:{port}") as link, sibling(look(), name="look"):
            events = await asked(provider(link, silence_s=0.2), call)
    finally:
        await server.stop(0)
    assert events[:3] == [OPENED, SAID, CLOSED]
    assert [event.HasField("end") for event in events[3:]] == [True]
    assert Phase.PHASE_QUEUED in phases
    assert call.progress.phase == Phase.PHASE_GENERATING


async def test_the_key_goes_as_a_bearer_token() -> None:
    """In metadata, beside the name of this Weir."""
    seen: list[tuple[str, str | bytes]] = []

    class Listener(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> None:
            seen.extend(handler_call_details.invocation_metadata)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Listener(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with linked(f"http://127.0.0.1:{port}") as link:
            error = await failing(provider(link))
    finally:
        await server.stop(0)
    assert error.metadata["cause"] == "unimplemented"
    assert ("authorization", "Bearer weir-key") in seen
    assert "weir-key" not in repr(provider(link))
