"""Is a token fetched once, kept for its life, and asked for within the call's time?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import pytest

from tests.fakes.clock import FakeClock
from tests.providers.http.asking import CLOCK, LOOPBACK, a_call
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    DeadlineExceeded,
    DeadlineTooShort,
    UpstreamConnectFailed,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimited,
)
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.client_credentials import ClientCredentials, Grant
from weir_server.providers.http.guard import parse_endpoint
from weir_server.providers.wire.base import HttpRequest

SECRET = "s+cret/canary&="
REQUEST = HttpRequest(path="/chat/completions", body=b"{}")
PROVIDER = parse_endpoint("http://127.0.0.1:4711", LOOPBACK)


def token(text: str = "t-1", expires_in: object = 3600) -> Reply:
    """Give a token."""
    return Reply(
        body={"token_type": "Bearer", "expires_in": expires_in, "access_token": text, "x": 1}
    )


@asynccontextmanager
async def signer_at(
    upstream: FakeUpstream, *, clock: Clock = CLOCK
) -> AsyncIterator[ClientCredentials]:
    """Give a signer that asks `upstream` for tokens."""
    grant = Grant(
        address=upstream.origin,
        path="/tenant/oauth2/v2.0/token",
        client_id="app",
        client_secret=SECRET,
        scope="https://example.com/.default",
        allow_insecure_http=True,
    )
    async with HttpClient(clock=clock) as client:
        yield ClientCredentials(grant, client=client, clock=clock)


async def sign(
    signer: ClientCredentials, *, clock: Clock = CLOCK, timeout_s: float = 30.0
) -> Mapping[str, str]:
    """Sign a request of a call that has just arrived."""
    return await signer.sign(REQUEST, PROVIDER, a_call(clock=clock, timeout_s=timeout_s))


async def test_a_token_is_asked_for_as_the_standard_says() -> None:
    """A form with the application's id and secret, and no credential in a header."""
    async with FakeUpstream(token()) as upstream, signer_at(upstream) as signer:
        assert await sign(signer) == {"authorization": "Bearer t-1"}

    asked = upstream.journal[0]
    assert (asked.method, asked.target) == ("POST", "/tenant/oauth2/v2.0/token")
    assert asked.headers.get("content-type") == "application/x-www-form-urlencoded"
    assert asked.headers.get("authorization") is None
    assert dict(parse_qsl(asked.body.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": SECRET,
        "scope": "https://example.com/.default",
    }


@pytest.mark.parametrize(
    ("expires_in", "kept_s", "gone_s"), [(3600, 3299, 3301), ("600", 539, 541), (0, -1, 0)]
)
async def test_a_token_is_kept_until_shortly_before_it_expires(
    expires_in: object, kept_s: float, gone_s: float
) -> None:
    """Five minutes before, or in the last tenth of its life; one without a life is used once."""
    clock = FakeClock()
    async with (
        FakeUpstream(token("t-1", expires_in)) as upstream,
        signer_at(upstream, clock=clock) as signer,
    ):
        await sign(signer, clock=clock)
        upstream.script(token("t-2"))
        if kept_s >= 0:
            clock.advance(kept_s)
            assert (await sign(signer, clock=clock))["authorization"] == "Bearer t-1"
        clock.advance(gone_s - max(0.0, kept_s))
        assert (await sign(signer, clock=clock))["authorization"] == "Bearer t-2"


async def test_calls_at_the_same_time_share_one_request() -> None:
    """However many need a token, it is fetched once."""
    async with (
        FakeUpstream(token()) as upstream,
        signer_at(upstream) as signer,
        asyncio.TaskGroup() as group,
    ):
        signed = [group.create_task(sign(signer)) for _ in range(20)]

    assert {task.result()["authorization"] for task in signed} == {"Bearer t-1"}
    assert len(upstream.journal) == 1


async def test_calls_at_the_same_time_share_one_failure() -> None:
    """A refused secret is not shown to the server once for each of them; the next call tries."""
    async with FakeUpstream(Reply(status=401), token()) as upstream, signer_at(upstream) as signer:
        outcomes = await asyncio.gather(*(sign(signer) for _ in range(20)), return_exceptions=True)
        assert len(upstream.journal) == 1
        assert {type(outcome) for outcome in outcomes} == {UpstreamCredentialsRejected}
        assert len({id(outcome) for outcome in outcomes}) == 20
        assert await sign(signer) == {"authorization": "Bearer t-1"}


async def test_who_hangs_up_leaves_the_turn_to_the_next() -> None:
    """The others do not fail with a caller that was first in line."""
    async with (
        FakeUpstream(Hang(), token()) as upstream,
        signer_at(upstream) as signer,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(sign(signer))
        await upstream.wait_for_attempts(1)
        second = group.create_task(sign(signer))
        first.cancel()

    assert second.result() == {"authorization": "Bearer t-1"}


async def test_nobody_waits_longer_than_its_call_has() -> None:
    """Neither for the server, nor for another call that waits for it."""
    async with FakeUpstream(Hang()) as upstream, signer_at(upstream) as signer:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(sign(signer))
            await upstream.wait_for_attempts(1)
            with pytest.raises(DeadlineExceeded):
                await sign(signer, timeout_s=0.05)
            first.cancel()
        with pytest.raises(DeadlineExceeded):
            await sign(signer, timeout_s=0.05)
        with pytest.raises(DeadlineTooShort):
            await sign(signer, timeout_s=0.01)


async def test_a_token_that_still_lives_serves_while_there_is_no_other() -> None:
    """Until it expires, an outage of the server fails no call."""
    clock = FakeClock()
    async with (
        FakeUpstream(token("t-1", 1000), Reply(status=503)) as upstream,
        signer_at(upstream, clock=clock) as signer,
    ):
        await sign(signer, clock=clock)
        clock.advance(950)
        assert (await sign(signer, clock=clock))["authorization"] == "Bearer t-1"
        clock.advance(50)
        with pytest.raises(UpstreamError):
            await sign(signer, clock=clock)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(status=400, body={"error": "invalid_client"}), UpstreamCredentialsRejected),
        (Reply(status=401, body={"error": "invalid_client"}), UpstreamCredentialsRejected),
        (Reply(status=404), UpstreamCredentialsRejected),
        (Reply(status=429, headers=(("retry-after", "7"),)), UpstreamRateLimited),
        (Reply(status=500), UpstreamError),
        (Reply(body=b"<html>"), UpstreamProtocolError),
        (Reply(body={"access_token": 7}), UpstreamProtocolError),
        (token("a\r\nx: y"), UpstreamProtocolError),
        (token(""), UpstreamProtocolError),
        (token("t", "soon"), UpstreamProtocolError),
        (token("t", -1), UpstreamProtocolError),
        (Reply(body=b'{"access_token":"t","expires_in":"nan"}'), UpstreamProtocolError),
    ],
)
async def test_what_no_token_means(answer: Behaviour, kind: type[UpstreamError]) -> None:
    """By status alone: nothing of what the server says is repeated."""
    async with FakeUpstream(answer) as upstream, signer_at(upstream) as signer:
        with pytest.raises(UpstreamError) as refused:
            await sign(signer)

    assert type(refused.value) is kind
    assert refused.value.retry_after_s == (7.0 if kind is UpstreamRateLimited else None)
    assert "canary" not in f"{refused.value!r} {refused.value.metadata} {signer.__dict__}"


async def test_a_server_that_is_not_there() -> None:
    """It fails as a provider does that cannot be reached."""
    async with (
        FakeUpstream(token()) as upstream,
        signer_at(upstream) as signer,
        upstream.refusing_connections(),
    ):
        with pytest.raises(UpstreamConnectFailed):
            await sign(signer)


async def test_the_provider_has_been_sent_nothing_yet() -> None:
    """What watches a call is not told that the provider has the request."""
    told: list[str] = []
    async with FakeUpstream(token()) as upstream, signer_at(upstream) as signer:
        call = a_call()
        call.progress.on_sent = lambda: told.append("sent")
        await signer.sign(REQUEST, PROVIDER, call)

    assert told == []
    assert call.progress.on_sent is not None
    assert upstream.journal[0].headers.get("traceparent") is None
