"""What has Cohere a word for, and does a conversation survive the way there and back?"""

import json
from typing import Any

import pytest

from tests.contracts.asks import NOW, PNG, WEATHER, assistant, call, result, tools, user
from tests.contracts.wire_format import TARGET
from tests.providers.wire import cohere_samples as c
from weir.v1.content_pb2 import (
    MEDIA_DETAIL_LOW,
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    UnknownPart,
)
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_SUMMARY,
    UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING,
    AllowedTools,
    FunctionTool,
    GenerationOptions,
    GrammarFormat,
    JsonSchemaFormat,
    OutputFormat,
    ProviderExtension,
    ReasoningEffort,
    ReasoningOptions,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import InvalidRequest, UnsupportedOption
from weir_server.providers.wire.cohere.wire import CohereWire

PLANNED = {
    "content": [{"type": "thinking", "thinking": "They want the weather."}],
    "tool_plan": "I will look.",
    "tool_calls": [
        c.call("get_weather_1", "get_weather", '{"city": "Oslo"}'),
        c.call("now_2", "now", "{}"),
    ],
}
ANSWERED = {"content": [{"type": "thinking", "thinking": "Warm."}, {"type": "text", "text": "4°C"}]}


def said(*messages: Message, **options: Any) -> dict[str, Any]:
    """The JSON of a chat request."""
    request = ChatRequest(messages=messages or [user("Hi")], options=GenerationOptions(**options))
    body: dict[str, Any] = json.loads(CohereWire().encode(request, TARGET, stream=False).body)
    return body


def warned(*messages: Message, **options: Any) -> list[str]:
    """The fields that warnings name."""
    request = ChatRequest(messages=messages or [user("Hi")], options=GenerationOptions(**options))
    return [w.field for w in CohereWire().encode(request, TARGET, stream=False).warnings]


def test_a_conversation_with_tools_comes_back_as_it_was() -> None:
    """Three turns: thoughts, plans, ids and order go back exactly as the vendor said them."""
    first = c.folded_whole(PLANNED, "TOOL_CALL").message
    answer = c.folded_whole(ANSWERED).message
    body = said(
        user("Is it warm?"),
        first,
        tools(result("get_weather_1", "4 degrees"), result("now_2", "12:00")),
        answer,
        user("Sure?"),
        tools=[WEATHER, NOW],
    )
    assert body["messages"] == [
        {"role": "user", "content": "Is it warm?"},
        {"role": "assistant", **PLANNED},
        {"role": "tool", "tool_call_id": "get_weather_1", "content": "4 degrees"},
        {"role": "tool", "tool_call_id": "now_2", "content": "12:00"},
        {"role": "assistant", **ANSWERED},
        {"role": "user", "content": "Sure?"},
    ]


def test_what_weir_kept_whole_goes_back() -> None:
    """Blocks of unknown types to their place, late citations to the message's list."""
    picture, citation = {"type": "picture", "data": "abcd"}, {"start": 0, "end": 3}
    body = said(
        user("Hi"),
        assistant(
            Part(unknown=UnknownPart(type="cohere/picture", json=json.dumps(picture))),
            "Look.",
            Part(unknown=UnknownPart(type="cohere/citation", json=json.dumps(citation))),
        ),
        user("And?"),
    )
    assert body["messages"][1] == {
        "role": "assistant",
        "content": [picture, {"type": "text", "text": "Look."}],
        "citations": [citation],
    }


def test_what_another_vendor_said_crosses_as_far_as_it_can() -> None:
    """Words go on without another's signature; items that only it knows are named and left out."""
    spoken = assistant(
        Part(reasoning=ReasoningPart(text="Hmm."), provider_state=b"anthropic:sig"),
        Part(reasoning=ReasoningPart(), provider_state=b"anthropic:redacted"),
        Part(refusal=RefusalPart(text="I will not.")),
        Part(unknown=UnknownPart(type="anthropic/mcp", json="{}")),
    )
    assert said(user("Hi"), spoken, user("Why?"))["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hmm."},
        {"type": "text", "text": "I will not."},
    ]
    assert warned(user("Hi"), spoken, user("Why?")) == [
        "messages[1].parts[0].provider_state",
        "messages[1].parts[1].provider_state",
        "messages[1].parts[1].reasoning",
        "messages[1].parts[3].unknown",
    ]


def test_a_name_is_refused_or_dropped() -> None:
    """The protocol has no place for who of several users speaks; of the model's own it is left
    out, as nobody can choose that any more."""
    named = Message(role=user("Hi").role, name="alice", parts=user("Hi").parts)
    with pytest.raises(UnsupportedOption) as refusal:
        said(named)
    assert refusal.value.violations[0].field == "messages[0].name"
    policy = UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    assert warned(named, unsupported_option_policy=policy) == ["messages[0].name"]
    mine = Message(role=assistant("Hi").role, name="bot", parts=assistant("Hi").parts)
    assert warned(user("Hi"), mine, user("Go on")) == ["messages[1].name"]


def test_a_failed_tool_says_so() -> None:
    """In the content, as the protocol has no mark for it."""
    answers = tools(result("a", failed=True), result("b", "One.", "Two.", failed=True))
    body = said(user("Hi"), assistant(call("a", "f", "{}"), call("b", "f", "{}")), answers)
    assert [message["content"] for message in body["messages"][2:]] == [
        "Error: the tool failed without a message",
        [{"type": "text", "text": "Error: One."}, {"type": "text", "text": "Two."}],
    ]


def test_a_picture_may_be_looked_at_closely() -> None:
    """The detail goes along; a file of another vendor's does not."""
    image = MediaPart(mime_type="image/png", inline_data=PNG, detail=MEDIA_DETAIL_LOW)
    content = said(user("?", Part(media=image)))["messages"][0]["content"]
    assert content[1]["image_url"]["detail"] == "low"
    with pytest.raises(InvalidRequest):
        said(user("?", Part(media=MediaPart(mime_type="image/png", file_id="file-1"))))


STRICT, LAX, OPEN = (
    Tool(function=FunctionTool(name=name, strict=strict))
    for name, strict in (("a", True), ("b", False), ("c", None))
)
_ALLOWED = AllowedTools(mode=ToolChoiceMode.TOOL_CHOICE_MODE_AUTO, names=["a"])
_FORBIDDEN = AllowedTools(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE, names=["a"])
_SCHEMA = JsonSchemaFormat(name="x", schema_json="{}", description="Of a place.", max_repairs=1)


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"top_p": 1.0}, ["top_p"]),
        ({"top_k": 501}, ["top_k"]),
        ({"frequency_penalty": -0.1}, ["frequency_penalty"]),
        ({"presence_penalty": 1.5}, ["presence_penalty"]),
        ({"seed": -1}, ["seed"]),
        ({"stop_sequences": list("abcdef")}, ["stop_sequences"]),
        ({"top_logprobs": 1}, ["top_logprobs"]),
        ({"tools": [STRICT, LAX]}, ["tools[0].function.strict"]),
        ({"tools": [Tool(server=ServerTool(type="web_search"))]}, ["tools[0].server"]),
        ({"tool_choice": ToolChoice(allowed=_ALLOWED)}, ["tool_choice.allowed"]),
        (
            {"output_format": OutputFormat(grammar=GrammarFormat(syntax="gbnf"))},
            ["output_format.grammar"],
        ),
        (
            {"output_format": OutputFormat(json_schema=_SCHEMA)},
            ["output_format.json_schema.description"],
        ),
        (
            {"reasoning": ReasoningOptions(visibility=REASONING_VISIBILITY_SUMMARY)},
            ["reasoning.visibility"],
        ),
    ],
)
def test_what_lies_outside_is_refused_before_it_is_sent(
    options: dict[str, Any], fields: list[str]
) -> None:
    """The vendor's bounds are known: the caller hears of the field at once, or is warned."""
    with pytest.raises(UnsupportedOption) as refusal:
        said(**options)
    paths = [f"options.{field}" for field in fields]
    assert [violation.field for violation in refusal.value.violations] == paths
    policy = UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    assert warned(unsupported_option_policy=policy, **options) == paths


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"tools": [STRICT, OPEN]}, {"strict_tools": True}),
        ({"tools": [LAX, OPEN]}, {"strict_tools": False}),
        ({"top_logprobs": 0}, {"logprobs": True}),
        ({"parallel_tool_calls": True}, {}),
        ({"tool_choice": ToolChoice(allowed=_FORBIDDEN)}, {"tool_choice": "NONE"}),
        (
            {"reasoning": ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_NONE)},
            {"thinking": {"type": "disabled"}},
        ),
        ({"top_p": 0.99, "top_k": 500}, {"p": 0.99, "k": 500}),
    ],
)
def test_options_in_the_vendors_words(options: dict[str, Any], expected: dict[str, Any]) -> None:
    """What can be said is said, and nothing besides."""
    body = said(**options)
    for name in ("model", "messages", "stream", "tools"):
        body.pop(name, None)
    assert body == expected


def test_extensions_bring_documents_and_safety_modes() -> None:
    """Byte for byte; what Weir writes itself they cannot touch."""
    extension = ProviderExtension(
        provider_kind="cohere",
        json='{"documents":[{"data":{"text":"a"},"id":"1"}],"safety_mode":"STRICT"}',
    )
    body = said(extensions=[extension])
    assert body["documents"] == [{"data": {"text": "a"}, "id": "1"}]
    assert body["safety_mode"] == "STRICT"
    for taken in ('{"stream":true}', '{"model":"other"}', '{"k":1}'):
        with pytest.raises(InvalidRequest):
            said(top_k=2, extensions=[ProviderExtension(provider_kind="cohere", json=taken)])


def test_a_completion_is_a_chat() -> None:
    """There is no endpoint for completions in this version."""
    ours = CohereWire().encode(CompleteRequest(prompt="Once"), TARGET, stream=True)
    assert ours.path == "/v2/chat"
    assert json.loads(ours.body)["messages"] == [{"role": "user", "content": "Once"}]
