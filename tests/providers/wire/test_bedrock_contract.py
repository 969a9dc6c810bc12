"""Does Amazon Bedrock's Converse say all that can be asked, answered and refused?

What is sent equals what boto3 sends for the same intent, and botocore reads the streams.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from tests.contracts.answers import (
    ARGUMENT_CHUNKS,
    ARGUMENTS_JSON,
    CACHE_WRITE_TOKENS,
    CACHED_TOKENS,
    CHUNKS,
    PROMPT_TOKENS,
    SECRET,
    TEXT,
    THOUGHT,
    THOUGHT_CHUNKS,
)
from tests.contracts.asks import PDF, PNG, SCHEMA, SCHEMA_JSON, WAV
from tests.contracts.vendor_wire import Dropped, Failed, Never, Recorded, Refused, VendorWireSuite
from tests.contracts.wire_format import TARGET
from tests.providers.wire import bedrock_sdk
from tests.providers.wire import converse as c
from weir_server.fake_upstream import aws_event_stream as frames
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.bedrock.wire import BedrockWire

MODEL = "eu.anthropic.claude-test-1-v1:0"
HI = {"role": "user", "content": [{"text": "Hi"}]}


def _spec(name: str, description: str, schema: Any = None, **more: Any) -> dict[str, Any]:
    said = {"json": schema or {"type": "object", "properties": {}}}
    spec = {"name": name, "inputSchema": said, **more}
    return {"toolSpec": {**spec, "description": description} if description else spec}


WEATHER = _spec("get_weather", "Tells the weather.", SCHEMA)
NOW = _spec("now", "Tells the time.")


def _user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": [_block(block) for block in content]}


def _assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": [_block(block) for block in content]}


def _block(said: Any) -> Any:
    return {"text": said} if isinstance(said, str) else said


def _messages(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def _with(**more: Any) -> dict[str, Any]:
    return {"messages": [HI], **more}


def _tools(*tools: Any, **choice: Any) -> dict[str, Any]:
    return _with(toolConfig={"tools": list(tools), **choice})


def _use(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}}


def _result(call_id: str, *content: Any, **more: Any) -> dict[str, Any]:
    said = [_block(block) for block in content]
    return {"toolResult": {"toolUseId": call_id, "content": said, **more}}


def _after_call(question: str, result: Any) -> dict[str, Any]:
    return _messages(
        _user(question),
        _assistant(_use("call_1", "get_weather", city="Oslo")),
        _user(result),
        toolConfig={"tools": [WEATHER, NOW]},
    )


def _no_option(name: str) -> Dropped:
    return Dropped(field=f"options.{name}", why="no such option", said=_with())


_IMAGE = {"image": {"format": "png", "source": {"bytes": PNG}}}

ASKS: Mapping[str, Any] = {
    "one message": _with(),
    "instructions": _with(system=[{"text": "Be brief."}]),
    "several instructions": _with(system=[{"text": "Be brief."}, {"text": "In French."}]),
    "several parts": _messages(_user("One.", "Two.")),
    "turns": _messages(HI, _assistant("Hello."), _user("Again")),
    "what is to be gone on with": _messages(_user("Count to three."), _assistant("One, two,")),
    "text beyond ASCII": _messages(_user('Grüße 👋🏽 "\u2028\x7f\\')),
    "an image by its bytes": _messages(_user("What is it?", _IMAGE)),
    "an image by its address": Refused(
        field="messages[0].parts[1].media", why="an image comes as bytes or from S3"
    ),
    "sound": _messages(
        _user("What is it?", {"audio": {"format": "wav", "source": {"bytes": WAV}}})
    ),
    "a document": _messages(
        _user(
            "What is it?",
            {"document": {"format": "pdf", "name": "report", "source": {"bytes": PDF}}},
        )
    ),
    "tools": _tools(WEATHER, NOW),
    "a strict tool": _tools(_spec("get_weather", "", SCHEMA, strict=True)),
    "the model decides": _tools(WEATHER, toolChoice={"auto": {}}),
    "no tool": _with(),
    "any tool": _tools(WEATHER, toolChoice={"any": {}}),
    "one tool": _tools(WEATHER, toolChoice={"tool": {"name": "get_weather"}}),
    "one call at a time": Dropped(
        field="options.parallel_tool_calls", why="no such option", said=_tools(WEATHER)
    ),
    "a tool's answer": _after_call("Is it warm?", _result("call_1", "4 degrees")),
    "answers of several tools": _messages(
        _user("Is it warm now?"),
        _assistant("I look.", _use("call_1", "get_weather", city="Oslo"), _use("call_2", "now")),
        _user(_result("call_1", "4 degrees"), _result("call_2", "12:00"), "And now?"),
        toolConfig={"tools": [WEATHER, NOW]},
    ),
    "a tool that failed": _after_call(
        "Is it warm?", _result("call_1", "no such city", status="error")
    ),
    "a tool's answer with an image": _after_call(
        "How does it look?", _result("call_1", "Like this:", _IMAGE)
    ),
    "temperature and top_p": _with(inferenceConfig={"temperature": 0.5, "topP": 0.9}),
    "zeros": _with(inferenceConfig={"temperature": 0.0, "topP": 0.0}),
    "top_k": _with(additionalModelRequestFields={"top_k": 40}),
    "a bound of tokens": _with(inferenceConfig={"maxTokens": 100}),
    "stop sequences": _with(inferenceConfig={"stopSequences": ["\n\n", "END"]}),
    "a seed": _no_option("seed"),
    "penalties": _no_option("frequency_penalty"),
    "log probabilities": _no_option("top_logprobs"),
    "a bias": _no_option("logit_bias"),
    "a JSON object": _no_option("output_format.json_object"),
    "a schema": _with(
        outputConfig={
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"name": "place", "schema": SCHEMA_JSON}},
            }
        }
    ),
    "much reasoning": _with(
        additionalModelRequestFields={"thinking": {"type": "adaptive"}},
        outputConfig={"effort": "high"},
    ),
    "reasoning of so many tokens": _with(
        inferenceConfig={"maxTokens": 8192},
        additionalModelRequestFields={"thinking": {"type": "enabled", "budget_tokens": 2048}},
    ),
    "an end user": _no_option("end_user_id"),
    "labels stay here": _with(),
    "a hint to cache": _with(
        system=[{"text": "A long text."}, {"cachePoint": {"type": "default", "ttl": "5m"}}]
    ),
}


def _recorded(
    blocks: list[c.Json], *middle: Any, stop: str = "end_turn", said: c.Json | None = None
) -> Recorded:
    return Recorded(
        unary=c.whole(*blocks, stop=stop, said=said),
        stream=c.stream(*middle, stop=stop, said=said),
    )


def _text(stop: str = "end_turn", said: c.Json | None = None) -> Recorded:
    return _recorded([{"text": TEXT}], c.text(0, *CHUNKS), stop=stop, said=said)


def _called(*calls: tuple[str, str, tuple[str, ...]], text: bool = False) -> Recorded:
    first = 1 if text else 0
    blocks: list[c.Json] = [{"text": TEXT}] if text else []
    middle: list[Any] = [c.text(0, *CHUNKS)] if text else []
    for index, (call_id, name, chunks) in enumerate(calls, first):
        blocks.append(_use(call_id, name, **json.loads("".join(chunks) or "{}")))
        middle.append(c.tool(index, call_id, name, *chunks))
    return _recorded(blocks, *middle, stop="tool_use")


_WEATHER = ("call_1", "get_weather", ARGUMENT_CHUNKS)
assert "".join(ARGUMENT_CHUNKS) == ARGUMENTS_JSON

ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _text(),
    "nothing": _recorded([]),
    "a tool call": _called(_WEATHER),
    "a tool call without arguments": _called(("call_1", "now", ())),
    "several tool calls": _called(_WEATHER, ("call_2", "now", ("{}",))),
    "text and a tool call": _called(_WEATHER, text=True),
    "reasoning": _recorded(
        [
            {"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": "c2ln"}}},
            {"text": TEXT},
        ],
        [
            *(c.piece(0, reasoningContent={"text": chunk}) for chunk in THOUGHT_CHUNKS),
            c.piece(0, reasoningContent={"signature": "c2ln"}),
            c.end(0),
        ],
        c.text(1, *CHUNKS),
    ),
    "a stop sequence": _text("stop_sequence"),
    "the bound of tokens": _text("max_tokens"),
    "a refusal": Never(why="there is no word for a refusal: it is text, or withheld"),
    "withheld by a filter": _recorded([], stop="content_filtered"),
    "tokens from a cache": _text(
        said=c.usage(
            PROMPT_TOKENS - CACHED_TOKENS - CACHE_WRITE_TOKENS,
            cacheReadInputTokens=CACHED_TOKENS,
            cacheWriteInputTokens=CACHE_WRITE_TOKENS,
        )
    ),
}


def _failed(status: int, name: str, text: str = "No", **headers: str) -> Failed:
    return Failed(
        status=status,
        body=json.dumps({"message": f"{text}: {SECRET}"}).encode(),
        headers={
            "x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/",
            **{key.replace("_", "-"): value for key, value in headers.items()},
        },
    )


ERRORS: Mapping[str, Failed | Never] = {
    "bad request": _failed(400, "ValidationException"),
    "wrong key": _failed(403, "UnrecognizedClientException"),
    "forbidden": _failed(403, "AccessDeniedException"),
    "no such model": _failed(404, "ResourceNotFoundException"),
    "prompt too long": _failed(
        400, "ValidationException", "Input is too long for requested model."
    ),
    "request too large": _failed(413, "RequestEntityTooLargeException"),
    "rate limit": _failed(429, "ThrottlingException", x_amz_retry_after="7000"),
    "no money left": _failed(400, "ServiceQuotaExceededException"),
    "overloaded": _failed(503, "ServiceUnavailableException"),
    "blocked by a filter": Never(why="a guardrail ends an answer, it refuses none"),
    "internal": _failed(500, "InternalServerException"),
}


class TestBedrock(VendorWireSuite):
    """Converse, asking a model of Anthropic's through a cross-region profile."""

    target = replace(TARGET, vendor_model=MODEL)
    unary_reply = Reply(body=c.whole({"text": TEXT}))
    stream_reply = Sse(events=c.events(c.text(0, *CHUNKS)), content_type=frames.CONTENT_TYPE)

    @override
    def wire(self) -> Wire:
        return BedrockWire()

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        operation = "converse_stream" if stream else "converse"
        await bedrock_sdk.ask(url, operation, modelId=MODEL, **said)

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS

    @override
    def terminal_at(self, body: bytes) -> int:
        """With `messageStop` the answer is complete; `metadata` only tells what it cost."""
        for length in _offsets(body):
            if b"messageStop" in body[length : length + 64]:
                return length
        raise AssertionError("a good stream says why it ended")

    @pytest.mark.parametrize("name", ANSWERS)
    def test_botocore_reads_the_stream(self, name: str) -> None:
        """The recordings are streams by the vendor's own parser, and say what they are to say."""
        recorded = ANSWERS[name]
        if not isinstance(recorded, Recorded):
            return
        events = bedrock_sdk.read_stream(recorded.stream)
        assert next(iter(events[0])) == "messageStart"
        assert [next(iter(event)) for event in events[-2:]] == ["messageStop", "metadata"]
        said = json.loads(recorded.unary)
        assert events[-1]["metadata"]["usage"] == said["usage"]
        assert events[-2]["messageStop"]["stopReason"] == said["stopReason"]


def _offsets(body: bytes) -> list[int]:
    """Return where each message of a stream begins."""
    offsets: list[int] = []
    at = 0
    while at < len(body):
        offsets.append(at)
        at += int.from_bytes(body[at : at + 4])
    return offsets
