"""How much may an upstream make Weir read? So much, and never more in memory than a little."""

import asyncio
import time

import psutil
import pytest

from tests.providers.http.asking import CLOCK, a_call, ask, endpoint_of, provider_at
from weir_server.core.errors import UpstreamError, UpstreamProtocolError
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.misbehaviour import MIB, CompressedBomb, HugeBody, Raw
from weir_server.fake_upstream.sending import Framing
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.exchange import PIECE_BYTES, UpstreamExchange
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.wire.base import HttpRequest

ASKED = HttpRequest(path="/chat/completions", body=b"{}")
ROOM_BYTES = 4 * MIB


def exchange_with(upstream: FakeUpstream, client: HttpClient) -> UpstreamExchange:
    """Return one request to the fake, without a wire format."""
    route = Route(endpoint_of(upstream), ProviderHeaders())
    return client.open(route, ASKED, call=a_call(), streaming=False)


async def read_until_refused(exchange: UpstreamExchange) -> int:
    """Read and throw away until the cap; return by how many bytes memory grew at most."""
    memory = psutil.Process().memory_info
    before_bytes = peak_bytes = memory().rss
    cause = None
    try:
        while piece := await exchange.read():
            assert len(piece) <= PIECE_BYTES
            peak_bytes = max(peak_bytes, memory().rss)
    except UpstreamProtocolError as error:
        cause = error.metadata["cause"]
    assert cause == "too_large"
    return peak_bytes - before_bytes


@pytest.mark.parametrize(
    "behaviour",
    [CompressedBomb(), CompressedBomb(coding="deflate"), HugeBody(body_bytes=300 * MIB)],
    ids=["gzip", "deflate", "plain"],
)
async def test_a_bomb_is_cut_at_the_cap(behaviour: Behaviour) -> None:
    """Three hundred megabytes are cut after thirty-two, and never lie in memory."""
    async with FakeUpstream(behaviour) as upstream, HttpClient(clock=CLOCK) as client:
        async with exchange_with(upstream, client) as exchange:
            grown_bytes = await read_until_refused(exchange)

        assert 32 * MIB < exchange.body_bytes <= 32 * MIB + PIECE_BYTES
        assert grown_bytes <= ROOM_BYTES
        await upstream.wait_closed(upstream.journal[0])


async def test_a_bomb_does_not_hold_the_event_loop() -> None:
    """Other calls go on while a bomb is taken apart."""
    stalls_s = [0.0]

    async def watch() -> None:
        while True:
            before_s = time.thread_time()  # the loop's own work, whatever else the machine does
            await asyncio.sleep(0)
            stalls_s.append(time.thread_time() - before_s)

    async with FakeUpstream(CompressedBomb()) as upstream, HttpClient(clock=CLOCK) as client:
        watching = asyncio.create_task(watch())
        async with exchange_with(upstream, client) as exchange:
            await read_until_refused(exchange)
        watching.cancel()

        assert max(stalls_s) < 0.1


async def test_a_length_over_the_cap_is_refused_at_once() -> None:
    """Who announces too much is not read at all."""
    reply = Reply(body=b"{}", declared_length_bytes=33 * MIB)
    async with FakeUpstream(reply) as upstream, provider_at(upstream) as provider:
        with pytest.raises(UpstreamProtocolError) as caught:
            await ask(provider, a_call(streaming=False))

        assert caught.value.metadata["cause"] == "too_large"
        await upstream.wait_closed(upstream.journal[0])


async def test_the_cap_is_a_setting() -> None:
    """An operator may allow less; a body of exactly that much is fine."""
    async with FakeUpstream(Reply(body=b"x" * 1000, framing=Framing.CHUNKED)) as upstream:
        for cap_bytes, fits in ((1000, True), (999, False)):
            limits = HttpLimits(max_body_bytes=cap_bytes)
            async with (
                HttpClient(clock=CLOCK, limits=limits) as client,
                exchange_with(upstream, client) as exchange,
            ):
                assert (await exchange.read_bounded(2000) == b"x" * 1000) is fits


@pytest.mark.parametrize(
    "behaviour",
    [
        HugeBody(status=500, body_bytes=300 * MIB),
        Reply(status=500, body=b"{" * 5000, cut_after_bytes=4000),
    ],
    ids=["huge", "cut"],
)
async def test_the_body_of_an_error_is_read_as_far_as_it_helps(behaviour: Behaviour) -> None:
    """An error's status counts though its body is endless or cut."""
    limits = HttpLimits(idle_s=0.2)
    async with (
        FakeUpstream(behaviour) as upstream,
        provider_at(upstream, limits=limits) as provider,
    ):
        with pytest.raises(UpstreamError) as caught:
            await ask(provider, a_call())

        assert caught.value.name() == "UPSTREAM_ERROR"
        assert caught.value.metadata["httpStatus"] == "500"
        assert upstream.journal[0].bytes_sent < 16 * MIB
        await upstream.wait_closed(upstream.journal[0])


async def test_an_upgrade_is_no_answer() -> None:
    """What follows a 101 is another protocol, which nobody asked for."""
    switch = Raw(pieces=[b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n", b"PRI *"])
    async with FakeUpstream(switch) as upstream, provider_at(upstream) as provider:
        with pytest.raises(UpstreamProtocolError):
            await ask(provider, a_call())


async def test_interim_answers_are_passed_over() -> None:
    """100 and 103 come before the answer and change nothing."""
    body = b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    async with FakeUpstream(Raw(pieces=[interim, body])) as upstream, provider_at(upstream) as p:
        with pytest.raises(UpstreamError) as caught:
            await ask(p, a_call())

        assert caught.value.metadata["httpStatus"] == "500"
