"""Does everything that Anthropic says go back as it was said, and nothing that others said?"""

import json
import re
from typing import Any

import pytest
from anthropic.types import MessageParam
from pydantic import TypeAdapter

from tests.contracts.asks import assistant, call, result, tools, user
from tests.contracts.wire_format import TARGET
from tests.providers.wire import anthropic_words as w
from weir.v1.content_pb2 import (
    CompactionPart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolResultPart,
    UnknownPart,
)
from weir.v1.generation_pb2 import GenerationOptions, ReasoningOptions, ReasoningVisibility
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.anthropic.wire import AnthropicWire

DIRECT = {"caller": {"type": "direct"}}
FOUND = [
    {
        "type": "web_search_result",
        "url": "https://example.com/",
        "title": "Example",
        "encrypted_content": "EqgfCioIARgB",
        "page_age": None,
    }
]
CITED = {
    "type": "web_search_result_location",
    "cited_text": "4 degrees",
    "encrypted_index": "Eo8BCioIAhgB",
    "title": "Example",
    "url": "https://example.com/",
}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", **DIRECT}
MCP = {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "echo", "server_name": "one"}

BLOCKS: dict[str, tuple[w.Json, ...]] = {
    "thoughts": (w.thinking("Hm.", "EqQB/sig=="), w.text("Yes.")),
    "thoughts that are omitted": (w.thinking("", "EqQB/sig=="), w.text("Yes.")),
    "redacted thoughts": (
        w.thinking("Hm.", "EqQB"),
        {"type": "redacted_thinking", "data": "EmwKAhgB/=="},
        w.text("Yes."),
    ),
    "thoughts between calls": (
        w.thinking("First.", "a"),
        w.call("toolu_1", "now", {}, **DIRECT),
        w.thinking("Then.", "b"),
        w.call("toolu_2", "get_weather", {"city": "Zürich", "n": 12345678901234567890}),
    ),
    "a call from a toolset": (
        w.call("toolu_1", "computer_zoom", {"region": [0, 0, 1, 1]}, toolset_name="computer"),
    ),
    "two texts": (w.text("One."), w.text("Two.")),
    "a search with citations": (
        {**SEARCH, "input": {"query": "Oslo"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": FOUND,
            **DIRECT,
        },
        w.text("It is ", citations=None),
        w.text("cold.", citations=[CITED]),
    ),
    "a search that failed": (
        {**SEARCH, "input": {}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"},
        },
    ),
    "code that was run": (
        {**SEARCH, "name": "bash_code_execution", "input": {"command": "ls"}},
        {
            "type": "bash_code_execution_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": {
                "type": "bash_code_execution_result",
                "stdout": "a\n",
                "stderr": "",
                "return_code": 0,
                "content": [],
            },
        },
        {"type": "container_upload", "file_id": "file_1"},
    ),
    "a call over MCP": (
        {**MCP, "input": {"value": "x"}},
        {
            "type": "mcp_tool_result",
            "tool_use_id": "mcptoolu_1",
            "is_error": True,
            "content": [w.text("No.")],
        },
    ),
    "a compaction": (
        {"type": "compaction", "content": "They spoke.", "encrypted_content": "Ab+="},
        w.text("So."),
    ),
    "a compaction that failed": ({"type": "compaction", "content": None}, w.text("So.")),
    "what nobody knows yet": ({"type": "hologram", "size": 1.50, "of": {"b": 1, "a": [2]}},),
}


def _without_nulls(said: w.Json) -> w.Json:
    """A member that is null says nothing; but a compaction's content has to be there."""
    content = said["content"]
    if isinstance(content, list):
        content = [
            {
                name: value
                for name, value in block.items()
                if value is not None or (block["type"], name) == ("compaction", "content")
            }
            for block in content
        ]
    return {**said, "content": content}


def blocks_streamed(blocks: tuple[w.Json, ...]) -> bytes:
    """Stream blocks as the vendor does: text, thoughts and input by deltas, others whole."""
    events = []
    for index, block in enumerate(blocks):
        deltas: list[w.Json] = []
        begun = dict(block)
        match block["type"]:
            case "text":
                begun["text"] = ""
                deltas = [{"type": "text_delta", "text": block["text"]}]
                if block.get("citations"):
                    begun["citations"] = []
                    deltas += [
                        {"type": "citations_delta", "citation": each} for each in block["citations"]
                    ]
            case "thinking":
                begun |= {"thinking": "", "signature": ""}
                deltas = [{"type": "signature_delta", "signature": block["signature"]}]
                if block["thinking"]:
                    deltas.insert(0, {"type": "thinking_delta", "thinking": block["thinking"]})
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                begun["input"] = {}
                written = json.dumps(block["input"])
                deltas = [
                    {"type": "input_json_delta", "partial_json": piece}
                    for piece in ("", written[:3], written[3:])
                ]
            case "compaction" if block["content"] is not None:
                begun = {"type": "compaction", "content": None}
                rest = {name: value for name, value in block.items() if name != "type"}
                deltas = [{"type": "compaction_delta", **rest}]
        events.append(w.block(index, begun, *deltas))
    return w.stream(*events)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", BLOCKS)
def test_an_answer_goes_back_as_it_was_said(name: str, streamed: bool) -> None:
    """Block by block and member by member: signatures, callers, citations, unknown items."""
    blocks = BLOCKS[name]
    decoded = (
        w.decode_stream(blocks_streamed(blocks)) if streamed else w.decode_whole(w.message(*blocks))
    )
    answer = w.folded(decoded).message

    again = w.said_again(answer, user("Hi"))

    said: w.Json = {"role": "assistant", "content": list(blocks)}
    assert _without_nulls(again) == _without_nulls(said)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_stream_adds_up_to_the_whole_answer(name: str) -> None:
    """Parts, states and citations are the same both ways, but for the spelling of arguments."""
    whole, streamed = (
        w.folded(decoded)
        for decoded in (
            w.decode_whole(w.message(*BLOCKS[name])),
            w.decode_stream(blocks_streamed(BLOCKS[name])),
        )
    )
    for part in (*whole.message.parts, *streamed.message.parts):
        for call_ in (part.tool_call, part.server_tool_call):
            if call_.arguments_json:
                call_.arguments_json = json.dumps(json.loads(call_.arguments_json))
    assert streamed.message == whole.message


def test_what_is_sent_back_is_what_the_sdk_takes() -> None:
    """The SDK's own type of a message accepts every known block that goes back."""
    adapter: TypeAdapter[Any] = TypeAdapter(MessageParam)
    for name, blocks in BLOCKS.items():
        if name in ("what nobody knows yet", "a call over MCP") or "compaction" in name:
            continue  # of the beta's types, or of none
        again = w.said_again(w.folded(w.decode_whole(w.message(*blocks))).message, user("Hi"))
        adapter.validate_python(again, strict=False)


def test_hidden_thoughts_go_back_with_what_was_signed() -> None:
    """The caller sees none of the text; the signature still holds, as the state has all of it."""
    hidden = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
    request = ChatRequest(options=GenerationOptions(reasoning=hidden))
    blocks = BLOCKS["thoughts"]
    for decoded in (
        w.decode_whole(w.message(*blocks), request),
        w.decode_stream(blocks_streamed(blocks), request=request),
    ):
        answer = w.folded(decoded).message
        assert [part.reasoning.text for part in answer.parts] == ["", ""]
        assert answer.parts[0].HasField("reasoning")
        assert w.said_again(answer, user("Hi"))["content"] == list(blocks)


def test_hidden_thoughts_are_seen_to_go_on() -> None:
    """Each read of them brings an event, so that nobody takes the vendor for dead."""
    hidden = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
    request = ChatRequest(options=GenerationOptions(reasoning=hidden))
    decoder = AnthropicWire().decoder(request, TARGET, stream=True)
    decoder.feed(w.stream_of(w.started()))
    for said in w.encode_events(w.thinking_block(0, ["Hm", "."], "sig")[:3]):
        (event,) = decoder.feed(said)
        assert event.WhichOneof("event") in ("part_start", "part_delta")
        assert not event.part_delta.text


def test_three_turns_with_tools_keep_ids_signatures_and_order() -> None:
    """A conversation that calls, is answered, calls again: the vendor gets its own words."""
    first = w.message(w.thinking("Which?", "sig-1"), w.call("toolu_1", "now", {}), stop="tool_use")
    second = w.message(
        w.thinking("Then.", "sig-2"),
        w.text("Almost."),
        w.call("toolu_2", "get_weather", {"city": "Oslo"}),
        stop="tool_use",
    )
    body = w.body_of(
        ChatRequest(
            messages=[
                user("Is it warm now?"),
                w.folded(w.decode_whole(first)).message,
                tools(result("toolu_1", "12:00")),
                w.folded(w.decode_whole(second)).message,
                tools(result("toolu_2", "4 degrees")),
                user("And?"),
            ]
        )
    )
    assert body["messages"] == [
        {"role": "user", "content": "Is it warm now?"},
        {"role": "assistant", "content": first["content"]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "12:00"}],
        },
        {"role": "assistant", "content": second["content"]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "4 degrees"},
                w.text("And?"),
            ],
        },
    ]


def test_a_result_names_the_toolset_of_its_call() -> None:
    """As the vendor demands of members of a toolset."""
    answer = w.folded(w.decode_whole(w.message(*BLOCKS["a call from a toolset"]))).message
    body = w.body_of(ChatRequest(messages=[user("Hi"), answer, tools(result("toolu_1", "Done"))]))
    (said,) = body["messages"][-1]["content"]
    assert said["toolset_name"] == "computer"


FOREIGN: dict[str, tuple[Part, str]] = {
    "thoughts": (
        Part(reasoning=ReasoningPart(text="Hm."), provider_state=b"openai:abc"),
        "reasoning",
    ),
    "thoughts without a state": (Part(reasoning=ReasoningPart(text="Hm.")), "reasoning"),
    "a tool that another ran": (
        Part(server_tool_call=ServerToolCallPart(id="ws_1", name="search", arguments_json="{}")),
        "server_tool_call",
    ),
    "what that tool found": (
        Part(server_tool_result=ServerToolResultPart(tool_call_id="ws_1", result_json="[]")),
        "server_tool_result",
    ),
    "a compaction": (Part(compaction=CompactionPart(summary="They spoke.")), "compaction"),
    "an item": (Part(unknown=UnknownPart(type="openai/thing", json="{}")), "unknown"),
    "the state of a refusal": (
        Part(refusal=RefusalPart(text="Never."), provider_state=b"openai:x"),
        "provider_state",
    ),
    "the state of a text": (Part(text="Hello.", provider_state=b"google:x"), "provider_state"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_another_vendor_said_stays_there(name: str) -> None:
    """It is left out and said so; the rest of the conversation goes on."""
    part, field = FOREIGN[name]
    request = ChatRequest(messages=[user("Hi"), assistant(part, "Yes."), user("Again")])
    said = AnthropicWire().encode(request, TARGET, stream=False)
    assert [(each.code, each.field) for each in said.warnings] == [
        ("PART_DROPPED", f"messages[1].parts[0].{field}")
    ]
    kept = part.text or part.refusal.text
    texts = [w.text(kept)] * bool(kept) + [w.text("Yes.")]
    content = texts if len(texts) > 1 else "Yes."
    assert json.loads(said.body)["messages"][1] == {"role": "assistant", "content": content}


def test_a_hint_where_the_vendor_takes_none_is_dropped_aloud() -> None:
    """Thoughts cannot be the end of what is worth caching."""
    answer = w.folded(w.decode_whole(w.message(*BLOCKS["thoughts"]))).message
    answer.parts[0].cache_hint.ttl = "5m"
    request = ChatRequest(messages=[user("Hi"), answer])
    said = AnthropicWire().encode(request, TARGET, stream=False)
    assert [each.field for each in said.warnings] == ["messages[1].parts[0].cache_hint"]
    assert json.loads(said.body)["messages"][1]["content"] == list(BLOCKS["thoughts"])


def test_a_turn_of_nothing_but_that_is_no_turn() -> None:
    """What is left of the user's words becomes one turn."""
    thought = Part(reasoning=ReasoningPart(text="Hm."))
    body = w.body_of(ChatRequest(messages=[user("One."), assistant(thought), user("Two.")]))
    assert body["messages"] == [{"role": "user", "content": [w.text("One."), w.text("Two.")]}]


@pytest.mark.parametrize("state", [b"anthropic:", b"anthropic:{", b"anthropic:[]", b"anthropic:3"])
def test_a_state_that_was_changed_is_refused(state: bytes) -> None:
    """It cannot smuggle anything into the request."""
    part = Part(reasoning=ReasoningPart(text="Hm."), provider_state=state)
    request = ChatRequest(messages=[user("Hi"), assistant(part, "Yes.")])
    if state == b"anthropic:":  # nothing is in it: another's, or none
        assert len(AnthropicWire().encode(request, TARGET, stream=False).warnings) == 1
        return
    with pytest.raises(InvalidRequest) as refusal:
        AnthropicWire().encode(request, TARGET, stream=False)
    assert [each.field for each in refusal.value.violations] == [
        "messages[1].parts[0].provider_state"
    ]


@pytest.mark.parametrize("arguments", ['{"a":1', "[]", "3", "null", '{"a":1},"x":{}'])
def test_arguments_that_are_no_object_are_put_into_one(arguments: str) -> None:
    """The vendor takes nothing else, and text that is no single value could add fields."""
    request = ChatRequest(messages=[user("Hi"), assistant(call("c", "f", arguments))])
    sent = AnthropicWire().encode(request, TARGET, stream=False)
    said = json.loads(sent.body)["messages"][1]["content"][0]
    assert said["input"] == {"INVALID_JSON": arguments}
    assert [(warning.code, warning.field) for warning in sent.warnings] == [
        ("ARGUMENTS_WRAPPED", "messages[1].parts[0].tool_call.arguments_json")
    ]


def test_a_refusal_of_another_vendor_is_said_as_text() -> None:
    """The words stay in the conversation; the protocol has no other mark for them."""
    message = Message(role=assistant().role)
    message.parts.add().refusal.text = "I will not."
    again = w.said_again(message, user("Hi"))
    assert again == {"role": "assistant", "content": "I will not."}


def test_ids_of_other_vendors_are_said_in_letters_that_are_taken() -> None:
    """Call and result stay together, and calls stay apart."""
    ids = ("functions.f:0", "functions_f_0", "functions.f.0", "ü")
    calls = [call(each, "f", "{}") for each in ids]
    results = [result(each, each) for each in ids]
    body = w.body_of(ChatRequest(messages=[user("Hi"), assistant(*calls), tools(*results)]))
    called = [block["id"] for block in body["messages"][1]["content"]]
    answered = [block["tool_use_id"] for block in body["messages"][2]["content"]]
    assert called == answered
    assert len(set(called)) == len(ids)
    assert called[1] == ids[1]
    assert all(re.fullmatch("[A-Za-z0-9_-]+", each) for each in called)
