"""May a connection be used again? While it is sound; and a request that met a closed one goes on.

An upstream closes idle connections when it likes, also at the very moment Weir sends on one.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import psutil
import pytest
import uvloop

from tests.fakes.certificates import Authority
from tests.providers.http.asking import (
    CLOCK,
    KEY,
    LOOPBACK,
    a_call,
    a_provider,
    ask,
    endpoint_of,
    provider_at,
    text_of,
)
from weir.v1.error_pb2 import ErrorReason
from weir_server.core.errors import UpstreamConnectFailed, UpstreamError, UpstreamTimeout
from weir_server.core.handler import Handler
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.bending import Delayed
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.faults import STREAM
from weir_server.fake_upstream.misbehaviour import MIB, Drop, Raw, RefuseBody
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.exchange import STALE_S, UpstreamExchange
from weir_server.providers.http.guard import parse_endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.wire.base import HttpRequest
from weir_server.resilience.backoff import Backoff
from weir_server.resilience.stage import ResilienceStage
from weir_server.resilience.turns import Turns
from weir_server.resilience.upstreams import Upstreams
from weir_server.settings.resilience import ResilienceSettings


@asynccontextmanager
async def retrying_at(upstream: FakeUpstream) -> AsyncIterator[Handler]:
    """A provider behind the one retry layer, which waits for nothing."""
    async with provider_at(upstream) as provider:
        rng = random.Random(1)
        upstreams = Upstreams(ResilienceSettings(), clock=CLOCK, rng=rng)
        yield ResilienceStage(
            provider,
            Turns(upstreams, clock=CLOCK, rng=rng, first_token_timeout_s=30.0),
            clock=CLOCK,
            rng=rng,
            backoff=Backoff(base_s=0.0, cap_s=0.0),
            first_token_timeout_s=30.0,
        )


LARGE = bytes(range(256)) * (16 * MIB // 256)
"""More than the kernel takes at once."""


def connections(upstream: FakeUpstream) -> list[int]:
    """Which connection each attempt came on."""
    return [attempt.connection.number for attempt in upstream.journal]


def large_request(upstream: FakeUpstream, client: HttpClient) -> UpstreamExchange:
    """Return the exchange of a request that no write takes whole."""
    route = Route(endpoint_of(upstream), ProviderHeaders())
    request = HttpRequest(path="/files", body=LARGE)
    return client.open(route, request, call=a_call(), streaming=False)


def peer_ports() -> list[int]:
    """Which ports this process has open connections to."""
    open_now = psutil.Process().net_connections(kind="tcp")
    return [one.raddr.port for one in open_now if one.status == psutil.CONN_ESTABLISHED]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("ending", [Ending.EOF, Ending.RESET])
async def test_a_request_that_meets_a_closed_connection_is_sent_again(
    ending: Ending, streaming: bool
) -> None:
    """The upstream closes as the request comes: the caller gets its answer, and both attempts."""
    async with FakeUpstream() as upstream, retrying_at(upstream) as provider:
        upstream.script(OpenAiService(), Drop(ending=ending), OpenAiService())
        await ask(provider, a_call(streaming=streaming))
        await asyncio.sleep(0.02)
        call = a_call(streaming=streaming)
        events = await ask(provider, call)

        assert text_of(events)
        assert connections(upstream) == [1, 1, 2]
        stale, good = call.progress.attempts
        assert ErrorReason.Name(stale.reason) == "ERROR_REASON_UPSTREAM_CONNECT_FAILED"
        assert good.reason == 0


async def test_nothing_is_sent_again_that_may_not_be() -> None:
    """max_retries 0 holds for a closed connection too."""
    async with FakeUpstream() as upstream, retrying_at(upstream) as provider:
        upstream.script(OpenAiService(), Drop())
        await ask(provider, a_call())
        await asyncio.sleep(0.02)
        call = a_call()
        once = replace(call.target, max_retries=0)
        with pytest.raises(UpstreamConnectFailed) as caught:
            await ask(provider, call.aimed_at((once,)))

        assert caught.value.metadata["cause"] == "stale"
        assert len(upstream.journal) == 2


async def test_an_upstream_that_closes_without_reading_is_known_as_stale() -> None:
    """As it is in life: the socket closes with the request unread, and a reset comes back."""
    answer = b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readuntil(b"]}")
        writer.write(answer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, HttpClient(clock=CLOCK) as client:
        port = server.sockets[0].getsockname()[1]
        endpoint = parse_endpoint(f"http://127.0.0.1:{port}/v1", LOOPBACK)
        exchanges = [
            client.open(
                Route(endpoint, ProviderHeaders()),
                HttpRequest(path="/chat", body=b"{[]}"),
                call=a_call(),
                streaming=False,
            )
            for _ in range(2)
        ]
        async with exchanges[0] as first:
            assert await first.read() == b""
        writers[0].close()  # in the event loop's next turn, after the request was written
        with pytest.raises(UpstreamConnectFailed) as caught:
            async with exchanges[1]:
                pass
        assert caught.value.metadata["cause"] == "stale"
        for writer in writers:
            writer.close()

    assert len(writers) == 1


async def test_an_upstream_that_closes_every_connection_is_asked_as_often_as_allowed() -> None:
    """Other idle connections may be as dead; the attempts are those of any unreachable provider."""
    async with FakeUpstream(STREAM) as upstream, retrying_at(upstream) as provider:
        await asyncio.gather(*(ask(provider, a_call()) for _ in range(3)))
        await asyncio.sleep(0.02)
        upstream.script(Drop())
        call = a_call()
        with pytest.raises(UpstreamConnectFailed):
            await ask(provider, call)

        assert len(call.progress.attempts) == call.target.max_retries + 1
        assert len(upstream.journal) == 3 + call.target.max_retries + 1


@pytest.mark.parametrize(
    "broken",
    [
        Raw(pieces=[b"H"]),
        Raw(pieces=[b"HTTP/1.1 200 OK\r\ncontent-ty"], ending=Ending.RESET),
        Raw(pieces=[b"HTTP/1.1 100 Continue\r\n\r\n"]),
        Delayed(of=Drop(ending=Ending.EOF), delay_s=STALE_S + 0.1),
    ],
    ids=["one byte", "half a head", "interim", "late"],
)
async def test_an_upstream_that_may_have_begun_is_not_asked_again(broken: Behaviour) -> None:
    """One byte, or time enough to work, and the request may have been paid for."""
    async with FakeUpstream(STREAM) as upstream, provider_at(upstream) as provider:
        await ask(provider, a_call())
        await asyncio.sleep(0.02)
        upstream.script(broken)
        with pytest.raises(UpstreamError):
            await ask(provider, a_call())

        assert connections(upstream) == [1, 1]


async def test_a_hang_is_not_a_closed_connection() -> None:
    """A limit that is overrun on a connection used before ends the attempt as on any other."""
    limits = HttpLimits(headers_s=0.1)
    async with FakeUpstream(STREAM) as upstream, provider_at(upstream, limits=limits) as provider:
        await ask(provider, a_call())
        await asyncio.sleep(0.02)
        upstream.script(Delayed(of=STREAM, delay_s=1))
        with pytest.raises(UpstreamTimeout):
            await ask(provider, a_call())

        assert connections(upstream) == [1, 1]


ENDED = b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    "pieces",
    [
        [ENDED + ANSWER],
        [ENDED, ANSWER],
        [ENDED, b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"],
        [ENDED, b"HTTP/1"],
        [b"HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\n", b"{}" + ANSWER],
    ],
    ids=["at once", "later", "goodbye", "not whole", "with the body"],
)
async def test_what_nobody_asked_for_answers_nobody(pieces: Sequence[bytes]) -> None:
    """Bytes on an idle connection never pass for the answer to the next caller's request."""
    early = Raw(pieces=pieces, delay_between_s=0.02, ending=Ending.STALL)
    async with FakeUpstream(early, STREAM) as upstream, provider_at(upstream) as provider:
        with pytest.raises(UpstreamError):
            await ask(provider, a_call())
        await asyncio.sleep(0.1)

        assert text_of(await ask(provider, a_call()))
        assert connections(upstream) == [1, 2]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("case", ["whole", "refused", "cancelled"])
def test_large_requests(
    case: str, tls: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """They arrive whole, stop for an early answer, and are dropped with their call."""
    cases: dict[str, Callable[[bool], Awaitable[None]]] = {
        "whole": arrives_whole,
        "refused": stops_for_an_early_answer,
        "cancelled": is_dropped_with_its_call,
    }
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(bounded(cases[case](tls)))


async def bounded(work: Awaitable[None]) -> None:
    """Do it within ten seconds."""
    async with asyncio.timeout(10):
        await work


async def arrives_whole(tls: bool) -> None:
    """Twice on one connection: nothing is left over of the first."""
    authority = Authority()
    async with (
        FakeUpstream(Reply(body={}), tls=authority.server() if tls else None) as upstream,
        HttpClient(clock=CLOCK, tls=authority.client()) as client,
    ):
        for _ in range(2):
            async with large_request(upstream, client) as exchange:
                assert await exchange.read_bounded(100) == b"{}"

        assert [attempt.body == LARGE for attempt in upstream.journal] == [True, True]
        assert connections(upstream) == [1, 1]


async def stops_for_an_early_answer(tls: bool) -> None:
    """A refusal is heard while most is unsent; the connection is not kept."""
    authority = Authority()
    refusal = RefuseBody(reply=Reply(status=413, body={"error": "large"}), linger_s=0.1)
    async with (
        FakeUpstream(refusal, tls=authority.server() if tls else None) as upstream,
        HttpClient(clock=CLOCK, tls=authority.client()) as client,
    ):
        async with large_request(upstream, client) as exchange:
            assert exchange.status == 413
            assert await exchange.read_bounded(100) == b'{"error": "large"}'

        await upstream.wait_idle()
        assert connections(upstream) == [1]


async def is_dropped_with_its_call(tls: bool) -> None:
    """An upstream that reads nothing for a while then gets no more of a dead request."""
    authority, left = Authority(), asyncio.Event()
    read_bytes = asyncio.get_running_loop().create_future()

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await left.wait()
        total = 0
        try:
            while data := await reader.read(MIB):
                total += len(data)
        except ConnectionError:
            pass  # a reset is as good an end
        writer.close()
        read_bytes.set_result(total)

    server = await asyncio.start_server(
        stuck, "127.0.0.1", 0, ssl=authority.server() if tls else None
    )
    async with server, HttpClient(clock=CLOCK, tls=authority.client()) as client:
        port = server.sockets[0].getsockname()[1]
        endpoint = parse_endpoint(f"http{'s' if tls else ''}://127.0.0.1:{port}/v1", LOOPBACK)
        exchange = client.open(
            Route(endpoint, ProviderHeaders()),
            HttpRequest(path="/files", body=LARGE),
            call=a_call(),
            streaming=False,
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), exchange:
                pass
        await asyncio.sleep(0.05)
        assert port not in peer_ports()
        left.set()

        assert await read_bytes < len(LARGE)


async def test_the_key_goes_with_the_second_sending_too() -> None:
    """The request that is sent again is the same request."""
    async with FakeUpstream(STREAM) as upstream, retrying_at(upstream) as provider:
        await ask(provider, a_call())
        await asyncio.sleep(0.02)
        upstream.script(Drop(), STREAM)
        await ask(provider, a_call())

        _, dropped, again = upstream.journal
        assert dropped.headers.pairs == again.headers.pairs
        assert dropped.body == again.body
        assert again.bearer == KEY


async def test_a_private_connection_is_never_found_by_who_may_not_have_it() -> None:
    """The pool knows hosts, not permissions: clients keep endpoints of different ones apart."""
    async with FakeUpstream() as upstream, HttpClient(clock=CLOCK) as client:
        private = endpoint_of(upstream)
        public = replace(private, private_ok=False)
        await ask(a_provider(client, private), a_call())
        with pytest.raises(ValueError, match="one permission"):
            await ask(a_provider(client, public), a_call())

        assert len(upstream.journal) == 1
