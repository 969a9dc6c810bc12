"""Who is dialled? Only addresses that were judged, at every connection, and only over sound TLS."""

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes.certificates import Authority
from tests.providers.http.asking import (
    CLOCK,
    KEY,
    LOOPBACK,
    a_call,
    a_provider,
    ask,
    endpoint_of,
    text_of,
)
from weir.v1.generation_pb2 import Phase
from weir_server.core.errors import ConfigInvalid, UpstreamConnectFailed, UpstreamProtocolError
from weir_server.fake_upstream.misbehaviour import redirect
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.connect import GuardedResolver, verified_tls
from weir_server.providers.http.guard import Endpoint, EndpointPolicy, parse_endpoint
from weir_server.providers.http.watchdog import HttpLimits

METADATA = "169.254.169.254"


@dataclass
class Names:
    """A name server that says what it is told, the last answer again and again."""

    answers: Sequence[Sequence[str] | OSError]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer; one turn of the event loop later, as a real one would."""
        self.asked.append((host, port))
        await asyncio.sleep(0)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, OSError):
            raise answer
        return answer


@dataclass
class HandClock:
    """A clock that tests move."""

    now_s: float = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_ns(self) -> int:
        return int(self.now_s * 1e9)


async def failure_to_connect(client: HttpClient, endpoint: Endpoint) -> str:
    """Ask and return the cause of the failure to connect."""
    with pytest.raises(UpstreamConnectFailed) as caught:
        await ask(a_provider(client, endpoint), a_call())
    return caught.value.metadata["cause"]


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        [METADATA],
        ["::1"],
        ["fe80::1%eth0"],
        ["::ffff:127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["2606:4700::1111", "8.8.8.8", METADATA],
        ["not an address"],
    ],
    ids=",".join,
)
async def test_one_bad_address_refuses_the_whole_answer(answer: Sequence[str]) -> None:
    """A name that leads inside is not dialled, not even at its good addresses."""
    names = Names([answer])
    async with FakeUpstream() as upstream, HttpClient(clock=CLOCK, lookup=names) as client:
        policy = EndpointPolicy(allow_insecure_http=True)
        endpoint = parse_endpoint(f"http://api.example.com:{upstream.port}/v1", policy)

        assert await failure_to_connect(client, endpoint) == "guard"
        assert len(upstream.journal.connections) == 0


@pytest.mark.parametrize("bad", [[METADATA], ["127.0.0.1", METADATA], ["0.0.0.0"]], ids=",".join)
async def test_a_named_host_may_be_private_but_no_worse(bad: Sequence[str]) -> None:
    """The operator's exception is judged too, at every dial: metadata stays out of reach."""
    clock = HandClock()
    names = Names([["127.0.0.1"], bad])
    async with FakeUpstream() as upstream, HttpClient(clock=clock, lookup=names) as client:
        endpoint = endpoint_of(upstream, host="llm.internal")
        provider = a_provider(client, endpoint, clock=clock)

        first = await ask(provider, a_call(clock=clock))
        await asyncio.sleep(0.02)
        await upstream.drop_connections()
        await asyncio.sleep(0.02)
        clock.now_s += 60
        with pytest.raises(UpstreamConnectFailed) as caught:
            await ask(provider, a_call(clock=clock))

        assert text_of(first)
        assert caught.value.metadata["cause"] == "guard"
        assert len(upstream.journal.connections) == 1


async def test_the_judged_address_is_the_dialled_one() -> None:
    """A name is asked once for each connection, and what was judged then is where it goes."""
    names = Names([["127.0.0.2"], [METADATA]])
    async with (
        FakeUpstream(host="127.0.0.2") as upstream,
        HttpClient(clock=CLOCK, lookup=names) as client,
    ):
        endpoint = parse_endpoint(f"http://llm.internal:{upstream.port}/v1", LOOPBACK)
        await ask(a_provider(client, endpoint), a_call())

        assert len(upstream.journal) == 1
        assert names.asked == [("llm.internal", upstream.port)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", METADATA])
async def test_an_address_as_host_is_judged_at_the_dial_too(host: str) -> None:
    """Hosts that are addresses never see a resolver; the socket is refused all the same."""
    async with FakeUpstream() as upstream, HttpClient(clock=CLOCK) as client:
        unchecked = Endpoint(
            scheme="http", host=host, port=upstream.port, base_path="/v1", private_ok=False
        )

        assert await failure_to_connect(client, unchecked) == "guard"
        assert len(upstream.journal.connections) == 0


async def test_what_one_endpoint_may_dial_another_may_not() -> None:
    """An exception belongs to its endpoint, though both share a name."""
    names = Names([["127.0.0.1"]])
    async with (
        FakeUpstream() as upstream,
        HttpClient(clock=CLOCK, lookup=names) as client,
        HttpClient(clock=CLOCK, lookup=names) as other,
    ):
        named = endpoint_of(upstream, host="llm.internal")
        not_named = Endpoint(
            scheme="http",
            host="llm.internal",
            port=upstream.port,
            base_path="/v1",
            private_ok=False,
        )
        await ask(a_provider(client, named), a_call())

        assert await failure_to_connect(other, not_named) == "guard"


async def test_saving_an_endpoint_vets_its_name() -> None:
    """A name that leads inside now is refused when it is saved, by field."""
    async with HttpClient(clock=CLOCK, lookup=Names([["10.0.0.1"]])) as client:
        endpoint = parse_endpoint("https://api.example.com", EndpointPolicy())
        with pytest.raises(ConfigInvalid) as caught:
            await client.vet(endpoint)

        (violation,) = caught.value.violations
        assert (violation.field, violation.rule) == ("config.endpoint", "ADDRESS")


async def test_a_name_without_an_answer_may_be_saved() -> None:
    """A name server's outage does not keep a configuration out; each dial judges again."""
    async with HttpClient(clock=CLOCK, lookup=Names([socket.gaierror()])) as client:
        await client.vet(parse_endpoint("https://api.example.com", EndpointPolicy()))

        endpoint = parse_endpoint("https://api.example.com", EndpointPolicy())
        assert await failure_to_connect(client, endpoint) == "dns"


async def test_refused_connections_are_said_to_be() -> None:
    """Nothing listens: nothing was sent, and the cause says so."""
    async with FakeUpstream() as upstream, HttpClient(clock=CLOCK) as client:
        async with upstream.refusing_connections():
            assert await failure_to_connect(client, endpoint_of(upstream)) == "refused"

        events = await ask(a_provider(client, endpoint_of(upstream)), a_call())
        assert text_of(events)


async def test_connecting_has_its_own_limit() -> None:
    """A name server that never answers costs the connect limit, not the whole deadline."""

    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return [host, str(port)]

    async with HttpClient(clock=CLOCK, limits=HttpLimits(connect_s=0.1), lookup=never) as client:
        call = a_call()
        provider = a_provider(client, parse_endpoint("https://api.example.com", EndpointPolicy()))
        with pytest.raises(UpstreamConnectFailed) as caught:
            await ask(provider, call)

        assert caught.value.metadata["cause"] == "timeout"
        assert call.progress.phase == Phase.PHASE_CONNECTING


async def test_callers_of_one_name_share_a_lookup() -> None:
    """Twenty calls at once ask the name server once, and so does the next within ten seconds."""
    clock, names = HandClock(), Names([["8.8.8.8"]])
    resolver = GuardedResolver(clock=clock, lookup=names)

    answers = await asyncio.gather(*(resolver.resolve("a.example", 443) for _ in range(20)))
    clock.now_s += 9
    await resolver.resolve("a.example", 443)
    assert len(names.asked) == 1

    clock.now_s += 2
    await resolver.resolve("a.example", 443)
    assert len(names.asked) == 2
    assert {answer[0]["host"] for answer in answers} == {"8.8.8.8"}


async def test_the_last_good_answer_outlives_the_name_server_for_five_minutes() -> None:
    """A name server's outage is not the provider's, but an old address is not for ever."""
    clock = HandClock()
    resolver = GuardedResolver(clock=clock, lookup=Names([["8.8.8.8"], OSError(), OSError()]))
    await resolver.resolve("a.example", 443)

    clock.now_s += 299
    (address,) = await resolver.resolve("a.example", 443)
    assert address["host"] == "8.8.8.8"

    clock.now_s += 2
    with pytest.raises(OSError):
        await resolver.resolve("a.example", 443)


async def test_a_name_server_that_hangs_delays_only_the_first() -> None:
    """With a last good answer at hand nobody waits long, and the next callers do not wait."""
    asked = 0

    async def once_only(host: str, port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        if asked > 1:
            await asyncio.sleep(60)
        return ["8.8.8.8"]

    clock = HandClock()
    resolver = GuardedResolver(clock=clock, lookup=once_only, patience_s=0.05)
    await resolver.resolve("a.example", 443)
    clock.now_s += 60
    for _ in range(3):
        (address,) = await resolver.resolve("a.example", 443)
        assert address["host"] == "8.8.8.8"

    assert asked == 2


async def test_an_empty_answer_is_no_answer() -> None:
    """A name without addresses fails as one that does not exist."""
    resolver = GuardedResolver(clock=HandClock(), lookup=Names([[]]))

    with pytest.raises(OSError, match="no address"):
        await resolver.resolve("a.example", 443)


async def test_sound_tls_is_spoken() -> None:
    """A certificate of a trusted authority for this name is accepted."""
    authority = Authority()
    async with (
        FakeUpstream(tls=authority.server()) as upstream,
        HttpClient(clock=CLOCK, tls=authority.client()) as client,
    ):
        events = await ask(a_provider(client, endpoint_of(upstream)), a_call())

        assert text_of(events)


@pytest.mark.parametrize("flaw", ["strange authority", "expired", "wrong name"])
async def test_unsound_tls_is_refused(flaw: str) -> None:
    """A certificate that does not prove the host ends the attempt before anything is sent."""
    authority = Authority()
    match flaw:
        case "strange authority":
            server = Authority("Stranger").server()
        case "expired":
            server = authority.server(expires_in=-dt.timedelta(hours=1))
        case _:
            server = authority.server(["api.example.com"])
    async with (
        FakeUpstream(tls=server) as upstream,
        HttpClient(clock=CLOCK, tls=authority.client()) as client,
    ):
        assert await failure_to_connect(client, endpoint_of(upstream)) == "tls"
        assert len(upstream.journal) == 0


async def test_plain_text_where_tls_is_due_is_refused() -> None:
    """Https is never downgraded to what the other side happens to speak."""
    heard = bytearray()

    async def answer_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer_plainly, "127.0.0.1", 0)
    async with server, HttpClient(clock=CLOCK) as client:
        port = server.sockets[0].getsockname()[1]
        endpoint = parse_endpoint(f"https://127.0.0.1:{port}/v1", LOOPBACK)

        assert await failure_to_connect(client, endpoint) == "tls"
        assert KEY.encode() not in heard


@pytest.mark.parametrize("weaken", ["verify", "name"])
async def test_a_context_that_does_not_verify_is_refused(weaken: str) -> None:
    """There is no way to switch verification off."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if weaken == "verify":
        context.verify_mode = ssl.CERT_NONE

    with pytest.raises(ValueError, match="must verify"):
        HttpClient(clock=CLOCK, tls=context)


async def test_a_private_authority_is_trusted_beside_the_systems(tmp_path: Path) -> None:
    """The operator's own roots are added from a file."""
    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    tls = verified_tls(tmp_path / "ca.pem")
    async with (
        FakeUpstream(tls=authority.server()) as upstream,
        HttpClient(clock=CLOCK, tls=tls) as client,
    ):
        events = await ask(a_provider(client, endpoint_of(upstream)), a_call())

        assert text_of(events)
        assert tls.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_lead_nowhere(status: int) -> None:
    """Neither prompt nor key is sent to where a redirect points."""
    async with FakeUpstream() as other, HttpClient(clock=CLOCK) as client:
        behaviour = redirect(f"{other.url}/chat/completions", status=status)
        async with FakeUpstream(behaviour) as upstream:
            with pytest.raises(UpstreamProtocolError) as caught:
                await ask(a_provider(client, endpoint_of(upstream)), a_call())

        assert caught.value.metadata["cause"] == "redirect"
        assert len(other.journal.connections) == 0
