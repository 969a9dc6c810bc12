"""What does a provider tell of its attempts? How far they came, how they ended, and who failed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from tests.providers.http.asking import (
    CHAT,
    CLOCK,
    PROVIDER,
    a_call,
    a_provider,
    ask,
    provider_at,
    text_of,
)
from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import GenerationEvent, Phase, UnsupportedOptionPolicy
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import (
    DeadlineExceeded,
    SlowConsumer,
    UnsupportedOption,
    UpstreamConnectFailed,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamStreamBroken,
)
from weir_server.core.handler import Batch
from weir_server.fake_upstream import openai_errors as errors
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.faults import STREAM, TEXT
from weir_server.fake_upstream.openai_wire import chat_completion
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.guard import EndpointPolicy, parse_endpoint


async def _collect(
    opening: AbstractAsyncContextManager[AsyncIterator[Batch]], events: list[GenerationEvent]
) -> None:
    async with opening as batches:
        async for batch in batches:
            assert isinstance(batch, list)
            events += batch


async def _fail_within(
    opening: AbstractAsyncContextManager[AsyncIterator[Batch]], failure: Exception
) -> None:
    async with opening as batches:
        await anext(batches)
        raise failure


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_good_answer_is_one_good_attempt(streaming: bool) -> None:
    """The attempt says whom it asked, for what, when and how long."""
    behaviour = STREAM if streaming else Reply(body=chat_completion(TEXT))
    async with FakeUpstream(behaviour) as upstream, provider_at(upstream) as provider:
        call = a_call(streaming=streaming)
        await asyncio.sleep(0.05)
        begun_s = time.monotonic()
        events = await ask(provider, call)
        took_s = time.monotonic() - begun_s

        assert text_of(events) == TEXT
        assert events[-1].WhichOneof("event") == "end"
        (attempt,) = call.progress.attempts
        assert (attempt.provider, attempt.model) == (PROVIDER, "fake-1")
        assert attempt.reason == ErrorReason.ERROR_REASON_UNSPECIFIED
        assert attempt.start_offset.ToNanoseconds() >= 50_000_000
        assert 0 < attempt.duration.ToNanoseconds() <= took_s * 1e9


async def test_the_phase_follows_the_attempt() -> None:
    """Who waits can see whether Weir connects, waits or reads."""
    two = Sse(events=STREAM.events[:4], ending=Ending.STALL, delay_before_headers_s=0.1)
    async with FakeUpstream(two) as upstream, provider_at(upstream) as provider:
        call = a_call()
        assert call.progress.phase == Phase.PHASE_QUEUED
        opening = provider.open(call, CHAT)
        entering = asyncio.create_task(opening.__aenter__())
        await upstream.wait_for_attempts(1)
        assert call.progress.phase == Phase.PHASE_WAITING_FIRST_TOKEN
        batches = await entering
        await anext(batches)
        assert call.progress.phase == Phase.PHASE_GENERATING
        await opening.__aexit__(None, None, None)


async def test_one_batch_is_what_one_read_brought() -> None:
    """Events that come together are given together, and those that come apart are not held."""
    together, apart = STREAM, Sse(events=STREAM.events, delay_between_s=0.02)
    async with FakeUpstream(together, apart) as upstream, provider_at(upstream) as provider:
        sizes = []
        for _ in range(2):
            async with provider.open(a_call(), CHAT) as batches:
                sizes.append([len(batch) async for batch in batches if isinstance(batch, list)])

        assert sum(sizes[0]) <= sum(sizes[1])
        assert len(sizes[0]) < len(sizes[1])
        assert len(sizes[1]) >= 6


async def test_what_came_before_a_failure_is_given_first() -> None:
    """Events before a break are delivered, then the break is told."""
    broken = Sse(events=STREAM.events[:4], ending=Ending.EOF, delay_before_ending_s=0.05)
    async with FakeUpstream(broken) as upstream, provider_at(upstream) as provider:
        events: list[GenerationEvent] = []
        with pytest.raises(UpstreamStreamBroken) as caught:
            await _collect(provider.open(a_call(), CHAT), events)

        assert text_of(events)
        assert TEXT.startswith(text_of(events))
        assert caught.value.metadata == {"cause": "cut", "provider": PROVIDER}


async def test_an_option_that_cannot_be_said_is_no_attempt() -> None:
    """Nothing is sent for a request that the vendor's words do not hold."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        request = ChatRequest()
        request.CopyFrom(CHAT)
        request.options.top_k = 5
        call = a_call()
        with pytest.raises(UnsupportedOption):
            await ask(provider, call, request)

        assert len(upstream.journal.connections) == 0
        assert call.progress.attempts == []


async def test_an_attempt_ends_with_the_readers_own_error() -> None:
    """A reader that fails within the block is what ended the attempt."""
    slow = Sse(events=STREAM.events, delay_between_s=0.05)
    async with FakeUpstream(slow) as upstream, provider_at(upstream) as provider:
        call = a_call()
        with pytest.raises(SlowConsumer):
            await _fail_within(provider.open(call, CHAT), SlowConsumer())

        (attempt,) = call.progress.attempts
        assert attempt.reason == ErrorReason.ERROR_REASON_SLOW_CONSUMER


async def test_a_failure_that_the_reader_keeps_is_still_the_attempts() -> None:
    """The attempt's reason does not depend on what the reader does with the error."""
    async with FakeUpstream(Hang()) as upstream, provider_at(upstream) as provider:
        upstream.script(Sse(events=STREAM.events[:3], ending=Ending.EOF))
        call = a_call()
        async with provider.open(call, CHAT) as batches:
            with pytest.raises(UpstreamStreamBroken):
                async for _ in batches:
                    pass

        (attempt,) = call.progress.attempts
        assert attempt.reason == ErrorReason.ERROR_REASON_UPSTREAM_STREAM_BROKEN


async def test_the_deadline_is_the_callers_not_the_providers() -> None:
    """A call that runs out of time blames no provider."""
    async with FakeUpstream(Hang()) as upstream, provider_at(upstream) as provider:
        call = a_call(timeout_s=0.1)
        with pytest.raises(DeadlineExceeded) as caught:
            await ask(provider, call)

        assert "provider" not in caught.value.metadata
        (attempt,) = call.progress.attempts
        assert attempt.reason == ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED


async def test_a_failure_to_connect_comes_from_opening() -> None:
    """Opening is where a stage can still try again: nothing was sent."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        async with upstream.refusing_connections():
            call = a_call()
            with pytest.raises(UpstreamConnectFailed) as caught:
                await provider.open(call, CHAT).__aenter__()

        assert caught.value.metadata == {"cause": "refused", "provider": PROVIDER}
        assert len(call.progress.attempts) == 1


async def test_a_probe_asks_for_the_models() -> None:
    """Trying a configuration costs no tokens and shows the credential."""
    async with FakeUpstream(Reply(body={"object": "list", "data": []})) as upstream:
        async with provider_at(upstream) as provider:
            await provider.probe(a_call())

        (attempt,) = upstream.journal
        assert (attempt.method, attempt.target, attempt.body) == ("GET", "/v1/models", b"")
        assert attempt.bearer is not None


async def test_a_probe_tells_a_bad_key() -> None:
    """A key that the vendor refuses is found before the first call."""
    async with FakeUpstream(errors.BAD_KEY.reply()) as upstream, provider_at(upstream) as provider:
        with pytest.raises(UpstreamCredentialsRejected) as caught:
            await provider.probe(a_call())

        assert caught.value.metadata["provider"] == PROVIDER


async def test_a_probe_ends_with_its_call() -> None:
    """An endpoint that hangs does not hold up who tries it."""
    async with FakeUpstream(Hang()) as upstream, provider_at(upstream) as provider:
        with pytest.raises(DeadlineExceeded):
            await provider.probe(a_call(timeout_s=0.1))

        await upstream.wait_closed(upstream.journal[0])


async def test_a_probe_of_a_page_is_no_success() -> None:
    """A captive portal answers everything with 200."""
    page = Reply(content_type="text/html", body=b"<html>Welcome</html>")
    async with FakeUpstream(page) as upstream, provider_at(upstream) as provider:
        with pytest.raises(UpstreamError) as caught:
            await provider.probe(a_call())

        assert caught.value.metadata["cause"] == "content_type"


async def test_a_provider_that_does_not_resolve_is_named() -> None:
    """Every failure of the provider's says which provider it was."""

    async def nobody(host: str, port: int) -> list[str]:
        raise OSError(f"{host}:{port} does not exist")

    async with HttpClient(clock=CLOCK, lookup=nobody) as client:
        provider = a_provider(client, parse_endpoint("https://a.example", EndpointPolicy()))
        with pytest.raises(UpstreamConnectFailed) as caught:
            await ask(provider, a_call())

        assert caught.value.metadata == {"cause": "dns", "provider": PROVIDER}


async def test_a_repeated_attempt_warns_once() -> None:
    """What was left out is told once, however often the request was made."""
    routing = ChatRequest(messages=CHAT.messages, model="fake")
    routing.options.reasoning.budget_tokens = 100
    routing.options.unsupported_option_policy = (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    async with FakeUpstream(STREAM) as upstream, provider_at(upstream) as provider:
        call = a_call()
        await ask(provider, call, routing)
        await ask(provider, call, routing)

        fields = [warning.field for warning in call.progress.warnings]
        assert fields == ["options.reasoning.budget_tokens"]
        assert len(upstream.journal) == 2
