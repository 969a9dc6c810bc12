"""Does Anthropic's wire format say, mean and explain all that the contract of formats lists?"""

import json
from collections.abc import Mapping
from typing import Any

from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from typing_extensions import override

from tests.contracts.answers import (
    ARGUMENT_CHUNKS,
    ARGUMENTS_JSON,
    CACHE_WRITE_TOKENS,
    CACHED_TOKENS,
    CHUNKS,
    REASONING_TOKENS,
    SECRET,
    TEXT,
    THOUGHT,
    THOUGHT_CHUNKS,
)
from tests.contracts.asks import PDF_BASE64, PNG_BASE64, SCHEMA
from tests.contracts.vendor_wire import Dropped, Failed, Never, Recorded, Refused, VendorWireSuite
from tests.providers.wire import anthropic_words as w
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.providers.wire.anthropic.wire import AnthropicWire
from weir_server.providers.wire.base import Wire

MODEL = "test-1"
HI = {"role": "user", "content": "Hi"}
WEATHER = {"name": "get_weather", "description": "Tells the weather.", "input_schema": SCHEMA}
NOW = {"name": "now", "description": "Tells the time.", "input_schema": {"type": "object"}}


def _messages(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), "max_tokens": 8192, **more}


def _with(**more: Any) -> dict[str, Any]:
    return _messages(HI, **more)


def _extra(**more: Any) -> dict[str, Any]:
    """The SDK's types have no sampling any more; its guide says to send it so."""
    return _with(extra_body=more)


def _look(*content: Any) -> dict[str, Any]:
    return _messages({"role": "user", "content": [w.text("What is it?"), *content]})


def _image(source: dict[str, Any]) -> dict[str, Any]:
    return {"type": "image", "source": source}


PNG = _image({"type": "base64", "media_type": "image/png", "data": PNG_BASE64})


def _after_call(asked: str, content: Any, **more: Any) -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": content, **more}
    return _messages(
        {"role": "user", "content": asked},
        {"role": "assistant", "content": [w.call("call_1", "get_weather", {"city": "Oslo"})]},
        {"role": "user", "content": [result]},
        tools=[WEATHER, NOW],
    )


ASKS: Mapping[str, Any] = {
    "one message": _with(),
    "instructions": _with(system="Be brief."),
    "several instructions": _with(system=[w.text("Be brief."), w.text("In French.")]),
    "several parts": _messages({"role": "user", "content": [w.text("One."), w.text("Two.")]}),
    "turns": _messages(
        HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Again"}
    ),
    "what is to be gone on with": _messages(
        {"role": "user", "content": "Count to three."},
        {"role": "assistant", "content": "One, two,"},
    ),
    "text beyond ASCII": _messages({"role": "user", "content": 'Grüße 👋🏽 "\u2028\x7f\\'}),
    "an image by its bytes": _look(PNG),
    "an image by its address": _look(_image({"type": "url", "url": "https://example.com/cat.png"})),
    "sound": Refused(field="messages[0].parts[1].media", why="models hear nothing"),
    "a document": _look(
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF_BASE64},
            "title": "report.pdf",
        }
    ),
    "tools": _with(tools=[WEATHER, NOW]),
    "a strict tool": _with(tools=[{"name": "get_weather", "input_schema": SCHEMA, "strict": True}]),
    "the model decides": _with(tools=[WEATHER], tool_choice={"type": "auto"}),
    "no tool": _with(tools=[WEATHER], tool_choice={"type": "none"}),
    "any tool": _with(tools=[WEATHER], tool_choice={"type": "any"}),
    "one tool": _with(tools=[WEATHER], tool_choice={"type": "tool", "name": "get_weather"}),
    "one call at a time": _with(
        tools=[WEATHER], tool_choice={"type": "auto", "disable_parallel_tool_use": True}
    ),
    "a tool's answer": _after_call("Is it warm?", "4 degrees"),
    "answers of several tools": _messages(
        {"role": "user", "content": "Is it warm now?"},
        {
            "role": "assistant",
            "content": [
                w.text("I look."),
                w.call("call_1", "get_weather", {"city": "Oslo"}),
                w.call("call_2", "now", {}),
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "4 degrees"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": "12:00"},
                w.text("And now?"),
            ],
        },
        tools=[WEATHER, NOW],
    ),
    "a tool that failed": _after_call("Is it warm?", "no such city", is_error=True),
    "a tool's answer with an image": _after_call("How does it look?", [w.text("Like this:"), PNG]),
    "temperature and top_p": _extra(temperature=0.5, top_p=0.9),
    "zeros": _extra(temperature=0.0, top_p=0.0),
    "top_k": _extra(top_k=40),
    "a bound of tokens": _with(max_tokens=100),
    "stop sequences": _with(stop_sequences=["\n\n", "END"]),
    "a seed": Dropped(field="options.seed", why="no such option", said=_with()),
    "penalties": Dropped(field="options.presence_penalty", why="no such options", said=_with()),
    "log probabilities": Dropped(
        field="options.top_logprobs", why="the vendor tells none", said=_with()
    ),
    "a bias": Dropped(field="options.logit_bias", why="no such option", said=_with()),
    "a JSON object": Dropped(
        field="options.output_format.json_object", why="only with a schema", said=_with()
    ),
    "a schema": _with(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    "much reasoning": _with(thinking={"type": "adaptive"}, output_config={"effort": "high"}),
    "reasoning of so many tokens": _with(
        max_tokens=8192, thinking={"type": "enabled", "budget_tokens": 2048}
    ),
    "an end user": _with(metadata={"user_id": "u-1"}),
    "labels stay here": _with(),
    "a hint to cache": _with(
        system=[w.text("A long text.", cache_control={"type": "ephemeral", "ttl": "5m"})]
    ),
}


def _recorded(
    blocks: list[list[w.Json]], *content: w.Json, stop: str = "end_turn", **more: Any
) -> Recorded:
    counted = more.pop("usage", {})
    told = {name: counted[name] for name in ("output_tokens_details",) if name in counted}
    events = [event for events in blocks for event in events]
    used = w.usage(**counted)
    return Recorded(
        unary=json.dumps(w.message(*content, stop=stop, usage=used, **more)).encode(),
        stream=w.stream_of(
            w.started(usage=used), w.PING, *events, *w.stopped(stop, **told, **more)
        ),
    )


def _text(stop: str = "end_turn", **more: Any) -> Recorded:
    return _recorded([w.text_block(0, CHUNKS)], w.text(TEXT), stop=stop, **more)


_ARGUMENTS = json.loads(ARGUMENTS_JSON)
assert "".join(ARGUMENT_CHUNKS) == ARGUMENTS_JSON

ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _text(),
    "nothing": _recorded([]),
    "a tool call": _recorded(
        [w.call_block(0, "toolu_1", "get_weather", ARGUMENT_CHUNKS)],
        w.call("toolu_1", "get_weather", _ARGUMENTS),
        stop="tool_use",
    ),
    "a tool call without arguments": _recorded(
        [w.call_block(0, "toolu_1", "now", ())], w.call("toolu_1", "now", {}), stop="tool_use"
    ),
    "several tool calls": _recorded(
        [
            w.call_block(0, "toolu_1", "get_weather", ARGUMENT_CHUNKS),
            w.call_block(1, "toolu_2", "now", ("{}",)),
        ],
        w.call("toolu_1", "get_weather", _ARGUMENTS),
        w.call("toolu_2", "now", {}),
        stop="tool_use",
    ),
    "text and a tool call": _recorded(
        [w.text_block(0, CHUNKS), w.call_block(1, "toolu_1", "get_weather", ARGUMENT_CHUNKS)],
        w.text(TEXT),
        w.call("toolu_1", "get_weather", _ARGUMENTS),
        stop="tool_use",
    ),
    "reasoning": _recorded(
        [w.thinking_block(0, THOUGHT_CHUNKS, "EqQB/sig=="), w.text_block(1, CHUNKS)],
        w.thinking(THOUGHT, "EqQB/sig=="),
        w.text(TEXT),
        usage={"output_tokens_details": {"thinking_tokens": REASONING_TOKENS}},
    ),
    "a stop sequence": _text("stop_sequence", stop_sequence="END"),
    "the bound of tokens": _text("max_tokens"),
    "a refusal": Never(why="a model refuses in plain text; `refusal` is the vendor's classifiers"),
    "withheld by a filter": _recorded(
        [],
        stop="refusal",
        stop_details={"type": "refusal", "category": "cyber", "explanation": None},
    ),
    "tokens from a cache": _text(
        usage={
            "cache_read_input_tokens": CACHED_TOKENS,
            "cache_creation_input_tokens": CACHE_WRITE_TOKENS,
        }
    ),
}


def _failed(status: int, kind: str, said: str = "No", **headers: str) -> Failed:
    error = {"type": kind, "message": f"{said}: {SECRET}"}
    return Failed(
        status=status,
        body=json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


ERRORS: Mapping[str, Failed | Never] = {
    "bad request": _failed(400, "invalid_request_error"),
    "wrong key": _failed(401, "authentication_error"),
    "forbidden": _failed(403, "permission_error"),
    "no such model": _failed(404, "not_found_error", "model: test-1"),
    "prompt too long": _failed(
        400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"
    ),
    "request too large": _failed(413, "request_too_large"),
    "rate limit": _failed(429, "rate_limit_error", retry_after="7"),
    "no money left": _failed(402, "billing_error"),
    "overloaded": _failed(529, "overloaded_error"),
    "blocked by a filter": _failed(
        400, "invalid_request_error", "Output blocked by content filtering policy"
    ),
    "internal": _failed(500, "api_error"),
}


class TestAnthropic(VendorWireSuite):
    """Anthropic's Messages API."""

    unary_reply = Reply(body=w.message(w.text(TEXT)))
    stream_reply = Sse(
        events=w.encode_events([w.started(), *w.text_block(0, CHUNKS), *w.stopped()])
    )

    @override
    def wire(self) -> Wire:
        return AnthropicWire()

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        # Building a verifying TLS context takes 45 ms, and the fake speaks plain HTTP here.
        http_client = DefaultAsyncHttpxClient(verify=False)
        async with AsyncAnthropic(
            base_url=url, api_key="sk-fake", max_retries=0, http_client=http_client
        ) as sdk:
            if not stream:
                await sdk.messages.create(model=MODEL, **said)
                return
            events = await sdk.messages.create(model=MODEL, stream=True, **said)
            async for _ in events:
                pass

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS
