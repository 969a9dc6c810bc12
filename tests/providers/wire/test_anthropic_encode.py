"""Does Anthropic get what was asked for, in its own words, and does nobody ask it in vain?"""

import json
from typing import Any

import pytest
from anthropic.types import MessageCreateParams, MessageTokensCount
from pydantic import TypeAdapter

from tests.contracts.asks import ASKS, PDF, PNG, SCHEMA_JSON, result, system, tools, user
from tests.contracts.vendor_wire import Refused
from tests.contracts.wire_format import TARGET
from tests.providers.wire import anthropic_words as w
from tests.providers.wire.test_anthropic_contract import ASKS as SAID
from tests.providers.wire.test_anthropic_contract import WEATHER
from weir.v1.content_pb2 import CacheHint, MediaDetail, MediaPart, Message, Modality, Part, Role
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import (
    AllowedTools,
    GenerationOptions,
    GrammarFormat,
    JsonSchemaFormat,
    OutputFormat,
    ProviderExtension,
    ReasoningEffort,
    ReasoningOptions,
    ReasoningVisibility,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import (
    InvalidRequest,
    UnsupportedModality,
    UnsupportedOption,
    UpstreamProtocolError,
)
from weir_server.core.target import Target
from weir_server.providers.wire.anthropic.wire import AnthropicWire

HIDDEN = ReasoningVisibility.REASONING_VISIBILITY_HIDDEN
SUMMARY = ReasoningVisibility.REASONING_VISIBILITY_SUMMARY
FULL = ReasoningVisibility.REASONING_VISIBILITY_FULL


def body(*messages: Message, **options: Any) -> w.Json:
    """Return what is sent for these messages and options."""
    said = messages or (user("Hi"),)
    return w.body_of(ChatRequest(messages=said, options=GenerationOptions(**options)))


def refused(*messages: Message, **options: Any) -> InvalidRequest:
    """Return the refusal of these messages and options."""
    with pytest.raises(InvalidRequest) as refusal:
        body(*messages, **options)
    return refusal.value


def fields(refusal: InvalidRequest) -> list[str]:
    """Return the fields that a refusal names."""
    return [violation.field for violation in refusal.violations]


def test_every_request_is_one_of_the_sdks_own_type() -> None:
    """Its type of a request takes everything that is asked for, strictly."""
    adapter: TypeAdapter[Any] = TypeAdapter(MessageCreateParams)
    for name, request in ASKS.items():
        if isinstance(SAID[name], Refused):
            continue
        copy = ChatRequest()
        copy.CopyFrom(request)
        copy.options.unsupported_option_policy = (
            UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
        )
        adapter.validate_python(w.body_of(copy))


# --- Conversations --------------------------------------------------------------------------------


def test_instructions_stay_where_they_were_said() -> None:
    """Before the first turn they are the system prompt; later they are a turn of their own."""
    developer = Message(role=Role.ROLE_DEVELOPER, parts=[Part(text="Now in French.")])
    said = body(system("Be brief."), user("Hi"), developer, user("Again"))
    assert said["system"] == "Be brief."
    assert said["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Now in French."},
        {"role": "user", "content": "Again"},
    ]


def test_results_come_before_what_the_user_says() -> None:
    """Even where the words came first: the vendor wants it so."""
    said = body(user("Hurry!"), tools(result("c1", "1")), user("Well?"), tools(result("c2")))
    assert said["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
                {"type": "tool_result", "tool_use_id": "c2"},
                w.text("Hurry!"),
                w.text("Well?"),
            ],
        }
    ]


def test_an_empty_text_says_nothing() -> None:
    """The vendor refuses empty blocks."""
    assert body(user("", "Hi"))["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_speakers_name_has_no_place() -> None:
    """It is refused by its path, or left out with a warning."""
    named = Message(role=Role.ROLE_USER, name="alice", parts=[Part(text="Hi")])
    assert fields(refused(named)) == ["messages[0].name"]
    policy = UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    request = ChatRequest(
        messages=[named], options=GenerationOptions(unsupported_option_policy=policy)
    )
    said = AnthropicWire().encode(request, TARGET, stream=False)
    assert [each.field for each in said.warnings] == ["messages[0].name"]


def test_instructions_are_text() -> None:
    """Nothing else has a place there."""
    image = Part(media=MediaPart(mime_type="image/png", inline_data=PNG))
    said = Message(role=Role.ROLE_SYSTEM, parts=[image])
    refusal = refused(said, user("Hi"))
    assert isinstance(refusal, UnsupportedModality)
    assert fields(refusal) == ["messages[0].parts[0].media"]


MEDIA: dict[str, tuple[MediaPart, w.Json]] = {
    "an image by the id of a file": (
        MediaPart(modality=Modality.MODALITY_IMAGE, file_id="file_1"),
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
    ),
    "a document by the id of a file": (
        MediaPart(mime_type="application/pdf", file_id="file_1", filename="a.pdf"),
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "a.pdf"},
    ),
    "a document by its address": (
        MediaPart(mime_type="application/pdf", uri="https://example.com/a.pdf"),
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
    ),
    "a text": (
        MediaPart(mime_type="text/markdown; charset=utf-8", inline_data="# Grüße".encode()),
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "# Grüße"},
        },
    ),
    "an image to look at as the vendor does": (
        MediaPart(mime_type="IMAGE/PNG", inline_data=PNG, detail=MediaDetail.MEDIA_DETAIL_AUTO),
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR//+"},
        },
    ),
}


@pytest.mark.parametrize("name", MEDIA)
def test_a_medium_is_said_by_its_source(name: str) -> None:
    """By bytes, address or file; the same within the answer of a tool."""
    media, block = MEDIA[name]
    said = body(user("See", Part(media=media)), tools(result("c", Part(media=media))))
    answer, _, medium = said["messages"][0]["content"]
    assert medium == block
    assert answer["content"] == [block]


@pytest.mark.parametrize(
    "media",
    [
        MediaPart(mime_type="image/tiff", inline_data=b"II"),
        MediaPart(mime_type="video/mp4", uri="https://example.com/a.mp4"),
        MediaPart(mime_type="audio/wav", inline_data=b"RIFF"),
        MediaPart(mime_type="application/zip", inline_data=b"PK"),
        MediaPart(mime_type="text/plain", inline_data=b"\xff\xfe"),
    ],
)
def test_a_medium_that_cannot_be_carried_is_refused(media: MediaPart) -> None:
    """By its path, whatever it is."""
    refusal = refused(user(Part(media=media)))
    assert isinstance(refusal, UnsupportedModality)
    assert fields(refusal) == ["messages[0].parts[0].media"]


def test_a_closer_look_cannot_be_asked_for() -> None:
    """It is an option that the vendor does not have."""
    media = MediaPart(mime_type="image/png", inline_data=PNG, detail=MediaDetail.MEDIA_DETAIL_HIGH)
    assert fields(refused(user(Part(media=media)))) == ["messages[0].parts[0].media.detail"]


def test_hints_to_cache_mark_their_blocks() -> None:
    """Of instructions, words, media, calls and answers of tools, each with its time to live."""
    hint = CacheHint(ttl="1h")
    pdf = Part(
        media=MediaPart(mime_type="application/pdf", inline_data=PDF), cache_hint=CacheHint()
    )
    answer = result("c", Part(text="1", cache_hint=hint))
    answer.cache_hint.CopyFrom(hint)
    said = body(
        Message(role=Role.ROLE_SYSTEM, parts=[Part(text="Long.", cache_hint=hint)]),
        user(Part(text="Hi", cache_hint=hint), pdf),
        tools(answer),
    )
    hour = {"type": "ephemeral", "ttl": "1h"}
    result_, text, document = said["messages"][0]["content"]
    assert said["system"] == [w.text("Long.", cache_control=hour)]
    assert text == w.text("Hi", cache_control=hour)
    assert document["cache_control"] == {"type": "ephemeral"}
    assert result_["cache_control"] == hour
    assert result_["content"] == [w.text("1", cache_control=hour)]


def test_an_odd_time_to_live_is_refused() -> None:
    """The vendor knows two."""
    refusal = refused(user(Part(text="Hi", cache_hint=CacheHint(ttl="2h"))))
    assert isinstance(refusal, UnsupportedOption)
    assert fields(refusal) == ["messages[0].parts[0].cache_hint.ttl"]


# --- Options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "bound", "budget", "expected"),
    [(7, 64_000, 0, 7), (0, 64_000, 0, 64_000), (0, 0, 0, 8192), (0, 0, 4096, 8192 + 4096)],
)
def test_an_answer_has_a_bound(asked: int, bound: int, budget: int, expected: int) -> None:
    """The caller's, else the target's, else one that leaves room beyond what is thought."""
    options = GenerationOptions()
    if asked:
        options.max_output_tokens = asked
    if budget:
        options.reasoning.budget_tokens = budget
    target = Target(
        provider=TARGET.provider,
        model=TARGET.model,
        vendor_model="test-1",
        capabilities=TARGET.capabilities,
        max_output_tokens=bound,
    )
    request = ChatRequest(messages=[user("Hi")], options=options)
    said = json.loads(AnthropicWire().encode(request, target, stream=False).body)
    assert said["max_tokens"] == expected


Reasoning = ReasoningOptions
REASONING: dict[str, tuple[ReasoningOptions, w.Json]] = {
    "none": (
        Reasoning(effort=ReasoningEffort.REASONING_EFFORT_NONE, visibility=FULL),
        {"thinking": {"type": "disabled"}},
    ),
    "as little as it can": (
        Reasoning(effort=ReasoningEffort.REASONING_EFFORT_MINIMAL),
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
    ),
    "as much as it can, hidden": (
        Reasoning(effort=ReasoningEffort.REASONING_EFFORT_MAX, visibility=HIDDEN),
        {
            "thinking": {"type": "adaptive", "display": "omitted"},
            "output_config": {"effort": "max"},
        },
    ),
    "so many tokens, in short": (
        Reasoning(budget_tokens=2048, visibility=SUMMARY),
        {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "summarized"}},
    ),
    "both": (
        Reasoning(budget_tokens=2048, effort=ReasoningEffort.REASONING_EFFORT_LOW),
        {
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "output_config": {"effort": "low"},
        },
    ),
    "to be seen": (
        Reasoning(visibility=FULL),
        {"thinking": {"type": "adaptive", "display": "summarized"}},
    ),
    "whatever it does, hidden": (Reasoning(visibility=HIDDEN), {}),
    "nothing said": (Reasoning(), {}),
}


@pytest.mark.parametrize("name", REASONING)
def test_reasoning_is_asked_for(name: str) -> None:
    """By effort or by budget, and shown as the caller wants it."""
    reasoning, expected = REASONING[name]
    said = body(reasoning=reasoning)
    assert {key: said[key] for key in ("thinking", "output_config") if key in said} == expected


def test_a_budget_below_the_vendors_least_is_refused() -> None:
    """As is one beside no reasoning at all."""
    few = refused(reasoning=ReasoningOptions(budget_tokens=1023))
    none = refused(
        reasoning=ReasoningOptions(budget_tokens=2048, effort=ReasoningEffort.REASONING_EFFORT_NONE)
    )
    assert fields(few) == fields(none) == ["options.reasoning.budget_tokens"]


def test_a_schema_and_an_effort_share_their_object() -> None:
    """Both are about the output."""
    schema = JsonSchemaFormat(name="place", schema_json=SCHEMA_JSON)
    said = body(
        output_format=OutputFormat(json_schema=schema),
        reasoning=ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_HIGH),
    )
    assert said["output_config"] == {
        "effort": "high",
        "format": {"type": "json_schema", "schema": json.loads(SCHEMA_JSON)},
    }


UNSUPPORTED: dict[str, GenerationOptions] = {
    "options.temperature": GenerationOptions(temperature=1.5),
    "options.output_format.grammar": GenerationOptions(
        output_format=OutputFormat(grammar=GrammarFormat(syntax="gbnf", definition="root ::= x"))
    ),
    "options.output_format.json_schema.description": GenerationOptions(
        output_format=OutputFormat(
            json_schema=JsonSchemaFormat(name="a", schema_json="{}", description="A place.")
        )
    ),
    "options.output_format.json_schema.max_repairs": GenerationOptions(
        output_format=OutputFormat(
            json_schema=JsonSchemaFormat(name="a", schema_json="{}", max_repairs=1)
        )
    ),
    "options.tool_choice.allowed": GenerationOptions(
        tool_choice=ToolChoice(
            allowed=AllowedTools(mode=ToolChoiceMode.TOOL_CHOICE_MODE_AUTO, names=["f"])
        )
    ),
}


@pytest.mark.parametrize("field", UNSUPPORTED)
def test_what_the_vendor_lacks_is_refused_by_name(field: str) -> None:
    """Or left out with a warning, where the caller prefers that."""
    request = ChatRequest(messages=[user("Hi")], options=UNSUPPORTED[field])
    with pytest.raises(UnsupportedOption) as refusal:
        AnthropicWire().encode(request, TARGET, stream=False)
    assert fields(refusal.value) == [field]
    request.options.unsupported_option_policy = (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    said = AnthropicWire().encode(request, TARGET, stream=False)
    assert [each.field for each in said.warnings] == [field]


SERVER_TOOLS: dict[str, tuple[ServerTool, w.Json]] = {
    "dated": (
        ServerTool(type="web_search_20250305", config_json='{"max_uses":5}'),
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
    ),
    "named": (
        ServerTool(type="memory_20250818", config_json='{"name":"notes"}'),
        {"type": "memory_20250818", "name": "notes"},
    ),
    "a toolset": (
        ServerTool(type="computer_toolset_20260801"),
        {"type": "computer_toolset_20260801"},
    ),
    "of a server": (
        ServerTool(type="mcp_toolset", config_json='{"mcp_server_name":"one"}'),
        {"type": "mcp_toolset", "mcp_server_name": "one"},
    ),
}


@pytest.mark.parametrize("name", SERVER_TOOLS)
def test_the_vendors_own_tools(name: str) -> None:
    """By their type and settings, beside the caller's."""
    tool, expected = SERVER_TOOLS[name]
    said = body(tools=[*ASKS["any tool"].options.tools, Tool(server=tool)])
    assert said["tools"] == [WEATHER, expected]


@pytest.mark.parametrize("config", ['{"type":"x"}', "[]", "{"])
def test_settings_of_a_tool_are_an_object_of_their_own(config: str) -> None:
    """They cannot say which tool it is."""
    tool = Tool(server=ServerTool(type="web_search_20250305", config_json=config))
    assert fields(refused(tools=[tool])) == ["options.tools[0].server.config_json"]


def test_one_call_at_a_time_goes_with_the_choice() -> None:
    """With any choice but none; without tools there is nothing to say."""
    weather = list(ASKS["any tool"].options.tools)
    any_ = ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED)
    none = ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE)
    one = {"parallel_tool_calls": False}
    assert body(tools=weather, tool_choice=any_, **one)["tool_choice"] == {
        "type": "any",
        "disable_parallel_tool_use": True,
    }
    assert body(tools=weather, tool_choice=none, **one)["tool_choice"] == {"type": "none"}
    assert "tool_choice" not in body(**one)
    assert "tool_choice" not in body(tools=weather, parallel_tool_calls=True)


def test_extensions_are_added_byte_for_byte() -> None:
    """Those of this kind of provider; none may say again what Weir says."""
    extension = ProviderExtension(
        provider_kind="anthropic", json='{"service_tier":"auto","x":1.50,"container":"c"}'
    )
    request = ChatRequest(messages=[user("Hi")], options=GenerationOptions(extensions=[extension]))
    said = AnthropicWire().encode(request, TARGET, stream=False).body
    assert b'"service_tier":"auto"' in said
    assert b'"x":1.50' in said
    for taken in ("stream", "model", "max_tokens", "messages"):
        extension.json = f'{{"{taken}":1}}'
        refusal = refused(extensions=[extension])
        assert fields(refusal) == ["options.extensions[0].json"]


def test_a_completion_is_a_chat() -> None:
    """With one message of the user."""
    said = AnthropicWire().encode(CompleteRequest(prompt="Once upon"), TARGET, stream=True)
    assert json.loads(said.body) == {
        "model": "test-1",
        "messages": [{"role": "user", "content": "Once upon"}],
        "max_tokens": 8192,
        "stream": True,
    }
    assert said.headers == {
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "accept": "text/event-stream",
    }


def test_there_are_no_embeddings() -> None:
    """Nothing is sent in their place."""
    with pytest.raises(UnsupportedOption):
        AnthropicWire().encode(EmbedRequest(inputs=[EmbedInput(text="a")]), TARGET, stream=False)


# --- Counting -------------------------------------------------------------------------------------


def test_a_chat_is_counted_with_all_that_goes_in() -> None:
    """The prompt with its tools, thinking and schema; nothing that only shapes the answer."""
    request = ChatRequest()
    request.CopyFrom(ASKS["one call at a time"])
    request.messages.insert(0, system("Be brief."))
    request.options.temperature = 0.5
    request.options.max_output_tokens = 10
    request.options.end_user_id = "u-1"
    request.options.reasoning.budget_tokens = 2048
    asked = AnthropicWire().encode_count(request, TARGET)
    assert (asked.method, asked.path) == ("POST", "/v1/messages/count_tokens")
    assert json.loads(asked.body) == {
        "model": "test-1",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [WEATHER],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2048},
    }


def test_the_count_is_read() -> None:
    """As the SDK's type of it has it; anything else is no count."""
    answer = MessageTokensCount(input_tokens=14).model_dump_json().encode()
    assert AnthropicWire().decode_count(answer) == 14
    for nonsense in (b"", b"[]", b"{}", b'{"input_tokens":-1}', b'{"input_tokens":true}'):
        with pytest.raises(UpstreamProtocolError):
            AnthropicWire().decode_count(nonsense)
