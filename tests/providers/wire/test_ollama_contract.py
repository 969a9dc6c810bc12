"""Does Ollama's wire format say, mean and explain all that the contract of wire formats lists?"""

import json
from collections.abc import Mapping
from typing import Any

from ollama import AsyncClient
from typing_extensions import override

from tests.contracts.answers import CHUNKS, SECRET, TEXT, THOUGHT, THOUGHT_CHUNKS
from tests.contracts.asks import PNG, SCHEMA
from tests.contracts.vendor_wire import Dropped, Failed, Never, Recorded, Refused, VendorWireSuite
from tests.providers.wire import ollama_samples as o
from weir_server.fake_upstream.behaviour import Reply
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.ollama.wire import OllamaWire

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


def _sampling(**options: Any) -> dict[str, Any]:
    return _with(options=options)


def _asked(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def _after_call(content: str) -> dict[str, Any]:
    return _messages(
        {"role": "user", "content": "Is it warm?"},
        {"role": "assistant", "tool_calls": [_asked("get_weather", {"city": "Oslo"})]},
        {"role": "tool", "tool_name": "get_weather", "content": content},
        tools=[WEATHER, NOW],
    )


ASKS: Mapping[str, Any] = {
    "one message": _with(),
    "instructions": _messages({"role": "system", "content": "Be brief."}, HI),
    "several instructions": _messages(
        {"role": "system", "content": "Be brief."}, {"role": "system", "content": "In French."}, HI
    ),
    "several parts": _messages({"role": "user", "content": "One.\nTwo."}),
    "turns": _messages(
        HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Again"}
    ),
    "what is to be gone on with": _messages(
        {"role": "user", "content": "Count to three."},
        {"role": "assistant", "content": "One, two,"},
    ),
    "text beyond ASCII": _messages({"role": "user", "content": 'Grüße 👋🏽 "\u2028\x7f\\'}),
    "an image by its bytes": _messages({"role": "user", "content": "What is it?", "images": [PNG]}),
    "an image by its address": Refused(
        field="messages[0].parts[1].media", why="the server fetches nothing"
    ),
    "sound": Refused(field="messages[0].parts[1].media", why="images are the only media"),
    "a document": Refused(field="messages[0].parts[1].media", why="images are the only media"),
    "tools": _with(tools=[WEATHER, NOW]),
    "a strict tool": Dropped(
        field="options.tools[0].function.strict",
        why="arguments are the model's own",
        said=_with(
            tools=[{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
        ),
    ),
    "the model decides": _with(tools=[WEATHER]),
    "no tool": _with(),
    "any tool": Dropped(
        field="options.tool_choice.mode", why="nothing is forced", said=_with(tools=[WEATHER])
    ),
    "one tool": Dropped(
        field="options.tool_choice.function_name",
        why="nothing is forced",
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
            "tool_calls": [_asked("get_weather", {"city": "Oslo"}), _asked("now", {})],
        },
        {"role": "tool", "tool_name": "get_weather", "content": "4 degrees"},
        {"role": "tool", "tool_name": "now", "content": "12:00"},
        {"role": "user", "content": "And now?"},
        tools=[WEATHER, NOW],
    ),
    "a tool that failed": _after_call("Error: no such city"),
    "a tool's answer with an image": Refused(
        field="messages[2].parts[0].tool_result.content[1].media",
        why="templates show a tool's message as text",
    ),
    "temperature and top_p": _sampling(temperature=0.5, top_p=0.9),
    "zeros": _sampling(temperature=0.0, top_p=0.0),
    "top_k": _sampling(top_k=40),
    "a bound of tokens": _sampling(num_predict=100),
    "stop sequences": _sampling(stop=["\n\n", "END"]),
    "a seed": _sampling(seed=7),
    "penalties": _sampling(frequency_penalty=0.5, presence_penalty=-0.5),
    "log probabilities": _with(logprobs=True, top_logprobs=3),
    "a bias": Dropped(field="options.logit_bias", why="no such option", said=_with()),
    "a JSON object": _with(format="json"),
    "a schema": _with(format=SCHEMA),
    "much reasoning": _with(think="high"),
    "reasoning of so many tokens": Dropped(
        field="options.reasoning.budget_tokens",
        why="reasoning has a level, no budget",
        said=_sampling(num_predict=8192),
    ),
    "an end user": Dropped(field="options.end_user_id", why="no such field", said=_with()),
    "labels stay here": _with(),
    "a hint to cache": _messages({"role": "system", "content": "A long text."}, HI),
}


def _recorded(whole: o.Json, *lines: o.Json) -> Recorded:
    return Recorded(unary=json.dumps(whole).encode(), stream=o.stream(*lines))


def _text(reason: str = "stop") -> Recorded:
    return _recorded(
        o.last(TEXT, reason), *(o.chunk(piece) for piece in CHUNKS), o.last("", reason)
    )


def _tools(*calls: o.Json, text: bool = False) -> Recorded:
    return _recorded(
        o.last(TEXT if text else "", tool_calls=list(calls)),
        *((o.chunk(piece) for piece in CHUNKS) if text else ()),
        *(o.chunk(tool_calls=[call]) for call in calls),
        o.last(),
    )


_WEATHER = o.call("get_weather", {"city": "Zürich"}, "call_1")
_NOW = o.call("now", {}, "call_2", index=1)

ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _text(),
    "nothing": _recorded(o.last(), o.last()),
    "a tool call": _tools(_WEATHER),
    "a tool call without arguments": _tools(o.call("now", {}, "call_1")),
    "several tool calls": _tools(_WEATHER, _NOW),
    "text and a tool call": _tools(_WEATHER, text=True),
    "reasoning": _recorded(
        o.last(TEXT, thinking=THOUGHT),
        *(o.chunk(thinking=piece) for piece in THOUGHT_CHUNKS),
        *(o.chunk(piece) for piece in CHUNKS),
        o.last(),
    ),
    "a stop sequence": Never(why="a stop sequence ends with `stop`, as every answer does"),
    "the bound of tokens": _text("length"),
    "a refusal": Never(why="the model refuses in plain text"),
    "withheld by a filter": Never(why="there is no filter"),
    "tokens from a cache": Never(why="the server does not tell what its cache spared it"),
}


def _failed(status: int, message: str, **headers: str) -> Failed:
    return Failed(
        status=status,
        body=json.dumps({"error": f"{message} {SECRET}"}).encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


ERRORS: Mapping[str, Failed | Never] = {
    "bad request": _failed(400, '"gemma:2b" does not support tools'),
    "wrong key": _failed(401, "unauthorized"),
    "forbidden": _failed(403, "ollama cloud is disabled: remote inference is unavailable"),
    "no such model": _failed(404, "model 'x' not found"),
    "prompt too long": _failed(400, "the input length exceeds the context length"),
    "request too large": _failed(413, "request body too large"),
    "rate limit": _failed(429, "too many requests", retry_after="7"),
    "no money left": _failed(
        429, "you (me) have reached your weekly usage limit, upgrade for higher limits:"
    ),
    "overloaded": _failed(503, "server busy, please try again.  maximum pending requests exceeded"),
    "blocked by a filter": Never(why="there is no filter"),
    "internal": _failed(500, "llama runner process has terminated: exit status 2"),
}


class TestOllama(VendorWireSuite):
    """The server's own protocol."""

    unary_reply = Reply(body=o.last(TEXT))
    stream_reply = Reply(
        body=o.stream(*(o.chunk(piece) for piece in CHUNKS), o.last()),
        content_type="application/x-ndjson",
    )

    @override
    def wire(self) -> Wire:
        return OllamaWire()

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        # Building a verifying TLS context takes 45 ms, and the fake speaks plain HTTP here.
        async with AsyncClient(host=url, verify=False) as sdk:
            if not stream:
                await sdk.chat(model="test-1", **said)
                return
            async for _ in await sdk.chat(model="test-1", stream=True, **said):
                pass

    @override
    def theirs(self, body: Any) -> Any:
        """Return what the SDK says, with what the server knows and the SDK's types do not.

        They drop what a tool's schema says beside properties and what is required, and the ids of
        calls; and they say that there are no tools.
        """
        if not body["tools"]:
            del body["tools"]
        for tool in body.get("tools", ()):
            if tool["function"]["parameters"]["properties"]:
                assert tool["function"]["parameters"].items() <= SCHEMA.items()
                tool["function"]["parameters"] = SCHEMA
        numbered = 0
        answered = 0
        for message in body["messages"]:
            for call in message.get("tool_calls", ()):
                numbered += 1
                call["id"] = f"call_{numbered}"
            if message["role"] == "tool":
                answered += 1
                message["tool_call_id"] = f"call_{answered}"
        return body

    @override
    def terminal_at(self, body: bytes) -> int:
        """The last line has `done: true`."""
        return body.rstrip(b"\n").rfind(b"\n") + 1

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS
