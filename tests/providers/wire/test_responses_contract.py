"""Does the Responses format say, mean and explain all that the contract of wire formats lists?"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from tests.contracts.answers import (
    ARGUMENT_CHUNKS,
    ARGUMENTS_JSON,
    CACHE_WRITE_TOKENS,
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
from tests.contracts.asks import PDF_BASE64, PNG_BASE64, SCHEMA
from tests.contracts.vendor_wire import Dropped, Failed, Never, Recorded, Refused, VendorWireSuite
from tests.fakes_selftest.sdk import sdk_for
from tests.providers.wire import responses_words as w
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.responses.wire import ResponsesWire

HI = {"role": "user", "content": "Hi"}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather.",
    "parameters": SCHEMA,
    "strict": None,
}
NOW = {
    "type": "function",
    "name": "now",
    "description": "Tells the time.",
    "parameters": {"type": "object", "properties": {}},
    "strict": None,
}


def _said(*items: Any, **more: Any) -> dict[str, Any]:
    return {"input": list(items), "store": False, **more}


def _with(**more: Any) -> dict[str, Any]:
    return _said(HI, **more)


def _look(*content: Any) -> dict[str, Any]:
    said = [{"type": "input_text", "text": "What is it?"}, *content]
    return _said({"role": "user", "content": said})


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def _result(call_id: str, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _after_call(asked: str, output: Any) -> dict[str, Any]:
    return _said(
        {"role": "user", "content": asked},
        _call("call_1", "get_weather", '{"city":"Oslo"}'),
        _result("call_1", output),
        tools=[WEATHER, NOW],
    )


def _never(option: str) -> Dropped:
    return Dropped(field=f"options.{option}", why="no such option", said=_with())


ASKS: Mapping[str, Any] = {
    "one message": _with(),
    "instructions": _said({"role": "system", "content": "Be brief."}, HI),
    "several instructions": _said(
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "In French."},
        HI,
    ),
    "several parts": _said(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "One."},
                {"type": "input_text", "text": "Two."},
            ],
        }
    ),
    "turns": _said(
        HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Again"}
    ),
    "what is to be gone on with": _said(
        {"role": "user", "content": "Count to three."},
        {"role": "assistant", "content": "One, two,"},
    ),
    "text beyond ASCII": _said({"role": "user", "content": 'Grüße 👋🏽 "\u2028\x7f\\'}),
    "an image by its bytes": _look(
        {
            "type": "input_image",
            "image_url": f"data:image/png;base64,{PNG_BASE64}",
            "detail": "auto",
        }
    ),
    "an image by its address": _look(
        {"type": "input_image", "image_url": "https://example.com/cat.png", "detail": "auto"}
    ),
    "sound": Refused(
        field="messages[0].parts[1].media", why="messages of this API hold no sound, says the SDK"
    ),
    "a document": _look(
        {
            "type": "input_file",
            "filename": "report.pdf",
            "file_data": f"data:application/pdf;base64,{PDF_BASE64}",
        }
    ),
    "tools": _with(tools=[WEATHER, NOW]),
    "a strict tool": _with(
        tools=[{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}]
    ),
    "the model decides": _with(tools=[WEATHER], tool_choice="auto"),
    "no tool": _with(tools=[WEATHER], tool_choice="none"),
    "any tool": _with(tools=[WEATHER], tool_choice="required"),
    "one tool": _with(tools=[WEATHER], tool_choice={"type": "function", "name": "get_weather"}),
    "one call at a time": _with(tools=[WEATHER], parallel_tool_calls=False),
    "a tool's answer": _after_call("Is it warm?", "4 degrees"),
    "answers of several tools": _said(
        {"role": "user", "content": "Is it warm now?"},
        {"role": "assistant", "content": "I look."},
        _call("call_1", "get_weather", '{"city":"Oslo"}'),
        _call("call_2", "now", "{}"),
        _result("call_1", "4 degrees"),
        _result("call_2", "12:00"),
        {"role": "user", "content": "And now?"},
        tools=[WEATHER, NOW],
    ),
    "a tool that failed": _after_call("Is it warm?", "Error: no such city"),
    "a tool's answer with an image": _after_call(
        "How does it look?",
        [
            {"type": "input_text", "text": "Like this:"},
            {
                "type": "input_image",
                "image_url": f"data:image/png;base64,{PNG_BASE64}",
                "detail": "auto",
            },
        ],
    ),
    "temperature and top_p": _with(temperature=0.5, top_p=0.9),
    "zeros": _with(temperature=0.0, top_p=0.0),
    "top_k": _never("top_k"),
    "a bound of tokens": _with(max_output_tokens=100),
    "stop sequences": _never("stop_sequences"),
    "a seed": _never("seed"),
    "penalties": _never("presence_penalty"),
    "log probabilities": _with(include=["message.output_text.logprobs"], top_logprobs=3),
    "a bias": _never("logit_bias"),
    "a JSON object": _with(text={"format": {"type": "json_object"}}),
    "a schema": _with(
        text={"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}
    ),
    "much reasoning": _with(reasoning={"effort": "high"}, include=["reasoning.encrypted_content"]),
    "reasoning of so many tokens": Dropped(
        field="options.reasoning.budget_tokens",
        why="reasoning has an effort, no budget",
        said=_with(max_output_tokens=8192, include=["reasoning.encrypted_content"]),
    ),
    "an end user": _with(safety_identifier="u-1"),
    "labels stay here": _with(),
    "a hint to cache": _said({"role": "system", "content": "A long text."}, HI),
}

USAGE = w.usage(PROMPT_TOKENS, COMPLETION_TOKENS)


def _recorded(whole: w.Json, *pieces: Sequence[str]) -> Recorded:
    return Recorded(
        unary=json.dumps(whole).encode(), stream=b"".join(w.sse(*w.stream(whole, *pieces)))
    )


def _answer(
    items: Sequence[w.Json], *pieces: Sequence[str], usage: w.Json = USAGE, **fields: Any
) -> Recorded:
    return _recorded(w.response(*items, usage_=usage, **fields), *pieces)


_TEXT = w.message(w.text(TEXT))
_WEATHER = w.call("call_1", "get_weather", ARGUMENTS_JSON)
_NOW = w.call("call_2", "now", "{}", item_id="fc_2")

ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _answer([_TEXT], CHUNKS),
    "nothing": _answer([w.message(w.text(""))]),
    "a tool call": _answer([_WEATHER], ARGUMENT_CHUNKS),
    "a tool call without arguments": _answer([w.call("call_1", "now", "{}")]),
    "several tool calls": _answer([_WEATHER, _NOW], ARGUMENT_CHUNKS),
    "text and a tool call": _answer([_TEXT, _WEATHER], CHUNKS, ARGUMENT_CHUNKS),
    "reasoning": _answer(
        [w.reasoning(content=[{"type": "reasoning_text", "text": THOUGHT}]), _TEXT],
        THOUGHT_CHUNKS,
        CHUNKS,
        usage=w.usage(PROMPT_TOKENS, COMPLETION_TOKENS, reasoning=REASONING_TOKENS),
    ),
    "a stop sequence": Never(why="there are none to ask for"),
    "the bound of tokens": _answer(
        [w.message(w.text(TEXT), status="incomplete")],
        CHUNKS,
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    ),
    "a refusal": _answer([w.message(w.refusal("I will not."))], ("I will", " not.")),
    "withheld by a filter": _answer(
        [], status="incomplete", incomplete_details={"reason": "content_filter"}
    ),
    "tokens from a cache": _answer(
        [_TEXT],
        CHUNKS,
        usage=w.usage(
            PROMPT_TOKENS,
            COMPLETION_TOKENS,
            cached=CACHED_TOKENS,
            cache_write=CACHE_WRITE_TOKENS,
        ),
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
    "no such model": _failed(400, "invalid_request_error", "model_not_found"),
    "prompt too long": _failed(400, "invalid_request_error", "context_length_exceeded"),
    "request too large": _failed(413, "invalid_request_error"),
    "rate limit": _failed(429, "tokens", "rate_limit_exceeded", retry_after_ms="7000"),
    "no money left": _failed(429, "insufficient_quota", "insufficient_quota"),
    "overloaded": _failed(503, "service_unavailable_error", "overloaded"),
    "blocked by a filter": _failed(400, "invalid_request_error", "invalid_prompt"),
    "internal": _failed(500, "server_error"),
}


class TestResponses(VendorWireSuite):
    """OpenAI's Responses API, with nothing kept there."""

    unary_reply = Reply(body=w.response(_TEXT))
    stream_reply = Sse(events=w.sse(*w.stream(w.response(_TEXT), CHUNKS)))

    @override
    def wire(self) -> Wire:
        return ResponsesWire()

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        async with sdk_for(f"{url}/v1", strict=True) as sdk:
            if not stream:
                await sdk.responses.create(model=w.MODEL, **said)
                return
            async for _ in await sdk.responses.create(model=w.MODEL, stream=True, **said):
                pass

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS

    @override
    def streams(self) -> Mapping[str, bytes]:
        """Those whose events differ; a few answers are others' again but for a number."""
        again = ("tokens from a cache", "a tool call", "a tool call without arguments", "nothing")
        return {name: said for name, said in super().streams().items() if name not in again}
