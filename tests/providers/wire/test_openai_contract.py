"""Does OpenAI's wire format say, mean and explain all that the contract of wire formats lists?"""

import json
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from tests.contracts.answers import (
    ARGUMENT_CHUNKS,
    ARGUMENTS_JSON,
    CACHED_TOKENS,
    CHUNKS,
    COMPLETION_TOKENS,
    PROMPT_TOKENS,
    REASONING_TOKENS,
    SECRET,
    TEXT,
    THOUGHT,
    THOUGHT_CHUNKS,
)
from tests.contracts.asks import PDF_BASE64, PNG_BASE64, SCHEMA, WAV_BASE64
from tests.contracts.vendor_wire import Dropped, Failed, Never, Recorded, Refused, VendorWireSuite
from tests.fakes_selftest.sdk import sdk_for
from tests.providers.wire.samples import stream_of
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.openai_wire import encode_events
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.openai.wire import OpenAIWire

MODEL = "test-1"
HI = {"role": "user", "content": "Hi"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": SCHEMA,
    },
}
NOW = {"type": "function", "function": {"name": "now", "description": "Tells the time."}}
C = w.ChatChunks()
USAGE = w.usage(PROMPT_TOKENS, COMPLETION_TOKENS)


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _messages(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def _with(**more: Any) -> dict[str, Any]:
    return {"messages": [HI], **more}


def _look(*content: Any) -> dict[str, Any]:
    said = [{"type": "text", "text": "What is it?"}, *content]
    return _messages({"role": "user", "content": said})


def _after_call(content: str) -> dict[str, Any]:
    return _messages(
        {"role": "user", "content": "Is it warm?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [_call("call_1", "get_weather", '{"city":"Oslo"}')],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": content},
        tools=[WEATHER, NOW],
    )


ASKS: Mapping[str, Any] = {
    "one message": _with(),
    "instructions": _messages({"role": "system", "content": "Be brief."}, HI),
    "several instructions": _messages(
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "In French."},
        HI,
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
    "an image by its bytes": _look(
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}}
    ),
    "an image by its address": _look(
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    ),
    "sound": _look({"type": "input_audio", "input_audio": {"data": WAV_BASE64, "format": "wav"}}),
    "a document": _look(
        {
            "type": "file",
            "file": {
                "filename": "report.pdf",
                "file_data": f"data:application/pdf;base64,{PDF_BASE64}",
            },
        }
    ),
    "tools": _with(tools=[WEATHER, NOW]),
    "a strict tool": _with(
        tools=[
            {
                "type": "function",
                "function": {"name": "get_weather", "parameters": SCHEMA, "strict": True},
            }
        ]
    ),
    "the model decides": _with(tools=[WEATHER], tool_choice="auto"),
    "no tool": _with(tools=[WEATHER], tool_choice="none"),
    "any tool": _with(tools=[WEATHER], tool_choice="required"),
    "one tool": _with(
        tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}}
    ),
    "one call at a time": _with(tools=[WEATHER], parallel_tool_calls=False),
    "a tool's answer": _after_call("4 degrees"),
    "answers of several tools": _messages(
        {"role": "user", "content": "Is it warm now?"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                _call("call_1", "get_weather", '{"city":"Oslo"}'),
                _call("call_2", "now", "{}"),
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
    "temperature and top_p": _with(temperature=0.5, top_p=0.9),
    "zeros": _with(temperature=0.0, top_p=0.0),
    "top_k": Dropped(field="options.top_k", why="no such option", said=_with()),
    "a bound of tokens": _with(max_completion_tokens=100),
    "stop sequences": _with(stop=["\n\n", "END"]),
    "a seed": _with(seed=7),
    "penalties": _with(frequency_penalty=0.5, presence_penalty=-0.5),
    "log probabilities": _with(logprobs=True, top_logprobs=3),
    "a bias": _with(logit_bias={"50256": -100}),
    "a JSON object": _with(response_format={"type": "json_object"}),
    "a schema": _with(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
        }
    ),
    "much reasoning": _with(reasoning_effort="high"),
    "reasoning of so many tokens": Dropped(
        field="options.reasoning.budget_tokens",
        why="reasoning has an effort, no budget",
        said=_with(max_completion_tokens=8192),
    ),
    "an end user": _with(safety_identifier="u-1"),
    "labels stay here": _with(),
    "a hint to cache": _messages({"role": "system", "content": "A long text."}, HI),
}


def _recorded(whole: w.Json, *chunks: w.Json, usage: w.Json = USAGE) -> Recorded:
    return Recorded(
        unary=json.dumps(whole).encode(), stream=stream_of(*chunks, C.last_usage(usage))
    )


def _text(finish: str = "stop", **extras: Any) -> Recorded:
    return _recorded(
        w.chat_completion(TEXT, finish_reason=finish, usage_=USAGE),
        C.role(),
        *map(C.content, CHUNKS),
        C.finish(finish),
    )


def _tools(*calls: tuple[str, str, tuple[str, ...]], text: bool = False) -> Recorded:
    chunks = [C.role("" if text else None), *(map(C.content, CHUNKS) if text else ())]
    for index, (call_id, name, pieces) in enumerate(calls):
        chunks.append(C.tool_call(index, call_id, name))
        chunks += [C.tool_arguments(index, piece) for piece in pieces]
    whole = w.chat_completion(
        TEXT if text else None,
        tool_calls=[w.tool_call(call_id, name, "".join(said)) for call_id, name, said in calls],
        usage_=USAGE,
    )
    return _recorded(whole, *chunks, C.finish("tool_calls"))


_WEATHER = ("call_1", "get_weather", ARGUMENT_CHUNKS)
assert "".join(ARGUMENT_CHUNKS) == ARGUMENTS_JSON

_CACHED = w.usage(PROMPT_TOKENS, COMPLETION_TOKENS, cached_tokens=CACHED_TOKENS)
_REASONED = w.usage(PROMPT_TOKENS, COMPLETION_TOKENS, reasoning_tokens=REASONING_TOKENS)

ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _text(),
    "nothing": _recorded(w.chat_completion("", usage_=USAGE), C.role(), C.finish("stop")),
    "a tool call": _tools(_WEATHER),
    "a tool call without arguments": _tools(("call_1", "now", ("{}",))),
    "several tool calls": _tools(_WEATHER, ("call_2", "now", ("{}",))),
    "text and a tool call": _tools(_WEATHER, text=True),
    "reasoning": _recorded(
        w.chat_completion(TEXT, usage_=_REASONED, message_extras={"reasoning_content": THOUGHT}),
        C.role(),
        *map(C.reasoning_content, THOUGHT_CHUNKS),
        *map(C.content, CHUNKS),
        C.finish("stop"),
        usage=_REASONED,
    ),
    "a stop sequence": Never(why="a stop sequence ends with `stop`, as every answer does"),
    "the bound of tokens": _text("length"),
    "a refusal": _recorded(
        w.chat_completion(None, refusal="I will not.", usage_=USAGE),
        C.role(None),
        *map(C.refusal, ("I will", " not.")),
        C.finish("stop"),
    ),
    "withheld by a filter": _recorded(
        w.chat_completion("", finish_reason="content_filter", usage_=USAGE),
        C.role(),
        C.finish("content_filter"),
    ),
    "tokens from a cache": _recorded(
        w.chat_completion(TEXT, usage_=_CACHED),
        C.role(),
        *map(C.content, CHUNKS),
        C.finish("stop"),
        usage=_CACHED,
    ),
}


def _failed(status: int, kind: str, code: str | None = None, **headers: str) -> Failed:
    error = {"message": f"No: {SECRET}", "type": kind, "param": None, "code": code}
    return Failed(
        status=status,
        body=json.dumps({"error": error}).encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


ERRORS: Mapping[str, Failed | Never] = {
    "bad request": _failed(400, "invalid_request_error"),
    "wrong key": _failed(401, "invalid_request_error", "invalid_api_key"),
    "forbidden": _failed(403, "permission_error"),
    "no such model": _failed(404, "invalid_request_error", "model_not_found"),
    "prompt too long": _failed(400, "invalid_request_error", "context_length_exceeded"),
    "request too large": _failed(413, "invalid_request_error"),
    "rate limit": _failed(429, "requests", "rate_limit_exceeded", retry_after="7"),
    "no money left": _failed(429, "insufficient_quota", "insufficient_quota"),
    "overloaded": _failed(503, "service_unavailable_error", "overloaded"),
    "blocked by a filter": _failed(400, "invalid_request_error", "content_policy_violation"),
    "internal": _failed(500, "server_error"),
}


class TestOpenAI(VendorWireSuite):
    """OpenAI's own dialect."""

    unary_reply = Reply(body=w.chat_completion())
    stream_reply = Sse(
        events=list(encode_events([C.role(), *map(C.content, CHUNKS), C.finish("stop")]))
    )

    @override
    def wire(self) -> Wire:
        return OpenAIWire()

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        async with sdk_for(f"{url}/v1") as sdk:
            if not stream:
                await sdk.chat.completions.create(model=MODEL, **said)
                return
            chunks = await sdk.chat.completions.create(
                model=MODEL, stream=True, stream_options={"include_usage": True}, **said
            )
            async for _ in chunks:
                pass

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS
