"""A provider of kind `cohere`, asked through the whole server."""

import json
import time
from collections.abc import AsyncIterator

import grpc
import pytest

from tests.contracts.answers import CHUNKS, TEXT
from tests.providers.wire import cohere_samples as c
from tests.service.test_provider_config import ADMITTED
from tests.service.weir import (
    Weir,
    chat_request,
    failure_of_error,
    serving,
    stream_request,
    upstream_tree,
)
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import FinishReason
from weir.v1.provider_service_pb2 import ProviderConfig, ValidateConfigRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.upstream import FakeUpstream

KEY = "co-test-canary-key"


@pytest.fixture
async def gateway(upstream: FakeUpstream) -> AsyncIterator[Weir]:
    """A Weir whose one provider is the fake, as Cohere."""
    tree = upstream_tree(upstream.origin, kind="cohere", api_key=KEY, max_retries=0)
    async with serving(tree) as weir:
        yield weir


def events(*said: c.Json) -> Sse:
    return Sse(events=[c.stream(event) for event in said])


async def test_a_whole_answer(upstream: FakeUpstream, gateway: Weir) -> None:
    """The key goes into a bearer token and nowhere else; the answer has its usage."""
    upstream.script(Reply(body=c.whole({"content": [{"type": "text", "text": TEXT}]}, "COMPLETE")))
    reply = await gateway.llm.Chat(chat_request("Hi", model="m"))
    asked = upstream.journal[0]
    assert reply.message.parts[0].text == TEXT
    assert reply.metadata.model == "vendor-m"
    assert reply.usage.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert (asked.path, asked.headers["authorization"]) == ("/v2/chat", f"Bearer {KEY}")
    assert KEY not in json.dumps(asked.json)


async def test_a_stream(upstream: FakeUpstream, gateway: Weir) -> None:
    """Thoughts, words and the reason arrive in order."""
    blocks = (*c.block(0, "thinking", ("Hm",)), *c.block(1, "text", CHUNKS))
    upstream.script(events(c.start(), *blocks, c.end("MAX_TOKENS")))
    heard = await gateway.stream("Hi")
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == "Hm" + TEXT
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS


async def test_a_refusal_has_its_reason(upstream: FakeUpstream, gateway: Weir) -> None:
    """And nothing of the vendor's words."""
    message = "limited to 1000 API calls / month: canary"
    upstream.script(Reply(status=429, body={"message": message}))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await gateway.llm.Chat(chat_request("Hi", model="m"))
    assert failure_of_error(refusal.value).reason == "UPSTREAM_QUOTA_EXHAUSTED"
    assert "canary" not in (refusal.value.details() or "")


async def test_a_cancelled_stream_closes_the_upstream(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """Soon after the caller has left."""
    begun = c.stream(c.start(), *c.block(0, "text", CHUNKS)[:2])
    upstream.script(Sse(events=[begun], ending=Ending.STALL))
    call = gateway.llm.StreamChat(stream_request("Hi", model="m"))
    await call.read()
    call.cancel()
    left = time.monotonic()
    assert await upstream.wait_closed(upstream.journal[0]) - left < 0.5


def _vectors(attempt: Attempt) -> Behaviour:
    texts = attempt.json["texts"]
    return Reply(
        body={
            "id": "e",
            "embeddings": {"float": [[float(text), 1.0] for text in texts]},
            "meta": {"billed_units": {"input_tokens": len(texts)}},
        }
    )


async def test_many_inputs_are_asked_for_in_turn(upstream: FakeUpstream, gateway: Weir) -> None:
    """Never more than the vendor takes at once; the reply is one, in order, with all its tokens."""
    upstream.script(_vectors)
    inputs = [EmbedInput(text=str(number)) for number in range(200)]
    reply = await gateway.embeddings.Embed(EmbedRequest(inputs=inputs, model="m"))
    assert [len(attempt.json["texts"]) for attempt in upstream.journal] == [96, 96, 8]
    assert [embedding.index for embedding in reply.embeddings] == list(range(200))
    assert [embedding.values[0] for embedding in reply.embeddings] == list(range(200))
    assert reply.usage.prompt_tokens == reply.usage.total_tokens == 200
    assert len(reply.metadata.attempts) == 3


async def test_a_batch_that_fails_fails_the_call(upstream: FakeUpstream, gateway: Weir) -> None:
    """Half the vectors are no answer."""
    upstream.script(_vectors, Reply(status=500, body={"message": "boom"}))
    inputs = [EmbedInput(text=str(number)) for number in range(100)]
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await gateway.embeddings.Embed(EmbedRequest(inputs=inputs, model="m"))
    assert failure_of_error(failure.value).reason == "UPSTREAM_ERROR"


async def test_batches_of_different_lengths_are_no_answer(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """One vector cannot be compared with another of a different length."""
    odd = {"id": "e", "embeddings": {"float": [[1.0]] * 4}, "meta": {}}
    upstream.script(_vectors, Reply(body=odd))
    inputs = [EmbedInput(text=str(number)) for number in range(100)]
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await gateway.embeddings.Embed(EmbedRequest(inputs=inputs, model="m"))
    assert failure_of_error(failure.value).reason == "UPSTREAM_PROTOCOL_ERROR"


async def test_half_a_count_is_estimated_as_a_whole(upstream: FakeUpstream, gateway: Weir) -> None:
    """Where one batch tells no tokens, the sum of the others would be wrong."""
    untold = {"id": "e", "embeddings": {"float": [[1.0, 1.0]] * 4}, "meta": {}}
    upstream.script(_vectors, Reply(body=untold))
    inputs = [EmbedInput(text=str(number)) for number in range(100)]
    reply = await gateway.embeddings.Embed(EmbedRequest(inputs=inputs, model="m"))
    assert reply.usage.source == UsageSource.USAGE_SOURCE_ESTIMATED


async def test_a_probe_lists_the_models(upstream: FakeUpstream) -> None:
    """It costs nothing and needs the key."""
    upstream.script(Reply(body={"models": []}))
    config = ProviderConfig(provider_kind="cohere", endpoint=upstream.origin, api_key=KEY)
    async with serving(ADMITTED) as weir:
        reply = await weir.llm.ValidateConfig(ValidateConfigRequest(config=config, probe=True))
    asked = upstream.journal[0]
    assert reply.valid
    assert not reply.HasField("probe_error")
    assert (asked.method, asked.path) == ("GET", "/v1/models")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
