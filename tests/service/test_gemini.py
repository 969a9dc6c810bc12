"""Does a call reach Google, and its answer the caller? Through the whole server, at both doors."""

import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.providers.test_google_tokens import TOKEN, given, key_file
from tests.providers.wire.gemini_samples import Json, chunk, event, texts
from tests.service.weir import (
    Weir,
    chat_request,
    failure_of_error,
    hear,
    serving,
    stream_request,
    upstream_tree,
    user,
)
from weir.v1.content_pb2 import Message, Part, Role, ToolResultPart
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import FinishReason, FunctionTool, Tool
from weir.v1.provider_service_pb2 import CountTokensRequest
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.upstream import FakeUpstream

KEY = "AIza-canary-key"
WHOLE = Reply(body=chunk({"text": "Hello there"}, finish="STOP"))
CHUNKS = [*texts(["Hello", " there"]), chunk({"text": ""}, finish="STOP")]
STREAMED = Sse(events=[event(said) for said in CHUNKS])
BEGUN = Sse(events=[event(CHUNKS[0])], ending=Ending.STALL)


def tree(upstream: FakeUpstream, **provider: Any) -> dict[str, Any]:
    """Return a configuration in which `m` is a model of a provider of Google's at `upstream`."""
    configured = upstream_tree(f"{upstream.origin}/v1beta", max_retries=0, **provider)
    configured["resilience"] = {"breaker": {"consecutive_failures": 1000}}
    (entry,) = configured["providers"]
    if "vertex" in provider:
        del entry["api_key"]
    return configured


@pytest.fixture
async def tokens() -> AsyncIterator[FakeUpstream]:
    """Google's token endpoint."""
    async with FakeUpstream(given()) as fake:
        yield fake


@pytest.fixture(params=["gemini", "vertex"])
async def door(
    request: pytest.FixtureRequest, upstream: FakeUpstream, tokens: FakeUpstream, tmp_path: Path
) -> AsyncIterator[tuple[Weir, Mapping[str, str], str]]:
    """A Weir, the header that it is to show, and the path of its model."""
    if request.param == "gemini":
        configured = tree(upstream, kind="gemini", api_key=KEY)
        shown, path = {"x-goog-api-key": KEY}, "/v1beta/models/vendor-m"
    else:
        file = key_file(tmp_path / "key.json", f"{tokens.origin}/token")
        vertex = {"project": "p", "location": "europe-west4", "service_account_file": str(file)}
        configured = tree(upstream, kind="vertex", vertex=vertex)
        shown = {"authorization": f"Bearer {TOKEN}"}
        path = "/v1beta/projects/p/locations/europe-west4/publishers/google/models/vendor-m"
    async with serving(configured) as weir:
        yield weir, shown, path


Door = tuple[Weir, Mapping[str, str], str]


async def test_a_chat_is_answered(upstream: FakeUpstream, door: Door) -> None:
    """Whole, with who asks in a header and not in the address."""
    weir, shown, path = door
    upstream.script(WHOLE)
    response = await weir.llm.Chat(chat_request("Hi", model="m"))
    assert [part.text for part in response.message.parts] == ["Hello there"]
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (19, 6)
    asked = upstream.journal[-1]
    assert asked.target == f"{path}:generateContent"
    for name, value in shown.items():
        assert asked.headers[name] == value
    assert {"x-goog-api-key", "authorization"} & set(
        map(str.lower, dict(asked.headers.pairs))
    ) == set(shown)


async def test_a_chat_is_streamed(upstream: FakeUpstream, door: Door) -> None:
    """As events, with the tokens at the end."""
    weir, _, path = door
    upstream.script(STREAMED)
    heard = await hear(weir.llm.StreamChat(stream_request("Hi", model="m")))
    assert (heard.code, heard.text) == (grpc.StatusCode.OK, "Hello there")
    assert heard.end.usage.total_tokens == 25
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_STOP
    assert upstream.journal[-1].target == f"{path}:streamGenerateContent?alt=sse"


LIMITED: Json = {
    "error": {
        "code": 429,
        "message": f"Slow down, {KEY}.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"},
        ],
    }
}


@pytest.mark.parametrize(
    "behaviour",
    [Reply(status=429, body=LIMITED), Sse(events=[event(LIMITED)])],
    ids=["status", "event"],
)
async def test_a_refusal_has_its_reason(
    upstream: FakeUpstream, door: Door, behaviour: Behaviour
) -> None:
    """Whether it comes with a status or within a stream, and without the vendor's words."""
    weir, _, _ = door
    upstream.script(behaviour)
    heard = await hear(weir.llm.StreamChat(stream_request("Hi", model="m")))
    assert heard.failure.reason == "UPSTREAM_RATE_LIMITED"
    assert KEY not in f"{heard.details} {heard.trailers}"


@pytest.mark.parametrize("behaviour", [Hang(), BEGUN], ids=["before", "amid"])
async def test_a_cancel_closes_the_upstream(
    upstream: FakeUpstream, door: Door, behaviour: Behaviour
) -> None:
    """Before the first words and after them."""
    weir, _, _ = door
    upstream.script(behaviour)
    call = weir.llm.StreamChat(stream_request("Hi", model="m"))
    await upstream.wait_for_attempts(1)
    if behaviour is BEGUN:
        await call.read()
    cancelled_at = time.monotonic()
    call.cancel()
    assert await upstream.wait_closed(upstream.journal[0]) - cancelled_at < 1.0


async def test_signatures_come_back_through_the_server(upstream: FakeUpstream, door: Door) -> None:
    """What a caller sends back unchanged reaches the vendor unchanged, empty texts included."""
    weir, _, _ = door
    turn: list[Json] = [
        {"text": "Let me look."},
        {"text": "", "thoughtSignature": "dGV4dA=="},
        {"functionCall": {"name": "now", "args": {}, "id": "h1"}, "thoughtSignature": "Y2FsbA=="},
    ]
    upstream.script(Reply(body=chunk(*turn, finish="STOP")))
    tool = Tool(function=FunctionTool(name="now"))
    first = await weir.llm.Chat(chat_request("What time is it?", model="m", tools=[tool]))
    upstream.script(WHOLE)
    result = ToolResultPart(tool_call_id="h1", name="now", content=[Part(text="12:00")])
    answered = Message(role=Role.ROLE_TOOL, parts=[Part(tool_result=result)])
    conversation = [user("What time is it?"), first.message, answered]
    await weir.llm.Chat(chat_request(conversation, model="m", tools=[tool]))
    assert upstream.journal[-1].json["contents"][1]["parts"] == turn


async def test_tokens_are_counted_by_the_vendor(
    upstream: FakeUpstream, tokens: FakeUpstream
) -> None:
    """Where the model's settings say so."""
    configured = tree(upstream, kind="gemini", api_key=KEY)
    configured["models"][0]["tokenizer"] = "provider"
    upstream.script(Reply(body={"totalTokens": 7}))
    async with serving(configured) as weir:
        counted = await weir.llm.CountTokens(
            CountTokensRequest(chat=chat_request("Hi", model="m"), model="m")
        )
    assert (counted.tokens, counted.exact, counted.tokenizer) == (7, True, "gemini:vendor-m")
    assert upstream.journal[-1].path == "/v1beta/models/vendor-m:countTokens"


async def test_texts_become_vectors(upstream: FakeUpstream, door: Door) -> None:
    """At either door."""
    weir, _, _ = door
    upstream.script(
        Reply(
            body={
                "embeddings": [{"values": [0.5]}],
                "predictions": [
                    {"embeddings": {"values": [0.5], "statistics": {"token_count": 1}}}
                ],
            }
        )
    )
    request = EmbedRequest(inputs=[EmbedInput(text="One.")], model="m")
    reply = await weir.embeddings.Embed(request)
    assert list(reply.embeddings[0].values) == [0.5]


async def test_many_texts_are_asked_for_in_turn(upstream: FakeUpstream) -> None:
    """A hundred at a time."""
    replies = [Reply(body={"embeddings": [{"values": [0.5]}] * count}) for count in (100, 20)]
    upstream.script(*replies)
    request = EmbedRequest(inputs=[EmbedInput(text="One.")] * 120, model="m")
    async with serving(tree(upstream, kind="gemini", api_key=KEY)) as weir:
        reply = await weir.embeddings.Embed(request)
    assert [embedding.index for embedding in reply.embeddings] == list(range(120))
    assert [len(attempt.json["requests"]) for attempt in upstream.journal] == [100, 20]


async def test_a_token_that_is_refused_is_the_providers_refusal(
    upstream: FakeUpstream, tokens: FakeUpstream, tmp_path: Path
) -> None:
    """Nothing is sent without one."""
    file = key_file(tmp_path / "key.json", f"{tokens.origin}/token")
    tokens.script(Reply(status=400, body={"error": "invalid_grant", "error_description": KEY}))
    vertex = {"project": "p", "service_account_file": str(file)}
    async with serving(tree(upstream, kind="vertex", vertex=vertex)) as weir:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await weir.llm.Chat(chat_request("Hi", model="m"))
    assert failure_of_error(refusal.value).reason == "UPSTREAM_CREDENTIALS_REJECTED"
    assert KEY not in str(refusal.value)
    assert not upstream.journal
