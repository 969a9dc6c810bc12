"""What leaves Weir with a request? What was meant to, and the key in one place only."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.providers.http.asking import (
    CHAT,
    CLOCK,
    KEY,
    a_call,
    a_provider,
    ask,
    endpoint_of,
    provider_at,
    text_of,
)
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import Phase
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import TraceContext
from weir_server.core.errors import ConfigInvalid, UpstreamConnectFailed, UpstreamError
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.openai_wire import chat_completion
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.headers import ProviderHeaders

TRACE = TraceContext(
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate="vendor=1"
)
COOKIE = Reply(body=chat_completion("Hello."), headers=(("set-cookie", "session=1; Path=/"),))


@pytest.fixture
def proxies() -> Iterator[None]:
    """An environment that names a proxy nobody listens at."""
    upper = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    names = (*upper, *map(str.lower, upper))
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "http://127.0.0.1:9"))
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.mark.parametrize("streaming", [True, False])
async def test_the_key_is_in_one_header_and_nowhere_else(streaming: bool) -> None:
    """No URL, no body and no other header carries the provider's key."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        await ask(provider, a_call(streaming=streaming))

        (attempt,) = upstream.journal
        assert attempt.bearer == KEY
        assert KEY not in attempt.target
        assert KEY.encode() not in attempt.body
        assert [name for name, value in attempt.headers.pairs if KEY in value] == ["authorization"]


async def test_a_request_says_no_more_of_its_sender_than_it_must() -> None:
    """These are all headers that a vendor sees."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        await ask(provider, a_call())

        (attempt,) = upstream.journal
        assert sorted(name.lower() for name, _ in attempt.headers.pairs) == [
            *("accept", "accept-encoding", "authorization", "content-length", "content-type"),
            *("host", "user-agent"),
        ]
        assert attempt.headers.get("user-agent", "").startswith("weir/")
        assert attempt.headers.get("accept-encoding") == "identity"
        assert attempt.headers.get("host") == f"127.0.0.1:{upstream.port}"


async def test_the_trace_goes_along() -> None:
    """Trace context reaches the provider where the call has one."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        await ask(provider, a_call(trace=TRACE))

        (attempt,) = upstream.journal
        assert attempt.headers.get("traceparent") == TRACE.traceparent
        assert attempt.headers.get("tracestate") == TRACE.tracestate


async def test_cookies_are_not_kept() -> None:
    """One call's answer cannot mark the next call."""
    async with FakeUpstream(COOKIE) as upstream, provider_at(upstream) as provider:
        for _ in range(2):
            await ask(provider, a_call(streaming=False))

        assert [attempt.headers.get("cookie") for attempt in upstream.journal] == [None, None]


@pytest.mark.usefixtures("proxies")
async def test_the_environment_names_no_proxy() -> None:
    """A proxy in the environment sees no request: the checked address is the one dialled."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        assert text_of(await ask(provider, a_call()))


async def test_large_requests_arrive_whole() -> None:
    """Three megabytes of prompt are sent in pieces, with their length told before."""
    text = "All the water in the weir. " * 120_000
    request = ChatRequest(messages=[Message(role=Role.ROLE_USER, parts=[Part(text=text)])])
    async with FakeUpstream(COOKIE) as upstream, provider_at(upstream) as provider:
        await ask(provider, a_call(streaming=False), request)

        (attempt,) = upstream.journal
        assert attempt.json["messages"][0]["content"] == text
        assert attempt.headers.get("content-length") == str(len(attempt.body))


async def test_extra_headers_go_along_and_change_nothing_else() -> None:
    """What the operator adds is sent; the key and the content type stay what they are."""
    async with FakeUpstream() as upstream, HttpClient(clock=CLOCK) as client:
        provider = a_provider(client, endpoint_of(upstream), extra={"X-Team": "platform"})
        await ask(provider, a_call())

        (attempt,) = upstream.journal
        assert attempt.headers.get("x-team") == "platform"
        assert attempt.bearer == KEY


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "Transfer-Encoding", "connection", "upgrade", "te", "expect"),
        *("Authorization", "cookie", "Proxy-Authorization", "proxy-connection", "X-Api-Key"),
        *("api-key", "x-goog-api-key", "x-forwarded-host", "forwarded", "traceparent", "accept"),
        *("content-type", "content-encoding", "user-agent", "keep-alive", "weir-tenant"),
    ],
)
def test_headers_that_steer_or_authenticate_are_refused(name: str) -> None:
    """An extra header cannot redirect a request, smuggle another one, or replace the key."""
    with pytest.raises(ConfigInvalid) as caught:
        ProviderHeaders(extra={name: "value"})

    (violation,) = caught.value.violations
    assert (violation.field, violation.rule) == (f'config.headers["{name}"]', "RESERVED")


@pytest.mark.parametrize("value", ["", " ", "a\r\nx: b", "a\nb", "a\x00b", "é", " a", "a "])
def test_values_that_no_header_holds_are_refused_by_field(value: str) -> None:
    """A line break in a key cannot begin another header, and the refusal does not repeat it."""
    with pytest.raises(ConfigInvalid) as caught:
        ProviderHeaders(
            credential={"authorization": value},
            organization={"openai-organization": value},
            extra={"x-team": value},
        )

    assert [(violation.field, violation.description) for violation in caught.value.violations] == [
        ("config.api_key", "Use visible ASCII characters."),
        ("config.organization_id", "Use visible ASCII characters."),
        ('config.headers["x-team"]', "Use visible ASCII characters."),
    ]


async def test_nothing_that_holds_the_key_shows_it() -> None:
    """Whatever is printed or logged by mistake, the key is not in it."""
    headers = ProviderHeaders(credential={"authorization": f"Bearer {KEY}"})
    async with FakeUpstream() as upstream, HttpClient(clock=CLOCK) as client:
        endpoint = endpoint_of(upstream)
        shown = [headers, Route(endpoint, headers), a_provider(client, endpoint), client, endpoint]

        assert KEY not in " ".join(f"{thing!r} {thing}" for thing in shown)


async def test_no_failure_shows_the_key() -> None:
    """aiohttp keeps request headers in its errors; ours, and what they come from, do not."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        upstream.script(Reply(status=200, headers=(("x", "a" * 9000),)))
        with pytest.raises(UpstreamError) as caught:
            await ask(provider, a_call())

        error: BaseException | None = caught.value
        assert repr(CHAT.messages[0].parts[0].text) not in repr(error)
        while error is not None:
            assert KEY not in f"{error!r} {error} {vars(error)}"
            error = error.__cause__


async def test_the_call_hears_when_its_request_was_sent() -> None:
    """Once connected and written, and while the provider has yet to answer."""
    sent = asyncio.Event()
    async with FakeUpstream(Hang()) as upstream, provider_at(upstream) as provider:
        call = a_call()
        call.progress.on_sent = sent.set
        asking = asyncio.create_task(ask(provider, call))
        async with asyncio.timeout(5):
            await sent.wait()
        assert not asking.done()
        assert call.progress.phase == Phase.PHASE_WAITING_FIRST_TOKEN
        asking.cancel()
        await asyncio.wait([asking])


async def test_a_provider_that_is_not_reached_was_sent_nothing() -> None:
    """A refused connection leaves whoever waits for the sending waiting."""
    sent: list[str] = []
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        call = a_call()
        call.progress.on_sent = lambda: sent.append("sent")
        async with upstream.refusing_connections():
            with pytest.raises(UpstreamConnectFailed):
                await ask(provider, call)
    assert sent == []
