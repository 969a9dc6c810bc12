"""A provider of kind `ollama`, asked through the whole server."""

import time
from collections.abc import AsyncIterator

import grpc
import pytest

from tests.contracts.answers import CHUNKS, TEXT
from tests.providers.wire import ollama_samples as o
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
from weir.v1.generation_pb2 import FinishReason, ProviderExtension
from weir.v1.provider_service_pb2 import ProviderConfig, ValidateConfigRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.upstream import FakeUpstream


@pytest.fixture
async def gateway(upstream: FakeUpstream) -> AsyncIterator[Weir]:
    """A Weir whose one provider is the fake, as an Ollama without a key."""
    tree = upstream_tree(upstream.origin, kind="ollama", max_retries=0)
    del tree["providers"][0]["api_key"]
    async with serving(tree) as weir:
        yield weir


def lines(*said: o.Json, ending: Ending = Ending.CLEAN) -> Sse:
    return Sse(
        events=[o.stream(line) for line in said],
        content_type="application/x-ndjson",
        ending=ending,
    )


async def test_a_whole_answer(upstream: FakeUpstream, gateway: Weir) -> None:
    """No key is sent where there is none; the answer has its usage and its model."""
    upstream.script(Reply(body=o.last(TEXT)))
    reply = await gateway.llm.Chat(chat_request("Hi", model="m"))
    asked = upstream.journal[0]
    assert reply.message.parts[0].text == TEXT
    assert reply.metadata.model == "qwen3:4b"
    assert reply.usage.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert asked.path == "/api/chat"
    assert "authorization" not in asked.headers


async def test_a_stream(upstream: FakeUpstream, gateway: Weir) -> None:
    """Line by line, though its media type is not that of events."""
    upstream.script(lines(*(o.chunk(piece) for piece in CHUNKS), o.last(reason="length")))
    heard = await gateway.stream("Hi")
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == TEXT
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS


async def test_a_context_of_ones_own(upstream: FakeUpstream, gateway: Weir) -> None:
    """An extension says what only this server knows, beside what the caller's options say."""
    upstream.script(Reply(body=o.last(TEXT)))
    extension = ProviderExtension(
        provider_kind="ollama", json='{"options":{"num_ctx":8192},"keep_alive":"1h"}', required=True
    )
    await gateway.llm.Chat(chat_request("Hi", model="m", temperature=0, extensions=[extension]))
    asked = upstream.journal[0].json
    assert asked["options"] == {"temperature": 0, "num_ctx": 8192}
    assert asked["keep_alive"] == "1h"


async def test_a_prompt_from_the_cache_is_estimated(upstream: FakeUpstream, gateway: Weir) -> None:
    """An older server leaves out the tokens of a prompt that it need not read again."""
    upstream.script(Reply(body=o.last(TEXT, counts={"eval_count": 6})))
    reply = await gateway.llm.Chat(chat_request("Hi", model="m"))
    assert reply.usage.source == UsageSource.USAGE_SOURCE_ESTIMATED
    assert reply.usage.prompt_tokens > 0


async def test_a_key_is_a_bearer_token(upstream: FakeUpstream) -> None:
    """For the vendor's cloud, and for servers behind a proxy that asks for one."""
    upstream.script(Reply(body=o.last(TEXT)))
    tree = upstream_tree(upstream.origin, kind="ollama", api_key="ollama-canary")
    async with serving(tree) as weir:
        await weir.llm.Chat(chat_request("Hi", model="m"))
    assert upstream.journal[0].headers["authorization"] == "Bearer ollama-canary"


async def test_a_refusal_has_its_reason(upstream: FakeUpstream, gateway: Weir) -> None:
    """And nothing of the server's words."""
    upstream.script(Reply(status=404, body={"error": "model 'canary' not found"}))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await gateway.llm.Chat(chat_request("Hi", model="m"))
    assert failure_of_error(refusal.value).reason == "UPSTREAM_MODEL_NOT_FOUND"
    assert "canary" not in (refusal.value.details() or "")


async def test_an_error_in_the_middle_ends_the_stream(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """What was said arrives, then the reason."""
    upstream.script(lines(o.chunk("Hé"), {"error": "canary"}))
    heard = await gateway.stream("Hi")
    assert heard.text == "Hé"
    assert heard.failure.reason == "UPSTREAM_STREAM_BROKEN"


async def test_a_cancelled_stream_closes_the_upstream(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """Soon after the caller has left."""
    upstream.script(lines(o.chunk("Hé"), ending=Ending.STALL))
    call = gateway.llm.StreamChat(stream_request("Hi", model="m"))
    await call.read()
    call.cancel()
    left = time.monotonic()
    assert await upstream.wait_closed(upstream.journal[0]) - left < 0.5


async def test_vectors(upstream: FakeUpstream, gateway: Weir) -> None:
    """All inputs in one request, as the server takes any number."""
    upstream.script(Reply(body={"model": "m", "embeddings": [[0.5]] * 200}))
    inputs = [EmbedInput(text="a")] * 200
    reply = await gateway.embeddings.Embed(EmbedRequest(inputs=inputs, model="m"))
    assert len(reply.embeddings) == 200
    assert len(upstream.journal) == 1
    assert upstream.journal[0].path == "/api/embed"


async def test_a_probe_lists_the_models(upstream: FakeUpstream) -> None:
    """The cheapest request there is: an Ollama needs no more to show that it is there."""
    upstream.script(Reply(body={"models": []}))
    config = ProviderConfig(provider_kind="ollama", endpoint=upstream.origin)
    async with serving(ADMITTED) as weir:
        reply = await weir.llm.ValidateConfig(ValidateConfigRequest(config=config, probe=True))
    assert reply.valid
    assert not reply.HasField("probe_error")
    assert (upstream.journal[0].method, upstream.journal[0].path) == ("GET", "/api/tags")


async def test_an_endpoint_is_required() -> None:
    """There is no Ollama but one's own, and no organization in one."""
    async with serving(ADMITTED) as weir:
        replies = [
            await weir.llm.ValidateConfig(ValidateConfigRequest(config=config))
            for config in (
                ProviderConfig(provider_kind="ollama"),
                ProviderConfig(
                    provider_kind="ollama", endpoint="https://a.example", organization_id="org"
                ),
            )
        ]
    fields = [[violation.field for violation in reply.violations] for reply in replies]
    assert fields == [["config.endpoint"], ["config.organization_id"]]
