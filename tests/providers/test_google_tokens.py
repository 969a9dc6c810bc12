"""Are a service account's tokens fetched once for all calls, in time, and never with a leak?"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from google.auth import jwt

from tests.fakes.clock import FakeClock
from tests.providers.http.asking import LOOPBACK, a_call
from weir_server.core.call import Call
from weir_server.core.errors import (
    ConfigInvalid,
    DeadlineExceeded,
    UpstreamConnectFailed,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimited,
    WeirError,
)
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.formats.google_tokens import GRANT, GoogleTokens
from weir_server.providers.formats.service_account import (
    ServiceAccountInvalid,
    read_service_account,
)
from weir_server.providers.formats.vertex import VERTEX, endpoint_of
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.guard import EndpointPolicy, parse_endpoint
from weir_server.providers.plan import Plan
from weir_server.providers.wire.base import HttpRequest
from weir_server.settings.vertex import VertexSettings

TOKEN = "ya29.canary-token"
EMAIL = "weir@my-project.iam.gserviceaccount.com"
NOTHING = HttpRequest(path="/x")
SOMEWHERE = parse_endpoint("http://127.0.0.1:4711/v1", LOOPBACK)


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_file(path: Path, token_uri: str, **more: str) -> Path:
    said = {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key_id": "k1",
        "private_key": pem(private_key()),
        "token_uri": token_uri,
        **more,
    }
    path.write_text(json.dumps(said))
    return path


def given(token: str = TOKEN, expires_in: int = 3599) -> Reply:
    body = {"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}
    return Reply(body=body)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(given()) as fake:
        yield fake


@pytest.fixture
async def tokens(
    upstream: FakeUpstream, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[GoogleTokens]:
    """Tokens of an account whose endpoint is the fake."""
    file = key_file(tmp_path / "key.json", f"{upstream.origin}/token")
    async with HttpClient(clock=clock) as client:
        yield GoogleTokens(file, LOOPBACK, client, clock)


async def sign(tokens: GoogleTokens, call: Call) -> str:
    return (await tokens.sign(NOTHING, SOMEWHERE, call))["authorization"]


async def test_a_token_is_asked_for_as_google_wants(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """With claims that Google's own library verifies, in a form of two fields."""
    assert await sign(tokens, a_call(clock=clock)) == f"Bearer {TOKEN}"
    asked = upstream.journal[-1]
    form = dict(parse_qs(asked.body.decode()).items())
    assert (asked.method, asked.path, form["grant_type"]) == ("POST", "/token", [GRANT])
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in asked.headers
    (assertion,) = form["assertion"]
    public = private_key().public_key()
    text = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    now_s = clock.wall_ns() // 10**9
    # The library compares with its own clock; only its signature check is wanted here.
    claims: dict[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]
        assertion, certs=text, clock_skew_in_seconds=10**9
    )
    assert claims == {
        "iss": EMAIL,
        "aud": f"{upstream.origin}/token",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "iat": now_s,
        "exp": now_s + 3600,
    }
    assert jwt.decode_header(assertion) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}  # type: ignore[no-untyped-call]


async def test_many_calls_share_one_token(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """Fetched once, however many wait for it."""
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(sign(tokens, a_call(clock=clock))) for _ in range(20)]
    assert {task.result() for task in waiting} == {f"Bearer {TOKEN}"}
    assert len(upstream.journal) == 1


async def test_a_token_is_renewed_before_it_ends(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """Five minutes before."""
    await sign(tokens, a_call(clock=clock))
    upstream.script(given("ya29.next"))
    clock.advance(3599 - 301)
    assert await sign(tokens, a_call(clock=clock)) == f"Bearer {TOKEN}"
    clock.advance(2)
    assert await sign(tokens, a_call(clock=clock)) == "Bearer ya29.next"


async def test_a_token_serves_until_it_ends(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """A renewal that fails fails no call before that, and is tried again after a while."""
    await sign(tokens, a_call(clock=clock))
    upstream.script(Reply(status=503))
    clock.advance(3599 - 100)
    for _ in range(3):
        assert await sign(tokens, a_call(clock=clock)) == f"Bearer {TOKEN}"
    assert len(upstream.journal) == 2
    clock.advance(11)
    assert await sign(tokens, a_call(clock=clock)) == f"Bearer {TOKEN}"
    assert len(upstream.journal) == 3
    clock.advance(90)
    with pytest.raises(UpstreamError):
        await sign(tokens, a_call(clock=clock))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=400, body={"error": "invalid_grant"}), UpstreamCredentialsRejected),
        (Reply(status=401), UpstreamCredentialsRejected),
        (Reply(status=403), UpstreamCredentialsRejected),
        (Reply(status=429, headers=(("retry-after", "3"),)), UpstreamRateLimited),
        (Reply(status=500), UpstreamError),
        (Reply(status=302, headers=(("location", "http://x/"),)), UpstreamProtocolError),
        (Reply(body=b"<html>"), UpstreamProtocolError),
        (Reply(body={"access_token": "a b\r\nx: y", "expires_in": 1}), UpstreamProtocolError),
        (Reply(body={"access_token": "x", "expires_in": 0}), UpstreamProtocolError),
        (Reply(body={"id_token": "x"}), UpstreamProtocolError),
    ],
)
async def test_no_token_is_an_error_of_the_provider(
    tokens: GoogleTokens,
    upstream: FakeUpstream,
    clock: FakeClock,
    reply: Reply,
    kind: type[WeirError],
) -> None:
    """Of a kind that resilience knows, with the wait where there is one."""
    upstream.script(reply)
    with pytest.raises(UpstreamError) as failure:
        await sign(tokens, a_call(clock=clock))
    assert type(failure.value) is kind
    assert failure.value.retry_after_s == (3.0 if kind is UpstreamRateLimited else None)


async def test_a_failure_is_everybodys_who_waited(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """They do not ask one after the other; who comes later does."""
    upstream.script(Reply(status=500, delay_before_headers_s=0.05))
    results = await asyncio.gather(
        *(sign(tokens, a_call(clock=clock)) for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results] == [UpstreamError] * 5
    assert len({id(result) for result in results}) == 5
    assert len(upstream.journal) == 1
    upstream.script(given())
    assert await sign(tokens, a_call(clock=clock)) == f"Bearer {TOKEN}"


async def test_who_waits_keeps_to_its_own_deadline(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """A short call gives up while a longer one is still fetching; so does the fetcher itself."""
    upstream.script(Hang())
    async with asyncio.TaskGroup() as group:
        fetching = group.create_task(sign(tokens, a_call(clock=clock)))
        await upstream.wait_for_attempts(1)
        with pytest.raises(DeadlineExceeded):
            await sign(tokens, a_call(clock=clock, timeout_s=0.05))
        fetching.cancel()
    with pytest.raises(DeadlineExceeded):
        await sign(tokens, a_call(clock=clock, timeout_s=0.05))


async def test_a_cancelled_fetch_leaves_its_place_to_the_next(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """Nobody waits for what nobody fetches."""
    upstream.script(Hang())
    async with asyncio.TaskGroup() as group:
        first = group.create_task(sign(tokens, a_call(clock=clock)))
        await upstream.wait_for_attempts(1)
        second = group.create_task(sign(tokens, a_call(clock=clock)))
        await asyncio.sleep(0)
        upstream.script(given())
        first.cancel()
    assert second.result() == f"Bearer {TOKEN}"


async def test_fetching_is_not_sending(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock
) -> None:
    """The provider has not been sent anything when a token was asked for."""
    call = a_call(clock=clock)
    told: list[bool] = []
    call.progress.on_sent = lambda: told.append(True)
    await sign(tokens, call)
    assert len(upstream.journal) == 1
    assert not told
    assert call.progress.on_sent is not None


async def test_a_new_key_needs_no_reload(
    tokens: GoogleTokens, upstream: FakeUpstream, clock: FakeClock, tmp_path: Path
) -> None:
    """The file is read for each token; one that became unusable is the credential's fault."""
    await sign(tokens, a_call(clock=clock))
    file = key_file(tmp_path / "key.json", f"{upstream.origin}/token", private_key_id="k2")
    clock.advance(4000)
    await sign(tokens, a_call(clock=clock))
    (assertion,) = parse_qs(upstream.journal[-1].body.decode())["assertion"]
    assert jwt.decode_header(assertion)["kid"] == "k2"  # type: ignore[no-untyped-call]
    file.unlink()
    clock.advance(4000)
    with pytest.raises(UpstreamCredentialsRejected) as failure:
        await sign(tokens, a_call(clock=clock))
    assert failure.value.metadata == {"cause": "key_file"}


async def test_the_token_endpoint_passes_the_guard(tmp_path: Path, clock: FakeClock) -> None:
    """A key file may not lead inside where the provider itself may not."""
    file = key_file(tmp_path / "key.json", "https://169.254.169.254/token")
    async with HttpClient(clock=clock) as client:
        tokens = GoogleTokens(file, EndpointPolicy(), client, clock)
        with pytest.raises(UpstreamCredentialsRejected) as failure:
            await sign(tokens, a_call(clock=clock))
        assert failure.value.metadata == {"cause": "token_uri"}
        settings = VertexSettings(project="p", service_account_file=str(file))
        with pytest.raises(ConfigInvalid) as refusal:
            VERTEX.signer(Plan(kind="vertex", field_prefix="", vertex=settings), client, clock)
    assert refusal.value.violations[0].field == "vertex.service_account_file"


async def test_an_endpoint_that_is_not_there(tmp_path: Path, clock: FakeClock) -> None:
    """Is told as of any provider."""
    async with FakeUpstream() as gone:
        file = key_file(tmp_path / "key.json", f"{gone.origin}/token")
    async with HttpClient(clock=clock) as client:
        with pytest.raises(UpstreamConnectFailed):
            await sign(GoogleTokens(file, LOOPBACK, client, clock), a_call(clock=clock))


SPOILERS: dict[str, Callable[[Path], object]] = {
    "no file": lambda path: path.unlink(),
    "no JSON": lambda path: path.write_text("canary"),
    "no key": lambda path: path.write_text(
        json.dumps({"client_email": "a", "private_key": "canary", "token_uri": "b"})
    ),
    "another kind of key": lambda path: key_file(
        path, "x", private_key=pem(ec.generate_private_key(ec.SECP256R1()))
    ),
    "a key of a user": lambda path: path.write_text('{"refresh_token": "canary"}'),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_a_file_that_is_no_key_is_named(tmp_path: Path, name: str) -> None:
    """With the way out, and nothing of what it holds."""
    path = key_file(tmp_path / "key.json", "x")
    SPOILERS[name](path)
    with pytest.raises(ServiceAccountInvalid) as problem:
        read_service_account(path)
    assert str(path) in str(problem.value)
    assert "canary" not in str(problem.value)
    assert "PRIVATE" not in repr(problem.value.__context__)


def test_a_key_is_not_shown(tmp_path: Path) -> None:
    """Not even in a traceback."""
    assert "key=" not in repr(read_service_account(key_file(tmp_path / "key.json", "x")))


@pytest.mark.parametrize(
    ("location", "endpoint"),
    [
        ("global", "https://aiplatform.googleapis.com/v1"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com/v1"),
        ("europe-west4", "https://europe-west4-aiplatform.googleapis.com/v1"),
    ],
)
def test_a_location_has_an_address(location: str, endpoint: str) -> None:
    """As the vendor's SDK forms it."""
    assert endpoint_of(location) == endpoint
