"""Are addresses, tools and options said as boto3 says them, or in a maker's own words?"""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.asks import (
    NOW,
    SCHEMA_JSON,
    WEATHER,
    assistant,
    call,
    result,
    system,
    tools,
    user,
)
from tests.contracts.wire_format import TARGET
from tests.providers.wire import converse as c
from tests.providers.wire.bedrock_asking import (
    CLAUDE,
    NOVA,
    PROFILE,
    body_of,
    boto3_says,
    encode,
    medium,
    refused,
    turns_of,
    warned,
    with_options,
)
from weir.v1.content_pb2 import (
    Part,
    UnknownPart,
)
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import (
    AllowedTools,
    FunctionTool,
    GenerationOptions,
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
from weir_server.core.errors import UnsupportedOption
from weir_server.providers.wire.bedrock.wire import BedrockWire

# --- Where it goes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3-3-70b-v1:0",
        PROFILE,
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123def456",
        "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:prompt-router/x.y:1",
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/a_b~c",
    ],
)
async def test_a_model_is_one_segment_of_the_path(model: str) -> None:
    """Profiles and ARNs are escaped as boto3 escapes them."""
    theirs = await boto3_says(
        modelId=model, messages=[{"role": "user", "content": [{"text": "Hi"}]}]
    )

    ours = encode(ChatRequest(messages=[user("Hi")]), model)

    assert ours.path == theirs.path
    assert ours.headers["content-type"] == theirs.headers["content-type"]


async def test_tokens_are_counted_of_what_would_be_sent() -> None:
    """CountTokens gets the conversation and the tools, and nothing that only steers the answer."""
    request = ChatRequest(
        messages=[system("Be brief."), user("Hi")],
        options=GenerationOptions(tools=[NOW], temperature=0.5, top_k=3),
    )
    target = replace(TARGET, vendor_model="anthropic.claude-x-v1:0")
    spec = {
        "name": "now",
        "description": "Tells the time.",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }

    ours = BedrockWire().encode_count(request, target)
    theirs = await boto3_says(
        "count_tokens",
        b'{"inputTokens": 11}',
        modelId="anthropic.claude-x-v1:0",
        input={
            "converse": {
                "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
                "system": [{"text": "Be brief."}],
                "toolConfig": {"tools": [{"toolSpec": spec}]},
                "additionalModelRequestFields": {"top_k": 3},
            }
        },
    )

    assert (ours.path, json.loads(ours.body)) == (theirs.path, theirs.json)
    assert BedrockWire().decode_count(b'{"inputTokens": 11}') == 11


def test_a_completion_is_a_chat_of_one_turn() -> None:
    """Converse has no completions of its own."""
    assert body_of(CompleteRequest(prompt="Once")) == body_of(ChatRequest(messages=[user("Once")]))


def test_embeddings_are_refused() -> None:
    """Converse makes none."""
    with pytest.raises(UnsupportedOption):
        BedrockWire().encode(EmbedRequest(inputs=[EmbedInput(text="a")]), TARGET, stream=False)


# --- Tools ----------------------------------------------------------------------------------------


def _names(body: Any) -> list[str]:
    return [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]


def test_allowed_tools_are_the_ones_offered() -> None:
    """What may not be called is not offered at all."""
    allowed = AllowedTools(mode=ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED, names=["now"])

    body = with_options(tools=[WEATHER, NOW], tool_choice=ToolChoice(allowed=allowed))

    assert _names(body) == ["now"]
    assert body["toolConfig"]["toolChoice"] == {"any": {}}


def test_no_tool_in_a_conversation_with_calls_is_refused() -> None:
    """There the vendor wants the tools, and then there is no word for using none."""
    request = ChatRequest(
        messages=[
            user("Now?"),
            assistant(call("c", "now", "{}")),
            tools(result("c", "12:00", name="now")),
        ],
        options=GenerationOptions(
            tools=[NOW], tool_choice=ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE)
        ),
    )

    assert refused(request) == ["options.tool_choice"]
    request.options.unsupported_option_policy = (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    assert warned(request) == [("OPTION_DROPPED", "options.tool_choice")]
    assert _names(body_of(request)) == ["now"]


def test_a_tool_that_the_vendor_runs_is_known_by_name() -> None:
    """It has no settings: some would be refused."""
    grounding = Tool(server=ServerTool(type="nova_grounding"))

    body = with_options(NOVA, tools=[grounding])

    assert body["toolConfig"] == {"tools": [{"systemTool": {"name": "nova_grounding"}}]}
    grounding.server.config_json = "{}"
    request = ChatRequest(messages=[user("Hi")], options=GenerationOptions(tools=[grounding]))
    assert refused(request) == ["options.tools[0].server.config_json"]


def test_a_name_with_a_dot_is_refused() -> None:
    """The vendor would refuse it in words that say less."""
    tool = Tool(function=FunctionTool(name="a.b", parameters_json_schema=SCHEMA_JSON))
    request = ChatRequest(messages=[user("Hi")], options=GenerationOptions(tools=[tool]))

    assert refused(request) == ["options.tools[0].function.name"]


def test_arguments_go_back_byte_for_byte() -> None:
    """As the model wrote them; none are an empty object, and what is no JSON is refused."""
    messages = [user("Hi"), assistant(call("a", "f", '{"x": 1.0}'), call("b", "g", ""))]
    body = encode(ChatRequest(messages=messages)).body

    assert b'"input":{"x": 1.0}' in body
    assert b'"input":{}' in body
    messages[1].parts[0].tool_call.arguments_json = "{"
    assert refused(ChatRequest(messages=messages)) == [
        "messages[1].parts[0].tool_call.arguments_json"
    ]


def test_a_failed_tool_says_so_where_there_is_no_status() -> None:
    """Only some makers' models take a status; to others the content says it."""
    failed = tools(result("c", "no city", name="f", failed=True))
    said = turns_of(
        user("Hi"), assistant(call("c", "f", "{}")), failed, model="cohere.command-r-v1:0"
    )

    assert said[-1]["content"][0]["toolResult"] == {
        "toolUseId": "c",
        "content": [{"text": "Error:"}, {"text": "no city"}],
    }


def test_a_result_as_json() -> None:
    """A caller may give the vendor's own block; sound has no place in a result."""
    block = Part(unknown=UnknownPart(type="bedrock/json", json='{"json":{"t": 4}}'))
    said = turns_of(user("Hi"), assistant(call("c", "f", "{}")), tools(result("c", block)))

    assert said[-1]["content"][0]["toolResult"]["content"] == [{"json": {"t": 4}}]
    sound = medium(mime_type="audio/wav", inline_data=b"RIFF")
    request = ChatRequest(messages=[tools(result("c", sound))])
    assert refused(request) == ["messages[0].parts[0].tool_result.content[0].media"]


# --- Options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 40}),
        (NOVA, {"inferenceConfig": {"topK": 40}}),
        ("mistral.mistral-large-2407-v1:0", {"top_k": 40}),
        ("cohere.command-r-plus-v1:0", {"k": 40}),
    ],
)
def test_top_k_in_each_makers_words(model: str, fields: c.Json) -> None:
    """Converse has no word for it, so it goes beside."""
    assert with_options(model, top_k=40)["additionalModelRequestFields"] == fields


@pytest.mark.parametrize("model", ["meta.llama3-3-70b-instruct-v1:0", PROFILE])
def test_top_k_without_a_known_maker_is_refused(model: str) -> None:
    """Nobody knows what it would be called."""
    request = ChatRequest(messages=[user("Hi")], options=GenerationOptions(top_k=40))

    assert refused(request, model) == ["options.top_k"]


_LOW = ReasoningEffort.REASONING_EFFORT_LOW
_NONE = ReasoningEffort.REASONING_EFFORT_NONE


@pytest.mark.parametrize(
    ("model", "effort", "additional", "output"),
    [
        (CLAUDE, _LOW, {"thinking": {"type": "adaptive"}}, {"effort": "low"}),
        (CLAUDE, _NONE, {"thinking": {"type": "disabled"}}, None),
        (NOVA, _LOW, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, None),
        (NOVA, _NONE, {"reasoningConfig": {"type": "disabled"}}, None),
        ("openai.gpt-oss-120b-1:0", _LOW, {"reasoning_effort": "low"}, None),
        (PROFILE, _LOW, None, {"effort": "low"}),
        ("deepseek.v3-v1:0", _LOW, None, {"effort": "low"}),
    ],
)
def test_effort_in_each_makers_words(
    model: str, effort: ReasoningEffort.ValueType, additional: Any, output: Any
) -> None:
    """Converse's own option where the maker has none of its own."""
    body = with_options(model, reasoning=ReasoningOptions(effort=effort))

    assert body.get("additionalModelRequestFields") == additional
    assert body.get("outputConfig") == output


@pytest.mark.parametrize(
    ("model", "reasoning", "field"),
    [
        (CLAUDE, ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_MINIMAL), "effort"),
        (NOVA, ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_MAX), "effort"),
        (PROFILE, ReasoningOptions(effort=_NONE), "effort"),
        (NOVA, ReasoningOptions(budget_tokens=1024), "budget_tokens"),
        (
            CLAUDE,
            ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_SUMMARY),
            "visibility",
        ),
    ],
)
def test_reasoning_without_a_word_is_refused(
    model: str, reasoning: ReasoningOptions, field: str
) -> None:
    """What the maker's models cannot be told is named."""
    request = ChatRequest(messages=[user("Hi")], options=GenerationOptions(reasoning=reasoning))

    assert refused(request, model) == [f"options.reasoning.{field}"]


def _extended(*texts: str, **options: Any) -> ChatRequest:
    extensions = [ProviderExtension(provider_kind="bedrock", json=text) for text in texts]
    return ChatRequest(
        messages=[user("Hi")], options=GenerationOptions(extensions=extensions, **options)
    )


def test_extensions_go_in_byte_for_byte() -> None:
    """Guardrails, tiers and the like; the maker's own fields join those that options need."""
    request = _extended(
        '{"guardrailConfig":{"guardrailIdentifier":"g", "guardrailVersion":"1"}}',
        '{"additionalModelRequestFields":{"anthropic_beta":["x"], "n": 1.0}}',
        top_k=5,
    )

    body = encode(request).body

    assert b'"guardrailConfig":{"guardrailIdentifier":"g", "guardrailVersion":"1"}' in body
    assert b'"n":1.0' in body
    assert json.loads(body)["additionalModelRequestFields"] == {
        "anthropic_beta": ["x"],
        "n": 1.0,
        "top_k": 5,
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"messages":[]}',
        '{"toolConfig":{}}',
        '{"additionalModelRequestFields":{"top_k":1}}',
        '{"additionalModelRequestFields":[]}',
    ],
)
def test_an_extension_overwrites_nothing(text: str) -> None:
    """Neither the conversation nor what other options set."""
    assert all(
        field.startswith("options.extensions") for field in refused(_extended(text, top_k=5))
    )
