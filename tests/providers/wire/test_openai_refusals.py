"""What can OpenAI's protocol not say? Every such field is named; none is left out silently."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.contracts.wire_format import TARGET
from tests.providers.wire.intents import HI, WEATHER
from weir.v1.content_pb2 import (
    MediaPart,
    Message,
    Modality,
    Part,
    Role,
    ToolCallPart,
    ToolResultPart,
)
from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbeddingTask,
    EmbedInput,
    EmbedRequest,
)
from weir.v1.generation_pb2 import (
    FunctionTool,
    GenerationOptions,
    GrammarFormat,
    JsonObjectFormat,
    JsonSchemaFormat,
    OutputFormat,
    ProviderExtension,
    ReasoningEffort,
    ReasoningOptions,
    ReasoningVisibility,
    ServerTool,
    Tool,
    ToolChoice,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import InvalidRequest
from weir_server.core.handler import Request
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.openai.quirks import LLAMA_CPP, OPENAI, Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

REPAIRED = GenerationOptions(
    output_format=OutputFormat(
        json_schema=JsonSchemaFormat(name="n", schema_json="{}", max_repairs=2)
    )
)
BYTES = MediaPart(mime_type="image/png", inline_data=b"x")


def encode(request: Request, quirks: Quirks = OPENAI) -> HttpRequest:
    """Say a request."""
    return OpenAIWire(quirks).encode(request, TARGET, stream=False)


def refusal(request: Request, quirks: Quirks = OPENAI) -> InvalidRequest:
    """Return the error that a request is refused with."""
    with pytest.raises(InvalidRequest) as raised:
        encode(request, quirks)
    return raised.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsayable:
    """A request that cannot be said, and what the error names."""

    request: Request
    fields: list[str]
    reason: str = "UNSUPPORTED_OPTION"
    quirks: Quirks = OPENAI


def _options(options: GenerationOptions, *fields: str, quirks: Quirks = OPENAI) -> Unsayable:
    return Unsayable(
        request=ChatRequest(messages=[HI], options=options), fields=list(fields), quirks=quirks
    )


def _part(role: Role.ValueType, part: Part, field: str, reason: str) -> Unsayable:
    message = Message(role=role, parts=[Part(text="a"), part])
    return Unsayable(
        request=ChatRequest(messages=[HI, message]),
        fields=[f"messages[1].parts[1].{field}"],
        reason=reason,
    )


def _medium(medium: MediaPart) -> Unsayable:
    return _part(Role.ROLE_USER, Part(media=medium), "media", "UNSUPPORTED_MODALITY")


UNSAYABLE: Mapping[str, Unsayable] = {
    "top_k": _options(GenerationOptions(top_k=5), "options.top_k"),
    "too many stop sequences": _options(
        GenerationOptions(stop_sequences=["a", "b", "c", "d", "e"]), "options.stop_sequences"
    ),
    "a tool that the provider runs": _options(
        GenerationOptions(tools=[WEATHER, Tool(server=ServerTool(type="web_search"))]),
        "options.tools[1].server",
    ),
    "a grammar": _options(
        GenerationOptions(output_format=OutputFormat(grammar=GrammarFormat(syntax="gbnf"))),
        "options.output_format.grammar",
    ),
    "a grammar in another syntax": _options(
        GenerationOptions(output_format=OutputFormat(grammar=GrammarFormat(syntax="lark"))),
        "options.output_format.grammar",
        quirks=LLAMA_CPP,
    ),
    "a budget of reasoning": _options(
        GenerationOptions(reasoning=ReasoningOptions(budget_tokens=100)),
        "options.reasoning.budget_tokens",
    ),
    "a summary of reasoning": _options(
        GenerationOptions(
            reasoning=ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_SUMMARY)
        ),
        "options.reasoning.visibility",
    ),
    "reasoning at a vendor without": _options(
        GenerationOptions(reasoning=ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_LOW)),
        "options.reasoning.effort",
        quirks=LLAMA_CPP,
    ),
    "a schema at a vendor without": _options(
        GenerationOptions(
            output_format=OutputFormat(json_schema=JsonSchemaFormat(name="n", schema_json="{}"))
        ),
        "options.output_format.json_schema",
        quirks=Quirks(unsupported_options=frozenset({"output_format.json_schema"})),
    ),
    "several at once": _options(
        GenerationOptions(top_k=5, seed=1, reasoning=ReasoningOptions(budget_tokens=1)),
        "options.seed",
        "options.top_k",
        "options.reasoning.budget_tokens",
        quirks=Quirks(unsupported_options=frozenset({"seed"})),
    ),
    "an extension that must not be ignored": _options(
        GenerationOptions(
            extensions=[ProviderExtension(provider_kind="other", json="{}", required=True)]
        ),
        "options.extensions[0]",
    ),
    "sound as output": Unsayable(
        request=ChatRequest(
            messages=[HI],
            options=GenerationOptions(
                output_modalities=[Modality.MODALITY_TEXT, Modality.MODALITY_AUDIO]
            ),
        ),
        fields=["options.output_modalities[1]"],
        reason="UNSUPPORTED_MODALITY",
    ),
    "a video": _medium(MediaPart(mime_type="video/mp4", inline_data=b"x")),
    "an image by its file": _medium(MediaPart(mime_type="image/png", file_id="file-1")),
    "sound of another format": _medium(MediaPart(mime_type="audio/ogg", inline_data=b"x")),
    "sound by its address": _medium(MediaPart(mime_type="audio/wav", uri="https://x.org/a")),
    "a document by its address": _medium(
        MediaPart(mime_type="application/pdf", uri="https://x.org/a")
    ),
    "an image in instructions": _part(
        Role.ROLE_SYSTEM, Part(media=BYTES), "media", "UNSUPPORTED_MODALITY"
    ),
    "a tool call by the user": _part(
        Role.ROLE_USER, Part(tool_call=ToolCallPart(id="c")), "tool_call", "UNSUPPORTED_OPTION"
    ),
    "an image as a tool's result": Unsayable(
        request=ChatRequest(
            messages=[
                Message(
                    role=Role.ROLE_TOOL,
                    parts=[
                        Part(
                            tool_result=ToolResultPart(
                                tool_call_id="c", content=[Part(text="a"), Part(media=BYTES)]
                            )
                        )
                    ],
                )
            ]
        ),
        fields=["messages[0].parts[0].tool_result.content[1].media"],
        reason="UNSUPPORTED_MODALITY",
    ),
    "tools for a completion": Unsayable(
        request=CompleteRequest(
            prompt="a",
            options=GenerationOptions(
                tools=[WEATHER],
                tool_choice=ToolChoice(function_name="get_weather"),
                output_format=OutputFormat(json_object=JsonObjectFormat()),
            ),
        ),
        fields=["options.tools", "options.tool_choice", "options.output_format.json_object"],
        quirks=Quirks(legacy_completions=True),
    ),
    "an image to embed": Unsayable(
        request=EmbedRequest(inputs=[EmbedInput(text="a"), EmbedInput(media=BYTES)]),
        fields=["inputs[1].media"],
        reason="UNSUPPORTED_MODALITY",
    ),
    "vectors of bits": Unsayable(
        request=EmbedRequest(
            inputs=[EmbedInput(text="a")], encoding=EmbeddingEncoding.EMBEDDING_ENCODING_BINARY
        ),
        fields=["encoding"],
    ),
    "vectors for a purpose": Unsayable(
        request=EmbedRequest(
            inputs=[EmbedInput(text="a")], task=EmbeddingTask.EMBEDDING_TASK_QUERY
        ),
        fields=["task"],
    ),
    "an option and a medium": Unsayable(
        request=ChatRequest(
            messages=[Message(role=Role.ROLE_SYSTEM, parts=[Part(media=BYTES)])],
            options=GenerationOptions(top_k=5),
        ),
        fields=["messages[0].parts[0].media", "options.top_k"],
        reason="INVALID_REQUEST",
    ),
}


@pytest.mark.parametrize("case", UNSAYABLE)
def test_what_cannot_be_said_is_named(case: str) -> None:
    """The error has the reason of its kind and the path of every such field."""
    unsayable = UNSAYABLE[case]

    error = refusal(unsayable.request, unsayable.quirks)

    assert error.name() == unsayable.reason
    assert [violation.field for violation in error.violations] == unsayable.fields
    assert all(violation.description and violation.rule for violation in error.violations)


def test_options_may_be_left_out_with_a_warning() -> None:
    """Where the caller prefers it, the request is sent without them, and they are named."""
    options = GenerationOptions(
        top_k=5,
        temperature=0.5,
        tools=[Tool(server=ServerTool(type="web_search"))],
        unsupported_option_policy=UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING,
    )

    request = encode(ChatRequest(messages=[HI], options=options))

    assert json.loads(request.body) == {
        "model": "test-1",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5,
    }
    assert [(w.code, w.field) for w in request.warnings] == [
        ("OPTION_DROPPED", "options.top_k"),
        ("OPTION_DROPPED", "options.tools[0].server"),
    ]


def test_repairs_are_no_business_of_the_provider() -> None:
    """The schema itself is asked for; who judges the answer by it is Weir, not the vendor."""
    request = encode(ChatRequest(messages=[HI], options=REPAIRED))

    said = json.loads(request.body)["response_format"]["json_schema"]
    assert said == {"name": "n", "schema": {}}
    assert not request.warnings


def test_parts_are_never_left_out() -> None:
    """The policy is about options; half a conversation is not what was asked."""
    options = GenerationOptions(
        unsupported_option_policy=UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    message = Message(role=Role.ROLE_SYSTEM, parts=[Part(media=BYTES)])

    error = refusal(ChatRequest(messages=[message], options=options))

    assert error.name() == "UNSUPPORTED_MODALITY"


SMUGGLED = [
    '{}}, "model": "dear", "x": {"a": {',
    '{} , "stream": false',
    "{",
    "",
    "nonsense",
    '{"a": 1} // comment',
]


@pytest.mark.parametrize("text", [text for text in SMUGGLED if text])
def test_json_text_cannot_smuggle_fields(text: str) -> None:
    """A schema that is not exactly one JSON value never reaches the request."""
    tool = Tool(function=FunctionTool(name="f", parameters_json_schema=text))

    error = refusal(ChatRequest(messages=[HI], options=GenerationOptions(tools=[tool])))

    assert error.name() == "TOOL_SCHEMA_INVALID"
    assert error.violations[0].field == "options.tools[0].function.parameters_json_schema"


@pytest.mark.parametrize("text", SMUGGLED)
def test_a_schema_of_the_answer_cannot_smuggle_fields(text: str) -> None:
    """The same holds for the schema of the answer."""
    form = OutputFormat(json_schema=JsonSchemaFormat(name="n", schema_json=text))

    error = refusal(ChatRequest(messages=[HI], options=GenerationOptions(output_format=form)))

    assert error.name() == "OUTPUT_SCHEMA_INVALID"
    assert error.violations[0].field == "options.output_format.json_schema.schema_json"


@pytest.mark.parametrize(
    "text",
    [
        '{"model":"dear"}',
        '{"messages":[]}',
        '{"stream":true}',
        '{"n":8}',
        '{"temperature":2}',
        '{"mod\\u0065l":"dear"}',
        "[]",
        *SMUGGLED,
    ],
)
def test_an_extension_cannot_override(text: str) -> None:
    """What Weir writes, and what steers the shape of the answer, is not the extension's."""
    options = GenerationOptions(
        temperature=0.5, extensions=[ProviderExtension(provider_kind="openai", json=text)]
    )

    error = refusal(ChatRequest(messages=[HI], options=options))

    assert error.name() == "INVALID_REQUEST"
    assert error.violations[0].field == "options.extensions[0].json"


def test_json_text_is_sent_byte_for_byte() -> None:
    """Spaces, key order, doubles and large numbers are the caller's own."""
    schema = '{ "z":1.50, "a" : 123456789012345678901234567890, "z":2 }'
    extension = '{"x" : { "b":1e2,\n "a":[ 1 ,2] }}'
    options = GenerationOptions(
        tools=[Tool(function=FunctionTool(name="f", parameters_json_schema=schema))],
        extensions=[ProviderExtension(provider_kind="openai", json=extension)],
    )

    body = encode(ChatRequest(messages=[HI], options=options)).body

    assert schema.encode() in body
    assert b'"x":{ "b":1e2,\n "a":[ 1 ,2] }' in body
