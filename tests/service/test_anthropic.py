"""Through the real server: a provider of kind `anthropic`, asked, streamed, counted, cancelled."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from tests.providers.wire import anthropic_words as w
from tests.service.asking import refused
from tests.service.weir import (
    Weir,
    chat_request,
    hear,
    serving,
    stream_request,
    upstream_tree,
    user,
)
from weir.v1.content_pb2 import Message, Role
from weir.v1.generation_pb2 import FinishReason
from weir.v1.provider_service_pb2 import (
    CountTokensRequest,
    ProviderConfig,
    ValidateConfigRequest,
)
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.upstream import FakeUpstream

KEY = "sk-test-canary-key"
CALL = w.message(
    w.thinking("Which?", "EqQB/sig=="),
    w.text("I look."),
    w.call("toolu_1", "now", {}),
    stop="tool_use",
)
STREAM = Sse(
    events=w.encode_events(
        [
            w.started(),
            w.PING,
            *w.thinking_block(0, ["Whi", "ch?"], "EqQB/sig=="),
            *w.text_block(1, ["I ", "look."]),
            *w.call_block(2, "toolu_1", "now", ["{}"]),
            *w.stopped("tool_use"),
        ]
    )
)


@pytest.fixture
async def claude(upstream: FakeUpstream) -> AsyncIterator[Weir]:
    """A Weir whose model `m` is Anthropic's, at the fake's address."""
    async with serving(upstream_tree(upstream.origin, kind="anthropic", max_retries=0)) as weir:
        yield weir


async def test_an_answer_and_its_stream_are_the_same(upstream: FakeUpstream, claude: Weir) -> None:
    """With the key in its own header, and no other; what was thought keeps its signature."""
    upstream.script(Reply(body=CALL), STREAM)

    reply = await claude.llm.Chat(chat_request("hello", model="m"))
    heard = await hear(claude.llm.StreamChat(stream_request("hello", model="m")))

    for attempt, streamed in zip(upstream.journal, (False, True), strict=True):
        headers = attempt.headers
        assert (attempt.method, attempt.path) == ("POST", "/v1/messages")
        assert headers["x-api-key"] == KEY
        assert headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in headers
        assert attempt.json.get("stream", False) is streamed
    assert reply.finish_reason == FinishReason.FINISH_REASON_TOOL_CALLS
    assert reply.metadata.model == "claude-test-1"
    assert reply.usage.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (19, 6)
    assert [part.WhichOneof("kind") for part in reply.message.parts] == [
        "reasoning",
        "text",
        "tool_call",
    ]
    assert heard.code.name == "OK"
    assert heard.text == "Which?I look."
    assert heard.end.usage == reply.usage
    assert heard.end.finish_reason == reply.finish_reason


async def test_the_next_turn_goes_back_as_it_was_said(upstream: FakeUpstream, claude: Weir) -> None:
    """A caller sends the answer back as it got it, and the vendor gets its own blocks."""
    upstream.script(Reply(body=CALL), Reply(body=w.message(w.text("Noon."))))
    reply = await claude.llm.Chat(chat_request("When?", model="m"))
    answered = Message(role=Role.ROLE_TOOL)
    answered.parts.add().tool_result.tool_call_id = "toolu_1"

    await claude.llm.Chat(chat_request([user("When?"), reply.message, answered], model="m"))

    assert upstream.journal[1].json["messages"][1:] == [
        {"role": "assistant", "content": CALL["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]},
    ]


async def test_a_refusal_has_its_reason_and_no_text(upstream: FakeUpstream, claude: Weir) -> None:
    """Unary, before a stream, and inside one: overloaded is told as such, without its words."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": f"No {KEY}"}}
    inside = Sse(events=w.encode_events([w.started(), error]))
    upstream.script(*[Reply(status=529, body=error)] * 2, inside)

    refusal = await refused(claude.llm.Chat(chat_request("hello", model="m")))
    before = await hear(claude.llm.StreamChat(stream_request("hello", model="m")))
    within = await hear(claude.llm.StreamChat(stream_request("hello", model="m")))

    assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_OVERLOADED")
    for heard in (before, within):
        assert heard.failure.reason == "UPSTREAM_OVERLOADED"
        assert KEY not in heard.details
        assert KEY not in str(heard.trailers)


async def test_an_error_after_output_breaks_the_stream(
    upstream: FakeUpstream, claude: Weir
) -> None:
    """What was said until then is told, and that it is not all."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    upstream.script(Sse(events=w.encode_events([w.started(), *w.text_block(0, ["Hel"]), error])))

    heard = await hear(claude.llm.StreamChat(stream_request("hello", model="m")))

    assert heard.text == "Hel"
    assert heard.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert heard.end.usage.source == UsageSource.USAGE_SOURCE_PARTIAL


async def test_a_cancel_closes_the_upstream(upstream: FakeUpstream, claude: Weir) -> None:
    """At once, in the middle of a stream."""
    begun = w.encode_events([w.started(), *w.text_block(0, ["Hel"])])
    upstream.script(Sse(events=begun, ending=Ending.STALL))
    call = claude.llm.StreamChat(stream_request("hello", model="m"))
    await call.read()

    cancelled_at = time.monotonic()
    call.cancel()

    assert await upstream.wait_closed(upstream.journal[0]) - cancelled_at < 0.1
    with pytest.raises(asyncio.CancelledError):
        await call.read()


async def test_the_vendor_counts(upstream: FakeUpstream, claude: Weir) -> None:
    """A chat exactly, a text with the frame of a message around it."""
    upstream.script(*[Reply(body={"input_tokens": 14})] * 2)

    chat = await claude.llm.CountTokens(CountTokensRequest(chat=chat_request("Hi", model="m")))
    text = await claude.llm.CountTokens(CountTokensRequest(text="Hi", model="m"))

    assert [attempt.path for attempt in upstream.journal] == ["/v1/messages/count_tokens"] * 2
    assert upstream.journal[0].json == {
        "model": "vendor-m",
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert (chat.tokens, chat.exact, chat.tokenizer) == (14, True, "anthropic:vendor-m")
    assert (text.tokens, text.exact) == (14, False)


async def test_a_probe_lists_models_with_the_key(upstream: FakeUpstream) -> None:
    """One that a caller brings in, too; an organization is no part of this API."""
    upstream.script(Reply(body=json.dumps({"data": [], "has_more": False}).encode()))
    config = ProviderConfig(provider_kind="anthropic", endpoint=upstream.origin, api_key=KEY)
    tree = {"upstream": {"private_hosts": ["127.0.0.1"], "allow_insecure_http": True}}
    async with serving({**upstream_tree(upstream.origin), **tree}) as weir:
        found = await weir.llm.ValidateConfig(ValidateConfigRequest(config=config, probe=True))
        config.organization_id = "org-1"
        wrong = await weir.llm.ValidateConfig(ValidateConfigRequest(config=config))

    (attempt,) = upstream.journal
    headers = attempt.headers
    assert found.valid
    assert not found.HasField("probe_error")
    assert (attempt.method, attempt.path) == ("GET", "/v1/models")
    assert (headers["x-api-key"], headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert [violation.field for violation in wrong.violations] == ["config.organization_id"]
