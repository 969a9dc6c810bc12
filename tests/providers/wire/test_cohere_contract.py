"""Does Cohere's wire format say, mean and explain all that the contract of wire formats lists?"""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from cohere import AsyncClientV2
from typing_extensions import override

from tests.contracts.answers import (
    ARGUMENT_CHUNKS,
    ARGUMENTS_JSON,
    CACHED_TOKENS,
    CHUNKS,
    SECRET,
    TEXT,
    THOUGHT,
    THOUGHT_CHUNKS,
)
from tests.contracts.asks import PNG_BASE64, SCHEMA
from tests.contracts.vendor_wire import Dropped, Failed, Never, Recorded, Refused, VendorWireSuite
from tests.providers.wire import cohere_samples as c
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.cohere.wire import CohereWire

HI = {"role": "user", "content": "Hi"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": SCHEMA,
    },
}
NOW = {
    "type": "function",
    "function": {
        "name": "now",
        "description": "Tells the time.",
        "parameters": {"type": "object", "properties": {}},
    },
}


def _messages(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def _with(**more: Any) -> dict[str, Any]:
    return _messages(HI, **more)


def _look(url: str) -> dict[str, Any]:
    said = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    return _messages({"role": "user", "content": said})


def _after_call(content: str) -> dict[str, Any]:
    return _messages(
        {"role": "user", "content": "Is it warm?"},
        {
            "role": "assistant",
            "tool_calls": [c.call("call_1", "get_weather", '{"city":"Oslo"}')],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": content},
        tools=[WEATHER, NOW],
    )


ASKS: Mapping[str, Any] = {
    "one message": _with(),
    "instructions": _messages({"role": "system", "content": "Be brief."}, HI),
    "several instructions": _messages(
        {"role": "system", "content": "Be brief."}, {"role": "system", "content": "In French."}, HI
    ),
    "several parts": _messages(
        {
            "role": "user",
            "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
        }
    ),
    "turns": _messages(
        HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Again"}
    ),
    "what is to be gone on with": _messages(
        {"role": "user", "content": "Count to three."},
        {"role": "assistant", "content": "One, two,"},
    ),
    "text beyond ASCII": _messages({"role": "user", "content": 'Grüße 👋🏽 "\u2028\x7f\\'}),
    "an image by its bytes": _look(f"data:image/png;base64,{PNG_BASE64}"),
    "an image by its address": _look("https://example.com/cat.png"),
    "sound": Refused(field="messages[0].parts[1].media", why="a user's content is text and images"),
    "a document": Refused(
        field="messages[0].parts[1].media", why="documents are texts, in a field of their own"
    ),
    "tools": _with(tools=[WEATHER, NOW]),
    "a strict tool": _with(
        tools=[{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}],
        strict_tools=True,
    ),
    "the model decides": _with(tools=[WEATHER]),
    "no tool": _with(tools=[WEATHER], tool_choice="NONE"),
    "any tool": _with(tools=[WEATHER], tool_choice="REQUIRED"),
    "one tool": Dropped(
        field="options.tool_choice.function_name",
        why="a tool is required or none is, whichever",
        said=_with(tools=[WEATHER]),
    ),
    "one call at a time": Dropped(
        field="options.parallel_tool_calls", why="no such option", said=_with(tools=[WEATHER])
    ),
    "a tool's answer": _after_call("4 degrees"),
    "answers of several tools": _messages(
        {"role": "user", "content": "Is it warm now?"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                c.call("call_1", "get_weather", '{"city":"Oslo"}'),
                c.call("call_2", "now", "{}"),
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
        {"role": "tool", "tool_call_id": "call_2", "content": "12:00"},
        {"role": "user", "content": "And now?"},
        tools=[WEATHER, NOW],
    ),
    "a tool that failed": _after_call("Error: no such city"),
    "a tool's answer with an image": Refused(
        field="messages[2].parts[0].tool_result.content[1].media",
        why="a tool's message is text in this protocol",
    ),
    "temperature and top_p": _with(temperature=0.5, p=0.9),
    "zeros": Dropped(field="options.top_p", why="p is at least 0.01", said=_with(temperature=0.0)),
    "top_k": _with(k=40),
    "a bound of tokens": _with(max_tokens=100),
    "stop sequences": _with(stop_sequences=["\n\n", "END"]),
    "a seed": _with(seed=7),
    "penalties": Dropped(
        field="options.presence_penalty",
        why="penalties are 0 to 1",
        said=_with(frequency_penalty=0.5),
    ),
    "log probabilities": Dropped(
        field="options.top_logprobs", why="those of the chosen tokens only", said=_with()
    ),
    "a bias": Dropped(field="options.logit_bias", why="no such option", said=_with()),
    "a JSON object": _with(response_format={"type": "json_object"}),
    "a schema": _with(response_format={"type": "json_object", "json_schema": SCHEMA}),
    "much reasoning": Dropped(
        field="options.reasoning.effort", why="on, off, or so many tokens", said=_with()
    ),
    "reasoning of so many tokens": _with(
        max_tokens=8192, thinking={"type": "enabled", "token_budget": 2048}
    ),
    "an end user": Dropped(field="options.end_user_id", why="no such field", said=_with()),
    "labels stay here": _with(),
    "a hint to cache": _messages({"role": "system", "content": "A long text."}, HI),
}

_WEATHER = ("call_1", "get_weather", ARGUMENT_CHUNKS)
assert "".join(ARGUMENT_CHUNKS) == ARGUMENTS_JSON


def _recorded(message: c.Json, *events: c.Json, finish: str, usage: c.Json = c.USAGE) -> Recorded:
    return Recorded(
        unary=json.dumps(c.whole(message, finish, usage)).encode(),
        stream=c.stream(c.start(), *events, c.end(finish, usage)),
    )


def _text(finish: str = "COMPLETE", usage: c.Json = c.USAGE) -> Recorded:
    return _recorded(
        {"content": [{"type": "text", "text": TEXT}]},
        *c.block(0, "text", CHUNKS),
        finish=finish,
        usage=usage,
    )


def _tools(*calls: tuple[str, str, tuple[str, ...]], text: bool = False) -> Recorded:
    events = c.block(0, "text", CHUNKS) if text else []
    for index, (call_id, name, pieces) in enumerate(calls):
        events += c.streamed_call(index, call_id, name, pieces)
    message: c.Json = {
        "tool_calls": [c.call(call_id, name, "".join(said)) for call_id, name, said in calls]
    }
    if text:
        message["content"] = [{"type": "text", "text": TEXT}]
    return _recorded(message, *events, finish="TOOL_CALL")


ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _text(),
    "nothing": _recorded(
        {"content": [{"type": "text", "text": ""}]}, *c.block(0, "text", ()), finish="COMPLETE"
    ),
    "a tool call": _tools(_WEATHER),
    "a tool call without arguments": _tools(("call_1", "now", ("{}",))),
    "several tool calls": _tools(_WEATHER, ("call_2", "now", ("{}",))),
    "text and a tool call": _tools(_WEATHER, text=True),
    "reasoning": _recorded(
        {"content": [{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": TEXT}]},
        *c.block(0, "thinking", THOUGHT_CHUNKS),
        *c.block(1, "text", CHUNKS),
        finish="COMPLETE",
    ),
    "a stop sequence": _text("STOP_SEQUENCE"),
    "the bound of tokens": _text("MAX_TOKENS"),
    "a refusal": Never(why="the model refuses in plain text"),
    "withheld by a filter": Never(why="a deny-listed word is an error with status 498"),
    "tokens from a cache": _text(usage={**c.USAGE, "cached_tokens": float(CACHED_TOKENS)}),
}


def _failed(status: int, message: str, **headers: str) -> Failed:
    return Failed(
        status=status,
        body=json.dumps({"id": "e-1", "message": f"{message} {SECRET}"}).encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


ERRORS: Mapping[str, Failed | Never] = {
    "bad request": _failed(400, "invalid request: message must be at least 1 token long."),
    "wrong key": _failed(401, "invalid api token"),
    "forbidden": _failed(403, "forbidden"),
    "no such model": _failed(404, "model 'x' not found, make sure the correct model ID was used"),
    "prompt too long": _failed(
        400, "too many tokens: total number of tokens in the prompt cannot exceed 10 - received 12."
    ),
    "request too large": _failed(413, "request entity too large"),
    "rate limit": _failed(
        429,
        "You are using a Trial key, which is limited to 40 API calls / minute.",
        retry_after="7",
    ),
    "no money left": _failed(
        429, "You are using a Trial key, which is limited to 1000 API calls / month."
    ),
    "overloaded": _failed(503, "service unavailable"),
    "blocked by a filter": _failed(498, "blocked input: deny-listed word"),
    "internal": _failed(500, "internal server error"),
}


class TestCohere(VendorWireSuite):
    """Version 2 of the API."""

    unary_reply = Reply(body=c.whole({"content": [{"type": "text", "text": TEXT}]}, "COMPLETE"))
    stream_reply = Sse(events=[c.stream(c.start(), *c.block(0, "text", CHUNKS), c.end("COMPLETE"))])

    @override
    def wire(self) -> Wire:
        return CohereWire()

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        # Building a verifying TLS context takes 45 ms, and the fake speaks plain HTTP here.
        async with httpx.AsyncClient(verify=False) as http:
            sdk = AsyncClientV2(api_key="key", base_url=url, httpx_client=http, max_retries=0)
            if not stream:
                await sdk.chat(model="test-1", **said)
                return
            async for _ in sdk.chat_stream(model="test-1", **said):
                pass

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS
