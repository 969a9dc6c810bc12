"""What of a request has Ollama a word for, and does a conversation survive there and back?"""

import json
from typing import Any

import pytest

from tests.contracts.asks import NOW, PNG, WEATHER, assistant, call, result, tools, user
from tests.contracts.wire_format import TARGET
from tests.providers.wire import ollama_samples as o
from weir.v1.content_pb2 import (
    MEDIA_DETAIL_HIGH,
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
from weir_server.providers.wire.ollama.wire import OllamaWire


def encoded(*messages: Message, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """The JSON of a chat request, and the fields that warnings name."""
    request = ChatRequest(messages=messages or [user("Hi")], options=GenerationOptions(**options))
    ours = OllamaWire().encode(request, TARGET, stream=False)
    return json.loads(ours.body), [warning.field for warning in ours.warnings]


def test_a_conversation_with_tools_comes_back_as_it_was() -> None:
    """Three turns: thoughts, ids, arguments and order go back exactly as the server said them."""
    calls = [
        o.call("get_weather", {"city": "Oslo", "at": 9007199254740993}, "call_a"),
        o.call("now", {}),
    ]
    first = o.folded_whole(o.last("I look.", thinking="Hm.", tool_calls=calls)).message
    answer = o.folded_whole(o.last("4°C", thinking="Warm.")).message
    made = f"call_{o.CALL_TIME}_1"
    body, warnings = encoded(
        user("Is it warm?"),
        first,
        tools(result("call_a", "4 degrees"), result(made, "12:00")),
        answer,
        user("Sure?"),
        tools=[WEATHER, NOW],
    )
    assert body["messages"] == [
        {"role": "user", "content": "Is it warm?"},
        {
            "role": "assistant",
            "content": "I look.",
            "thinking": "Hm.",
            "tool_calls": [
                {
                    "id": "call_a",
                    "function": {
                        "name": "get_weather",
                        "arguments": {"city": "Oslo", "at": 9007199254740993},
                    },
                },
                {"id": made, "function": {"name": "now", "arguments": {}}},
            ],
        },
        {
            "role": "tool",
            "content": "4 degrees",
            "tool_name": "get_weather",
            "tool_call_id": "call_a",
        },
        {"role": "tool", "content": "12:00", "tool_name": "now", "tool_call_id": made},
        {"role": "assistant", "content": "4°C", "thinking": "Warm."},
        {"role": "user", "content": "Sure?"},
    ]
    assert not warnings


def test_what_another_vendor_said_crosses_as_far_as_it_can() -> None:
    """Words go on without another's signature; items that only it knows are named and left out."""
    spoken = assistant(
        Part(reasoning=ReasoningPart(text="Hm."), provider_state=b"anthropic:sig"),
        Part(reasoning=ReasoningPart(), provider_state=b"anthropic:redacted"),
        Part(refusal=RefusalPart(text="I will not.")),
        Part(unknown=UnknownPart(type="anthropic/mcp", json="{}")),
    )
    body, warnings = encoded(user("Hi"), spoken, user("Why?"))
    assert body["messages"][1] == {
        "role": "assistant",
        "content": "I will not.",
        "thinking": "Hm.",
    }
    assert warnings == [
        "messages[1].parts[0].provider_state",
        "messages[1].parts[1].provider_state",
        "messages[1].parts[1].reasoning",
        "messages[1].parts[3].unknown",
    ]


@pytest.mark.parametrize(
    ("arguments", "said", "warned"),
    [
        ("", {}, False),
        (' {"a": 1} ', {"a": 1}, False),
        ('{"a":', {"INVALID_JSON": '{"a":'}, True),
        ("[1]", {"INVALID_JSON": "[1]"}, True),
    ],
)
def test_arguments_are_an_object(arguments: str, said: dict[str, Any], warned: bool) -> None:
    """What a model wrote that is none is put into one; the conversation goes on."""
    body, warnings = encoded(
        user("Hi"), assistant(call("a", "f", arguments)), tools(result("a", "ok"))
    )
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == said
    assert warnings == (["messages[1].parts[0].tool_call.arguments_json"] if warned else [])


def test_a_failed_tool_says_so() -> None:
    """In the content, as the protocol has no mark for it; a result that names its tool may."""
    body, _ = encoded(
        user("Hi"),
        assistant(call("a", "f", "{}")),
        tools(result("a", failed=True), result("b", "One.", "Two.", name="g", failed=True)),
    )
    assert body["messages"][2:] == [
        {
            "role": "tool",
            "content": "Error: the tool failed without a message",
            "tool_name": "f",
            "tool_call_id": "a",
        },
        {"role": "tool", "content": "Error: One.\nTwo.", "tool_name": "g", "tool_call_id": "b"},
    ]


def test_a_closer_look_is_refused_or_dropped() -> None:
    """Images have no such option here."""
    image = MediaPart(mime_type="image/png", inline_data=PNG, detail=MEDIA_DETAIL_HIGH)
    with pytest.raises(UnsupportedOption):
        encoded(user(Part(media=image)))
    body, warned = encoded(
        user(Part(media=image)),
        unsupported_option_policy=UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING,
    )
    assert body["messages"][0]["images"]
    assert warned == ["messages[0].parts[0].media.detail"]


def test_a_name_is_refused_or_dropped() -> None:
    """The protocol has no place for who of several users speaks."""
    named = Message(role=user("Hi").role, name="alice", parts=user("Hi").parts)
    with pytest.raises(UnsupportedOption) as refusal:
        encoded(named)
    assert refusal.value.violations[0].field == "messages[0].name"
    policy = UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    assert encoded(named, unsupported_option_policy=policy)[1] == ["messages[0].name"]


M = ToolChoiceMode
_SCHEMA = JsonSchemaFormat(name="x", schema_json="{}", description="Of a place.", max_repairs=1)


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"tools": [Tool(server=ServerTool(type="web_search"))]}, ["tools[0].server"]),
        (
            {
                "tool_choice": ToolChoice(
                    allowed=AllowedTools(mode=M.TOOL_CHOICE_MODE_AUTO, names=["a"])
                )
            },
            ["tool_choice.allowed"],
        ),
        (
            {"output_format": OutputFormat(grammar=GrammarFormat(syntax="gbnf"))},
            ["output_format.grammar"],
        ),
        (
            {"output_format": OutputFormat(json_schema=_SCHEMA)},
            ["output_format.json_schema.description"],
        ),
        (
            {"reasoning": ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_MINIMAL)},
            ["reasoning.effort"],
        ),
        (
            {"reasoning": ReasoningOptions(visibility=REASONING_VISIBILITY_SUMMARY)},
            ["reasoning.visibility"],
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_or_dropped(
    options: dict[str, Any], fields: list[str]
) -> None:
    """The caller hears of the field at once, or is warned."""
    paths = [f"options.{field}" for field in fields]
    with pytest.raises(UnsupportedOption) as refusal:
        encoded(**options)
    assert [violation.field for violation in refusal.value.violations] == paths
    policy = UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    assert encoded(unsupported_option_policy=policy, **options)[1] == paths


@pytest.mark.parametrize(
    ("effort", "said"), [("NONE", False), ("LOW", "low"), ("MEDIUM", "medium"), ("MAX", "max")]
)
def test_effort_is_a_level(effort: str, said: str | bool) -> None:
    """Or none at all."""
    value = ReasoningEffort.Value(f"REASONING_EFFORT_{effort}")
    assert encoded(reasoning=ReasoningOptions(effort=value))[0]["think"] == said


def test_a_model_that_may_call_no_tool_hears_of_none() -> None:
    """The protocol has no word for it, and this is what the word would mean."""
    nothing = ToolChoice(allowed=AllowedTools(mode=M.TOOL_CHOICE_MODE_NONE, names=["now"]))
    body, warnings = encoded(tools=[NOW], tool_choice=nothing)
    assert "tools" not in body
    assert not warnings


def extension(text: str) -> ProviderExtension:
    return ProviderExtension(provider_kind="ollama", json=text)


def test_extensions_add_to_the_models_options() -> None:
    """Beside what the caller's options set there; the rest stands at the top, byte for byte."""
    more = extension('{"options":{"num_ctx":8192,"min_p":0.05},"keep_alive":"10m"}')
    body, _ = encoded(top_k=40, extensions=[more])
    assert body["options"] == {"top_k": 40, "num_ctx": 8192, "min_p": 0.05}
    assert body["keep_alive"] == "10m"
    assert encoded(extensions=[more])[0]["options"] == {"num_ctx": 8192, "min_p": 0.05}


@pytest.mark.parametrize(
    "text",
    [
        '{"options":{"top_k":1}}',
        '{"options":[1]}',
        '{"options":null}',
        '{"stream":true}',
        '{"_debug_render_only":true}',
    ],
)
def test_extensions_cannot_touch_what_weir_writes(text: str) -> None:
    """Neither at the top nor among the model's options."""
    with pytest.raises(InvalidRequest) as refusal:
        encoded(top_k=40, extensions=[extension(text)])
    assert [it.field for it in refusal.value.violations] == ["options.extensions[0].json"]


def test_a_completion_is_a_chat() -> None:
    """A template is what a chat model needs, and only the chat has one."""
    ours = OllamaWire().encode(CompleteRequest(prompt="Once"), TARGET, stream=True)
    assert ours.path == "/api/chat"
    assert json.loads(ours.body)["messages"] == [{"role": "user", "content": "Once"}]
