"""Does Anthropic get what was asked for, in its own words, and does nobody ask it in vain?"""

import json
from typing import Any

import pytest
from anthropic.types import MessageCreateParams, MessageTokensCount
from pydantic import TypeAdapter

from tests.contracts.asks import ASKS, SCHEMA_JSON, system, user
from tests.contracts.vendor_wire import Refused
from tests.contracts.wire_format import TARGET
from tests.providers.wire import anthropic_words as w
from tests.providers.wire.test_anthropic_contract import ASKS as SAID
from tests.providers.wire.test_anthropic_contract import WEATHER
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
    UnsupportedOption,
    UpstreamProtocolError,
)
from weir_server.core.target import Target
from weir_server.providers.wire.anthropic.wire import AnthropicWire

HIDDEN = ReasoningVisibility.REASONING_VISIBILITY_HIDDEN
SUMMARY = ReasoningVisibility.REASONING_VISIBILITY_SUMMARY
FULL = ReasoningVisibility.REASONING_VISIBILITY_FULL


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
    said = w.body_with(reasoning=reasoning)
    assert {key: said[key] for key in ("thinking", "output_config") if key in said} == expected


def test_a_budget_below_the_vendors_least_is_refused() -> None:
    """As is one beside no reasoning at all."""
    few = w.refused(reasoning=ReasoningOptions(budget_tokens=1023))
    none = w.refused(
        reasoning=ReasoningOptions(budget_tokens=2048, effort=ReasoningEffort.REASONING_EFFORT_NONE)
    )
    assert w.fields(few) == w.fields(none) == ["options.reasoning.budget_tokens"]


def test_a_schema_and_an_effort_share_their_object() -> None:
    """Both are about the output."""
    schema = JsonSchemaFormat(name="place", schema_json=SCHEMA_JSON)
    said = w.body_with(
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
    assert w.fields(refusal.value) == [field]
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
    said = w.body_with(tools=[*ASKS["any tool"].options.tools, Tool(server=tool)])
    assert said["tools"] == [WEATHER, expected]


@pytest.mark.parametrize("config", ['{"type":"x"}', "[]", "{"])
def test_settings_of_a_tool_are_an_object_of_their_own(config: str) -> None:
    """They cannot say which tool it is."""
    tool = Tool(server=ServerTool(type="web_search_20250305", config_json=config))
    assert w.fields(w.refused(tools=[tool])) == ["options.tools[0].server.config_json"]


def test_one_call_at_a_time_goes_with_the_choice() -> None:
    """With any choice but none; without tools there is nothing to say."""
    weather = list(ASKS["any tool"].options.tools)
    any_ = ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED)
    none = ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE)
    one = {"parallel_tool_calls": False}
    assert w.body_with(tools=weather, tool_choice=any_, **one)["tool_choice"] == {
        "type": "any",
        "disable_parallel_tool_use": True,
    }
    assert w.body_with(tools=weather, tool_choice=none, **one)["tool_choice"] == {"type": "none"}
    assert "tool_choice" not in w.body_with(**one)
    assert "tool_choice" not in w.body_with(tools=weather, parallel_tool_calls=True)


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
        refusal = w.refused(extensions=[extension])
        assert w.fields(refusal) == ["options.extensions[0].json"]


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
