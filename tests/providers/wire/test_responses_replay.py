"""Does what the model said come back to it as it put it out, turn after turn?"""

import copy
import json
from typing import Any

import pytest
from openai.types.responses import response_create_params
from pydantic import TypeAdapter

from tests.contracts import asks
from tests.contracts.wire_format import TARGET
from tests.providers.wire import responses_words as w
from tests.providers.wire.test_responses_meaning import MCP, PYTHON, SEARCH, meant
from weir.v1.content_pb2 import Message, Part, ReasoningPart, Role, UnknownPart
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.openai.wire import OpenAIWire
from weir_server.providers.wire.responses.wire import ResponsesWire
from weir_server.providers.wire.state import sealed

COMPACTION = {"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAA"}
UNKNOWN = {"id": "ct_1", "type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x y"}
CITED = {
    "type": "url_citation",
    "start_index": 0,
    "end_index": 2,
    "url": "https://example.com",
    "title": "Ex",
}


def encoded(*messages: Message, **options: Any) -> HttpRequest:
    """Say a conversation."""
    request = ChatRequest(messages=messages, options=GenerationOptions(**options))
    return ResponsesWire().encode(request, TARGET, stream=False)


def body(said: HttpRequest) -> Any:
    """Return what is sent."""
    return json.loads(said.body)


def replayed(*items: w.Json) -> list[w.Json]:
    """Let the model put out items, and return how they are sent back."""
    said = encoded(asks.user("Hi"), meant(w.response(*items)).message, asks.user("Go on"))
    assert not said.warnings, said.warnings
    sent: list[w.Json] = body(said)["input"]
    return sent[1:-1]


def without_logprobs(*items: w.Json) -> list[w.Json]:
    """Return items as the vendor wants them back."""
    copies = copy.deepcopy(list(items))
    for item in copies:
        for content in item.get("content", ()):
            content.pop("logprobs", None)
    return copies


@pytest.mark.parametrize(
    "items",
    [
        [w.reasoning("Hm.", "So."), w.message(w.text("Yes", CITED), phase="final_answer")],
        [w.reasoning(), w.call("c1", "f", '{"a": 1}'), w.call("c2", "g", "{}", item_id="fc_2")],
        [w.message(w.text("Well."), w.text("So."), w.refusal("No."), item_id="msg_2")],
        [w.message(w.text("One")), w.message(w.text("Two"), item_id="msg_2")],
        [w.reasoning("a"), SEARCH, w.reasoning("b", item_id="rs_2"), w.message(w.text("x"))],
        [PYTHON, MCP, w.message(w.text("x"))],
        [COMPACTION, UNKNOWN, w.message(w.text("x"))],
        [w.reasoning("s", content=[{"type": "reasoning_text", "text": "t"}])],
        [w.reasoning(encrypted=None, content=[{"type": "reasoning_text", "text": "t"}])],
    ],
    ids=lambda items: " ".join(item["type"] for item in items),
)
def test_items_come_back_as_they_were(items: list[w.Json]) -> None:
    """Ids, phases, citations, encrypted reasoning and results, in their order."""
    assert replayed(*items) == without_logprobs(*items)


def test_three_turns_with_tools_keep_all_that_the_vendor_needs() -> None:
    """Each turn is sent with those before it, and the SDK's types take every request."""
    first = [w.reasoning("Look."), w.call("c1", "f", '{"city":"Oslo"}')]
    second = [w.reasoning("Again.", item_id="rs_2"), w.call("c2", "f", "{}", item_id="fc_2")]
    third = [w.message(w.text("Warm."), item_id="msg_3")]
    messages = [asks.user("Is it warm?")]
    expected: list[w.Json] = [{"role": "user", "content": "Is it warm?"}]
    for turn, call_id in ((first, "c1"), (second, "c2"), (third, "")):
        messages.append(meant(w.response(*turn)).message)
        expected += without_logprobs(*turn)
        if call_id:
            messages.append(asks.tools(asks.result(call_id, "4 degrees")))
            expected.append(
                {"type": "function_call_output", "call_id": call_id, "output": "4 degrees"}
            )
        sent = body(encoded(*messages))
        assert sent["input"] == expected
        assert sent["include"] == ["reasoning.encrypted_content"]
        params = response_create_params.ResponseCreateParamsNonStreaming
        TypeAdapter(params).validate_python(sent)


def test_what_followed_missing_reasoning_has_no_identity() -> None:
    """The vendor refuses such an item by its id; its words are all there."""
    items = [w.reasoning("Hm."), w.message(w.text("Yes")), w.call("c1", "f", "{}")]
    message = meant(w.response(*items)).message
    del message.parts[0]

    text, call = body(encoded(asks.user("Hi"), message))["input"][1:]

    assert "id" not in text
    assert text["content"] == [{"type": "output_text", "annotations": [], "text": "Yes"}]
    assert "id" not in call
    assert call["call_id"] == "c1"


def test_reasoning_that_the_vendor_kept_to_itself_is_dropped_aloud() -> None:
    """A summary without its encrypted content names something that is stored nowhere."""
    items = [w.reasoning("Hm.", encrypted=None), w.message(w.text("Yes"))]
    said = encoded(asks.user("Hi"), meant(w.response(*items)).message)

    assert [warning.field for warning in said.warnings] == ["messages[1].parts[0].reasoning"]
    assert [item.get("type") for item in body(said)["input"]] == [None, "message"]
    assert "id" not in body(said)["input"][1]


def test_another_providers_turn_is_said_plainly() -> None:
    """Its words and calls cross; its thoughts, state and items do not, and warnings say so."""
    message = Message(
        role=Role.ROLE_ASSISTANT,
        parts=[
            Part(reasoning=ReasoningPart(text="Hm."), provider_state=sealed("anthropic", b"sig")),
            Part(text="I look.", provider_state=sealed("google", b"sig")),
            asks.call("c1", "f", "{}"),
            Part(unknown=UnknownPart(type="anthropic/x", json="{}")),
        ],
    )

    said = encoded(asks.user("Hi"), message)

    assert body(said)["input"][1:] == [
        {"role": "assistant", "content": "I look."},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    ]
    assert [warning.field for warning in said.warnings] == [
        "messages[1].parts[0].provider_state",
        "messages[1].parts[0].reasoning",
        "messages[1].parts[1].provider_state",
        "messages[1].parts[3].unknown",
    ]


def test_this_providers_turn_may_go_to_another() -> None:
    """Chats get the words and the calls, and a warning names what they have no place for."""
    items = [w.reasoning("Hm."), w.message(w.text("Yes")), w.call("c1", "f", "{}")]
    request = ChatRequest(messages=[asks.user("Hi"), meant(w.response(*items)).message])

    said = OpenAIWire().encode(request, TARGET, stream=False)

    assert json.loads(said.body)["messages"][1]["content"] == "Yes"
    assert json.loads(said.body)["messages"][1]["tool_calls"][0]["id"] == "c1"
    assert "messages[1].parts[0].reasoning" in [warning.field for warning in said.warnings]


@pytest.mark.parametrize("state", [b"openai-responses:", b"openai-responses:{", b"x", b"\xff"])
def test_state_that_was_tampered_with_is_dropped_aloud(state: bytes) -> None:
    """The part is said without it."""
    message = asks.assistant(Part(text="Yes", provider_state=state))

    said = encoded(asks.user("Hi"), message)

    assert body(said)["input"][1] == {"role": "assistant", "content": "Yes"}
    assert [w_.field for w_ in said.warnings] == ["messages[1].parts[0].provider_state"]
