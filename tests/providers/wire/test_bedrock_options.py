"""Are addresses and options said as boto3 says them, or in a maker's own words?"""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.asks import (
    NOW,
    system,
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
    refused,
    with_options,
)
from weir.v1.content_pb2 import (
    Modality,
)
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
    TextFormat,
    ToolChoice,
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


@pytest.mark.parametrize(
    ("model", "counted"),
    [
        ("us.anthropic.claude-haiku-4-5-v1:0", "anthropic.claude-haiku-4-5-v1%3A0"),
        ("global.amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1%3A0"),
        ("us-gov.anthropic.claude-x", "anthropic.claude-x"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-pro", "amazon.nova-pro"),
        ("anthropic.claude-3-5-sonnet-v2:0", "anthropic.claude-3-5-sonnet-v2%3A0"),
        ("meta.llama3.1-8b", "meta.llama3.1-8b"),
    ],
)
def test_tokens_are_counted_by_the_model_behind_a_profile(model: str, counted: str) -> None:
    """CountTokens takes foundation models only."""
    target = replace(TARGET, vendor_model=model)

    path = BedrockWire().encode_count(ChatRequest(messages=[user("Hi")]), target).path

    assert path == f"/model/{counted}/count-tokens"


def test_a_completion_is_a_chat_of_one_turn() -> None:
    """Converse has no completions of its own."""
    assert body_of(CompleteRequest(prompt="Once")) == body_of(ChatRequest(messages=[user("Once")]))


def test_embeddings_are_refused() -> None:
    """Converse makes none."""
    with pytest.raises(UnsupportedOption):
        BedrockWire().encode(EmbedRequest(inputs=[EmbedInput(text="a")]), TARGET, stream=False)


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
        ("moonshotai.kimi-k2.5", _LOW, {"reasoning_effort": "low"}, None),
        ("us.openai.gpt-5.6-sol", _LOW, {"reasoning": {"effort": "low"}}, None),
        ("us.openai.gpt-5.6-sol", _NONE, {"reasoning": {"effort": "none"}}, None),
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


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (
            {"output_format": OutputFormat(grammar=GrammarFormat(syntax="lark", definition="x"))},
            "output_format.grammar",
        ),
        (
            {"output_format": OutputFormat(json_schema=JsonSchemaFormat(schema_json="{"))},
            "output_format.json_schema.schema_json",
        ),
        ({"output_modalities": [Modality.MODALITY_IMAGE]}, "output_modalities[0]"),
        (
            {"tool_choice": ToolChoice(allowed=AllowedTools(names=["gone"])), "tools": [NOW]},
            "tool_choice.allowed",
        ),
    ],
)
def test_what_has_no_word_is_named(options: dict[str, Any], field: str) -> None:
    """Each with its path."""
    request = ChatRequest(messages=[user("Hi")], options=GenerationOptions(**options))

    assert refused(request) == [f"options.{field}"]


def test_a_schema_with_what_it_describes() -> None:
    """Text needs no words, and a description goes along."""
    schema = JsonSchemaFormat(name="n", schema_json="{}", description="d")
    said = with_options(output_format=OutputFormat(json_schema=schema))["outputConfig"]

    assert said["textFormat"]["structure"]["jsonSchema"] == {
        "name": "n",
        "schema": "{}",
        "description": "d",
    }
    assert "outputConfig" not in with_options(output_format=OutputFormat(text=TextFormat()))


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
