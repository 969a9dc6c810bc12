"""The Responses API behind a whole Weir: what goes out, what comes back, what a cancel closes."""

import json
import time

import grpc
import grpc.aio
import pytest

from tests.providers.wire import responses_words as w
from tests.service.weir import (
    chat_request,
    failure_of_error,
    hear,
    serving,
    stream_request,
    upstream_tree,
    user,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.upstream import FakeUpstream

WHOLE = w.response(w.reasoning("Hm."), w.message(w.text("Hello there")))
EVENTS = w.sse(*w.stream(WHOLE, [], ["Hello", " there"]))
ALLOWED_CANCEL_S = 0.5


async def test_a_whole_answer_and_what_follows_it() -> None:
    """The key is a bearer token, nothing is kept there, and thoughts go back in the next turn."""
    async with (
        FakeUpstream(Reply(body=WHOLE)) as upstream,
        serving(upstream_tree(upstream.url, kind="openai-responses")) as weir,
    ):
        first = await weir.llm.Chat(chat_request("hello", model="m"))
        await weir.llm.Chat(
            ChatRequest(messages=[user("hello"), first.message, user("more")], model="m")
        )

    asked, again = upstream.journal
    assert asked.path.endswith("/v1/responses")
    assert asked.headers.get("authorization") == "Bearer sk-test-canary-key"
    assert asked.json == {
        "model": "vendor-m",
        "input": [{"role": "user", "content": "hello"}],
        "store": False,
    }
    assert [part.WhichOneof("kind") for part in first.message.parts] == ["reasoning", "text"]
    assert first.usage.total_tokens == 25
    thought, text = again.json["input"][1:3]
    assert thought == WHOLE["output"][0]
    assert text["id"] == "msg_1"
    assert again.json["include"] == ["reasoning.encrypted_content"]


async def test_a_stream() -> None:
    """Word by word, with the vendor's count at its end."""
    async with (
        FakeUpstream(Sse(events=EVENTS)) as upstream,
        serving(
            upstream_tree(upstream.url, kind="openai-responses", organization_id="org-1")
        ) as weir,
    ):
        heard = await hear(weir.llm.StreamChat(stream_request("hello", model="m")))

    assert heard.code == grpc.StatusCode.OK
    assert heard.text == "Hm.Hello there"
    assert heard.end.usage.completion_tokens == 6
    assert upstream.journal[0].json["stream"] is True
    assert upstream.journal[0].headers.get("openai-organization") == "org-1"


async def test_an_error_has_its_reason() -> None:
    """By status, and by code in an answer that failed with status 200."""
    refused = {"error": {"message": "sk-canary", "type": "x", "code": "model_not_found"}}
    failed = w.response(status="failed", error={"code": "invalid_prompt", "message": "sk-canary"})
    async with (
        FakeUpstream(Reply(status=404, body=refused)) as upstream,
        serving(upstream_tree(upstream.url, kind="openai-responses")) as weir,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await weir.llm.Chat(chat_request("hello", model="m"))
        upstream.script(Reply(body=failed))
        with pytest.raises(grpc.aio.AioRpcError) as rejected:
            await weir.llm.Chat(chat_request("hello", model="m"))

    assert failure_of_error(unknown.value).reason == "UPSTREAM_MODEL_NOT_FOUND"
    assert failure_of_error(rejected.value).reason == "UPSTREAM_REJECTED_REQUEST"
    for error in (unknown.value, rejected.value):
        assert "canary" not in json.dumps([str(error.details()), str(error.trailing_metadata())])


async def test_a_cancelled_stream_closes_the_upstream() -> None:
    """While the vendor is silent in the middle of its answer."""
    begun = Sse(events=EVENTS[:6], ending=Ending.STALL)
    async with (
        FakeUpstream(begun) as upstream,
        serving(upstream_tree(upstream.url, kind="openai-responses")) as weir,
    ):
        call = weir.llm.StreamChat(stream_request("hello", model="m"))
        await call.read()
        cancelled_at = time.monotonic()
        call.cancel()
        closed_at = await upstream.wait_closed(upstream.journal[0])

    assert closed_at - cancelled_at < ALLOWED_CANCEL_S
