"""Does what a model of Bedrock said go back as boto3's users send it back?"""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.contracts.asks import NOW, WEATHER, result, tools, user
from tests.providers.wire import bedrock_sdk
from tests.providers.wire import converse as c
from tests.providers.wire.bedrock_asking import CLAUDE, encode, warned
from weir.v1.content_pb2 import Message
from weir.v1.generation_pb2 import GenerationOptions, ReasoningOptions, ReasoningVisibility
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream

_WEB = {"title": "Oslo", "location": {"web": {"url": "https://example.com", "domain": "x"}}}
_SIGNED = {"reasoningText": {"text": "Hm 👋", "signature": "c2ln"}}

FIRST: tuple[c.Json, ...] = (
    {"reasoningContent": _SIGNED},
    {"reasoningContent": {"redactedContent": "AAECAwQF"}},
    {"text": "I look."},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Zürich"}}},
    {"toolUse": {"toolUseId": "tooluse_2", "name": "now", "input": {}}},
)
SECOND: tuple[c.Json, ...] = (
    {"reasoningContent": {"reasoningText": {"text": "Unsigned"}}},
    {
        "toolUse": {
            "toolUseId": "tooluse_3",
            "name": "nova_grounding",
            "input": {"q": "Oslo"},
            "type": "server_tool_use",
        }
    },
    {
        "toolResult": {
            "toolUseId": "tooluse_3",
            "content": [{"json": {"t": 4.5}}, {"text": "cold"}],
            "status": "success",
            "type": "nova_grounding_result",
        }
    },
    {"citationsContent": {"content": [{"text": "It is cold."}], "citations": [_WEB]}},
    {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}},
    {"video": {"format": "mp4", "source": {"bytes": "AAE="}}},
)


def _answer(blocks: Sequence[c.Json], request: ChatRequest | None = None) -> Message:
    return c.folded(c.decode_whole(c.whole(*blocks), request)).message


async def _boto3_sends(*turns: Any) -> Any:
    """Return the messages that boto3 sends when what it got is put back as it came.

    turns: what the user says, or the blocks that the vendor answers.
    """
    said: list[Any] = []
    for turn in turns:
        if not isinstance(turn, tuple):
            said.append({"role": "user", "content": turn})
            continue
        async with FakeUpstream(Reply(body=c.whole(*turn))) as upstream:
            answer = await bedrock_sdk.ask(
                upstream.origin, "converse", modelId=CLAUDE, messages=said
            )
        said.append(answer["output"]["message"])
    async with FakeUpstream(Reply(body=c.whole({"text": "Bye"}))) as upstream:
        await bedrock_sdk.ask(upstream.origin, "converse", modelId=CLAUDE, messages=said)
        return upstream.journal[-1].json["messages"]


def _asked(*messages: Message) -> ChatRequest:
    return ChatRequest(messages=messages, options=GenerationOptions(tools=[WEATHER, NOW]))


async def test_three_turns_go_back_as_they_came() -> None:
    """Signatures, encrypted reasoning, ids, sources, the vendor's own tools, in their order."""
    results = [
        {"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "4 degrees"}]}},
        {"toolResult": {"toolUseId": "tooluse_2", "content": [{"text": "12:00"}]}},
    ]
    theirs = await _boto3_sends(
        [{"text": "Is it warm?"}], FIRST, results, SECOND, [{"text": "Thanks."}]
    )

    request = _asked(
        user("Is it warm?"),
        _answer(FIRST),
        tools(result("tooluse_1", "4 degrees"), result("tooluse_2", "12:00")),
        _answer(SECOND),
        user("Thanks."),
    )

    assert json.loads(encode(request).body)["messages"] == theirs
    assert warned(request) == []


async def test_hidden_reasoning_goes_back_too() -> None:
    """What the caller did not want to see is still what the vendor wants back."""
    hidden = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
    asked = ChatRequest(options=GenerationOptions(reasoning=hidden))
    theirs = await _boto3_sends([{"text": "Hi"}], FIRST, [{"text": "So?"}])

    request = _asked(user("Hi"), _answer(FIRST, asked), user("So?"))

    assert json.loads(encode(request).body)["messages"] == theirs


@pytest.mark.parametrize("state", [b"bedrock:{", b"bedrock:[]", b'bedrock:{"signature":7}'])
def test_a_state_that_was_changed_is_dropped_by_name(state: bytes) -> None:
    """What a caller made of it is not sent on; the reasoning goes with it."""
    message = _answer(FIRST[:1])
    message.parts[0].provider_state = state

    assert warned(_asked(user("Hi"), message, user("So?"))) == [
        ("PART_DROPPED", "messages[1].parts[0].provider_state"),
        ("PART_DROPPED", "messages[1].parts[0].reasoning"),
    ]
