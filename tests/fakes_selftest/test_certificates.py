"""Does each certificate fail for its own reason, and the good one not at all?"""

import datetime as dt
import ssl

import aiohttp
import pytest

from tests.fakes.certificates import Authority
from tests.fakes_selftest.raw_client import CHAT
from weir_server.fake_upstream.behaviour import Hang, Sse
from weir_server.fake_upstream.journal import Outcome
from weir_server.fake_upstream.upstream import FakeUpstream

AUTHORITY = Authority()
STRANGER = Authority("Stranger")


async def post_chat(upstream: FakeUpstream, *, timeout_s: float = 5.0) -> int:
    """Return the status of a chat over TLS, trusting the one authority."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(
            f"{upstream.url}/chat/completions", json=CHAT, ssl=AUTHORITY.client()
        ) as response,
    ):
        await response.read()
        return response.status


async def test_good_certificate() -> None:
    """A certificate of the trusted authority for this address is accepted."""
    async with FakeUpstream(tls=AUTHORITY.server()) as upstream:
        assert upstream.url.startswith("https://")
        assert await post_chat(upstream) == 200


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (AUTHORITY.server(expires_in=dt.timedelta(days=-1)), "certificate has expired"),
        (AUTHORITY.server(["other.example"]), "IP address mismatch"),
        (STRANGER.server(), "unable to get local issuer certificate"),
    ],
    ids=["expired", "wrong_name", "stranger"],
)
async def test_bad_certificate(context: ssl.SSLContext, reason: str) -> None:
    """A client that checks refuses it, says why, and sends no request."""
    async with FakeUpstream(tls=context) as upstream:
        with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
            await post_chat(upstream)
        assert len(upstream.journal) == 0
    assert reason in str(caught.value)


async def test_close_is_seen_through_tls() -> None:
    """The client's leaving is in the journal over TLS, too."""
    async with FakeUpstream(Hang(), tls=AUTHORITY.server()) as upstream:
        with pytest.raises(TimeoutError):
            await post_chat(upstream, timeout_s=0.1)
        [attempt] = upstream.journal
        await upstream.wait_closed(attempt, timeout_s=1)


async def test_flood_through_tls_pauses_and_ends() -> None:
    """A client that reads slowly over TLS is felt, and gets every byte in the end."""
    events = [b"data: %060d\n\n" % number for number in range(200_000)]
    async with FakeUpstream(Sse(events=[b"".join(events)]), tls=AUTHORITY.server()) as upstream:
        async with (
            aiohttp.ClientSession(read_bufsize=4096) as session,
            session.post(
                f"{upstream.url}/chat/completions", json=CHAT, ssl=AUTHORITY.client()
            ) as response,
        ):
            [attempt] = await upstream.wait_for_attempts(1)
            await upstream.wait_blocked(attempt)
            body = await response.read()
        assert body == b"".join(events)
        await upstream.wait_finished(attempt)
        assert attempt.outcome is Outcome.COMPLETED
