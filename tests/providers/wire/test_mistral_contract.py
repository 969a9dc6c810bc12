"""Does Mistral's dialect say, mean and explain all that the contract of wire formats lists?"""

import json
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from tests.contracts.answers import (
    ARGUMENTS_JSON,
    CACHED_TOKENS,
    CHUNKS,
    COMPLETION_TOKENS,
    PROMPT_TOKENS,
    SECRET,
    TEXT,
    THOUGHT_CHUNKS,
)
from tests.contracts.asks import PDF_BASE64, PNG_BASE64, WAV_BASE64
from tests.contracts.vendor_wire import Dropped, Failed, Never, Recorded, VendorWireSuite
from tests.providers.wire.mistral_sdk import mistral_for
from tests.providers.wire.samples import stream_of
from tests.providers.wire.test_openai_contract import ASKS as OPENAI_ASKS
from tests.providers.wire.test_openai_contract import HI, WEATHER
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.openai_wire import encode_events
from weir_server.providers.vendors.mistral import MISTRAL
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.openai.wire import OpenAIWire

Json = dict[str, Any]
MODEL = "test-1"
NOW = {
    "type": "function",
    "function": {
        "name": "now",
        "description": "Tells the time.",
        # The SDK's type asks for parameters, so a tool without them has an empty object.
        "parameters": {"type": "object", "properties": {}},
    },
}


def _with(**more: Any) -> Json:
    return {"messages": [HI], **more}


def _look(*content: Any) -> Json:
    said = [{"type": "text", "text": "What is it?"}, *content]
    return {"messages": [{"role": "user", "content": said}]}


_IDS = {"call_1": "RksXkbv4v", "call_2": "dTcG4HrQi"}
"""Ids of calls must have nine letters and digits; these are made of those that do not."""


def _used(name: str) -> Json:
    """Return what OpenAI is told of tools that were used, with Mistral's ids and second tool."""
    said = json.dumps(OPENAI_ASKS[name]["messages"])
    for theirs, ours in _IDS.items():
        said = said.replace(theirs, ours)
    return {"messages": json.loads(said), "tools": [WEATHER, NOW]}


ASKS: Mapping[str, Any] = {
    **OPENAI_ASKS,
    "several instructions": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "system", "content": "In French."},
            HI,
        ]
    },
    "what is to be gone on with": {
        "messages": [
            {"role": "user", "content": "Count to three."},
            {"role": "assistant", "content": "One, two,", "prefix": True},
        ]
    },
    "sound": _look({"type": "input_audio", "input_audio": WAV_BASE64}),
    "a document": _look(
        {
            "type": "document_url",
            "document_url": f"data:application/pdf;base64,{PDF_BASE64}",
            "document_name": "report.pdf",
        }
    ),
    "tools": _used("tools"),
    "a tool's answer": _used("a tool's answer"),
    "answers of several tools": _used("answers of several tools"),
    "a tool that failed": _used("a tool that failed"),
    "a tool's answer with an image": {
        "messages": [
            {"role": "user", "content": "How does it look?"},
            _used("a tool's answer")["messages"][1],
            {
                "role": "tool",
                "tool_call_id": _IDS["call_1"],
                "content": [
                    {"type": "text", "text": "Like this:"},
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"},
                    },
                ],
            },
        ],
        "tools": [WEATHER, NOW],
    },
    "any tool": _with(tools=[WEATHER], tool_choice="any"),
    "top_k": _with(top_k=40),
    "a bound of tokens": _with(max_tokens=100),
    "a seed": _with(random_seed=7),
    "a bias": Dropped(field="options.logit_bias", why="no such option", said=_with()),
    "reasoning of so many tokens": Dropped(
        field="options.reasoning.budget_tokens",
        why="reasoning has an effort, no budget",
        said=_with(max_tokens=8192),
    ),
    "an end user": Dropped(field="options.end_user_id", why="no such option", said=_with()),
}

USAGE = {
    "prompt_tokens": PROMPT_TOKENS,
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
    "completion_tokens": COMPLETION_TOKENS,
}


def chunk(delta: Json, finish: str | None = None, **more: Any) -> Json:
    """Return a chunk as Mistral sends it; usage comes with the last."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "cmpl-e5cc", "object": "chat.completion.chunk"}
    return {**head, "created": 1769088912, "model": MODEL, "choices": [choice], **more}


def whole(content: Any, finish: str = "stop", usage: Json = USAGE, **message: Any) -> Json:
    """Return a whole answer as Mistral sends it."""
    said = {"role": "assistant", "tool_calls": None, "content": content, **message}
    head = {"id": "cmpl-e5cc", "object": "chat.completion"}
    choices = [{"index": 0, "finish_reason": finish, "message": said}]
    return {**head, "created": 1769088912, "model": MODEL, "usage": usage, "choices": choices}


def _recorded(answer: Json, *chunks: Json) -> Recorded:
    return Recorded(unary=json.dumps(answer).encode(), stream=stream_of(*chunks))


def _text(finish: str = "stop", usage: Json = USAGE) -> Recorded:
    first = chunk({"role": "assistant", "content": ""})
    rest = [chunk({"content": piece}) for piece in CHUNKS[:-1]]
    last = chunk({"content": CHUNKS[-1]}, finish, usage=usage)
    return _recorded(whole(TEXT, finish, usage), first, *rest, last)


def _tools(*calls: tuple[str, str, str], text: str = "") -> Recorded:
    """Mistral sends whole calls, all in one chunk, with the reason and the usage."""
    said = [
        {"id": call_id, "function": {"name": name, "arguments": arguments}, "index": index}
        for index, (call_id, name, arguments) in enumerate(calls)
    ]
    chunks = [chunk({"role": "assistant", "content": text})]
    chunks.append(chunk({"tool_calls": said, "content": ""}, "tool_calls", usage=USAGE))
    return _recorded(whole(text, "tool_calls", tool_calls=said), *chunks)


def thinking(text: str, **more: Any) -> Json:
    """Return a chunk of thinking."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], **more}


_WEATHER = ("D681PevKs", "get_weather", ARGUMENTS_JSON)
_NOW = ("x7Yq2LmNo", "now", "{}")

ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _text(),
    "nothing": _recorded(
        whole(""),
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": ""}, "stop", usage=USAGE),
    ),
    "a tool call": _tools(_WEATHER),
    "a tool call without arguments": _tools(_NOW),
    "several tool calls": _tools(_WEATHER, _NOW),
    "text and a tool call": _tools(_WEATHER, text=TEXT),
    "reasoning": _recorded(
        whole([thinking("".join(THOUGHT_CHUNKS)), {"type": "text", "text": TEXT}]),
        chunk({"role": "assistant", "content": [thinking(THOUGHT_CHUNKS[0])]}),
        chunk({"content": [thinking(THOUGHT_CHUNKS[1])]}),
        *(chunk({"content": [{"type": "text", "text": piece}]}) for piece in CHUNKS),
        chunk({"content": ""}, "stop", usage=USAGE),
    ),
    "a stop sequence": Never(why="a stop sequence ends with `stop`, as every answer does"),
    "the bound of tokens": _text("length"),
    "a refusal": Never(why="refusals are text"),
    "withheld by a filter": Never(why="there is no such reason"),
    "tokens from a cache": _text(
        usage={**USAGE, "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS}}
    ),
}


def _failed(status: int, body: Json, **headers: str) -> Failed:
    return Failed(
        status=status,
        body=json.dumps(body).encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def _error(kind: str, code: str | None = None, said: str = "No") -> Json:
    """Return the form of the page "Error glossary"."""
    message = f"{said}: {SECRET}"
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


_DETAIL = {
    "detail": [
        {"type": "extra_forbidden", "loc": ["body", "n"], "msg": f"No: {SECRET}", "input": SECRET}
    ]
}
"""The form of HTTPValidationError."""

ERRORS: Mapping[str, Failed | Never] = {
    "bad request": _failed(422, _DETAIL),
    "wrong key": _failed(401, {"detail": f"Unauthorized: {SECRET}"}),
    "forbidden": _failed(403, _error("forbidden")),
    "no such model": _failed(400, _error("invalid_model", "1500", "Invalid model")),
    "prompt too long": _failed(
        400,
        _error(
            "invalid_request_prompt",
            "3051",
            "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        ),
    ),
    "request too large": _failed(413, {"message": f"No: {SECRET}"}),
    "rate limit": _failed(429, _error("rate_limited", "1300"), retry_after="7"),
    "no money left": _failed(402, {"detail": f"Payment required: {SECRET}"}),
    "overloaded": _failed(503, _error("overloaded")),
    "blocked by a filter": _failed(
        403,
        {
            "error": {"message": f"Content blocked by guardrail {SECRET}", "status": 403},
            "guardrails": {"results": {"moderation_llm_v2": {"violated": True}}},
        },
    ),
    "internal": _failed(500, _error("internal_server_error", "3000")),
}


class TestMistral(VendorWireSuite):
    """Mistral's row, against its own SDK."""

    unary_reply = Reply(body=whole(TEXT))
    stream_reply = Sse(
        events=list(encode_events([chunk({"role": "assistant", "content": "Hi"}, "stop")]))
    )

    @override
    def wire(self) -> Wire:
        return OpenAIWire(MISTRAL.quirks)

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        async with mistral_for(url) as sdk:
            if not stream:
                await sdk.chat.complete_async(model=MODEL, **said)
                return
            async for _ in await sdk.chat.stream_async(model=MODEL, **said):
                pass

    @override
    def theirs(self, body: Any) -> Any:
        """Leave out what the SDK spells though it is the default."""
        for message in body["messages"]:
            if message.get("prefix") is False:
                del message["prefix"]
            if message["role"] == "assistant" and "tool_calls" in message:
                message.setdefault("content", None)
                for call in message["tool_calls"]:
                    del call["index"]
        if body["stream"] is False:
            del body["stream"]
        return body

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS
