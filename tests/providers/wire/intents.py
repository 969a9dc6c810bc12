"""Which requests are said both by Weir and by the vendor's own SDK? Each intent in both forms."""

from dataclasses import dataclass
from typing import Any

from weir.v1.content_pb2 import (
    MediaDetail,
    MediaPart,
    Message,
    Modality,
    Part,
    ReasoningPart,
    RefusalPart,
    Role,
    ToolCallPart,
    ToolResultPart,
)
from weir.v1.generation_pb2 import (
    AllowedTools,
    FunctionTool,
    GenerationOptions,
    JsonObjectFormat,
    JsonSchemaFormat,
    OutputFormat,
    ProviderExtension,
    ReasoningEffort,
    ReasoningOptions,
    TextFormat,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from weir.v1.provider_service_pb2 import ChatRequest

SCHEMA = '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
SCHEMA_OBJECT = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
HI = Message(role=Role.ROLE_USER, parts=[Part(text="Hi")])
HI_SAID = {"role": "user", "content": "Hi"}
WEATHER = Tool(
    function=FunctionTool(
        name="get_weather",
        description="Tells the weather.",
        parameters_json_schema=SCHEMA,
        strict=True,
    )
)
WEATHER_SAID = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": SCHEMA_OBJECT,
        "strict": True,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One thing to ask, as the contract and as the SDK's arguments say it."""

    request: ChatRequest
    said: dict[str, Any]


def _messages(*messages: Message, said: list[Any]) -> Intent:
    return Intent(request=ChatRequest(messages=messages), said={"messages": said})


def _options(options: GenerationOptions, **said: object) -> Intent:
    return Intent(
        request=ChatRequest(messages=[HI], options=options), said={"messages": [HI_SAID], **said}
    )


def _user(*parts: Part, said: list[Any]) -> Intent:
    return _messages(
        Message(role=Role.ROLE_USER, parts=parts), said=[{"role": "user", "content": said}]
    )


def _choice(choice: ToolChoice, said: object) -> Intent:
    return _options(
        GenerationOptions(tools=[WEATHER], tool_choice=choice),
        tools=[WEATHER_SAID],
        tool_choice=said,
    )


MESSAGES: dict[str, Intent] = {
    "one user message": _messages(HI, said=[HI_SAID]),
    "system, developer and names": _messages(
        Message(role=Role.ROLE_SYSTEM, parts=[Part(text="Be brief.")]),
        Message(role=Role.ROLE_DEVELOPER, parts=[Part(text="In"), Part(text="French.")]),
        Message(role=Role.ROLE_USER, name="alice", parts=[Part(text="Hi")], id="m-1"),
        said=[
            {"role": "system", "content": "Be brief."},
            {
                "role": "developer",
                "content": [{"type": "text", "text": "In"}, {"type": "text", "text": "French."}],
            },
            {"role": "user", "name": "alice", "content": "Hi"},
        ],
    ),
    "an image by its bytes": _user(
        Part(text="What is it?"),
        Part(media=MediaPart(mime_type="image/png", inline_data=b"\x89PNG\xff\xfe")),
        said=[
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBOR//+"}},
        ],
    ),
    "an image by its address, closely": _user(
        Part(
            media=MediaPart(
                modality=Modality.MODALITY_IMAGE,
                uri="https://example.com/cat?a=1&b=ü",
                detail=MediaDetail.MEDIA_DETAIL_HIGH,
            )
        ),
        said=[
            {
                "type": "image_url",
                "image_url": {"url": "https://example.com/cat?a=1&b=ü", "detail": "high"},
            },
        ],
    ),
    "sound": _user(
        Part(media=MediaPart(mime_type="audio/wav", inline_data=b"RIFF")),
        Part(media=MediaPart(mime_type="audio/mpeg", inline_data=b"ID3")),
        said=[
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
        ],
    ),
    "documents": _user(
        Part(
            media=MediaPart(mime_type="application/pdf", inline_data=b"%PDF", filename="report.pdf")
        ),
        Part(media=MediaPart(modality=Modality.MODALITY_DOCUMENT, file_id="file-1")),
        said=[
            {
                "type": "file",
                "file": {
                    "filename": "report.pdf",
                    "file_data": "data:application/pdf;base64,JVBERg==",
                },
            },
            {"type": "file", "file": {"file_id": "file-1"}},
        ],
    ),
    "tool calls and their results": _messages(
        HI,
        Message(
            role=Role.ROLE_ASSISTANT,
            parts=[
                Part(reasoning=ReasoningPart(text="I should look.")),
                Part(tool_call=ToolCallPart(id="c0", name="f", arguments_json='{"a": 1}')),
                Part(tool_call=ToolCallPart(id="c1", name="g", arguments_json="{}")),
            ],
        ),
        Message(
            role=Role.ROLE_TOOL,
            parts=[
                Part(tool_result=ToolResultPart(tool_call_id="c0", content=[Part(text="sun")])),
                Part(
                    tool_result=ToolResultPart(
                        tool_call_id="c1", content=[Part(text="no city")], is_error=True
                    )
                ),
            ],
        ),
        said=[
            HI_SAID,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c0",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a": 1}'},
                    },
                    {"id": "c1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c0", "content": "sun"},
            {"role": "tool", "tool_call_id": "c1", "content": "Error: no city"},
        ],
    ),
    "what the assistant said": _messages(
        HI,
        Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="Hello.")]),
        Message(
            role=Role.ROLE_ASSISTANT, parts=[Part(refusal=RefusalPart(text="I won't say that."))]
        ),
        Message(
            role=Role.ROLE_ASSISTANT,
            parts=[Part(text="Well."), Part(refusal=RefusalPart(text="No."))],
        ),
        HI,
        said=[
            HI_SAID,
            {"role": "assistant", "content": "Hello."},
            {"role": "assistant", "content": None, "refusal": "I won't say that."},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Well."},
                    {"type": "refusal", "refusal": "No."},
                ],
            },
            HI_SAID,
        ],
    ),
}

OPTIONS: dict[str, Intent] = {
    "sampling": _options(
        GenerationOptions(
            temperature=0.7,
            top_p=0.9,
            seed=2**40,
            frequency_penalty=-0.5,
            presence_penalty=2,
            max_output_tokens=100,
            stop_sequences=["\n", "END"],
            logit_bias={50256: -100, 7: 0.5},
        ),
        temperature=0.7,
        top_p=0.9,
        seed=2**40,
        frequency_penalty=-0.5,
        presence_penalty=2.0,
        max_completion_tokens=100,
        stop=["\n", "END"],
        logit_bias={"50256": -100, "7": 0.5},
    ),
    "zeros are said": _options(
        GenerationOptions(temperature=0, top_p=0, seed=0, frequency_penalty=0),
        temperature=0.0,
        top_p=0.0,
        seed=0,
        frequency_penalty=0.0,
    ),
    "log probabilities": _options(GenerationOptions(top_logprobs=3), logprobs=True, top_logprobs=3),
    "log probabilities without alternatives": _options(
        GenerationOptions(top_logprobs=0), logprobs=True
    ),
    "tools": _options(
        GenerationOptions(
            tools=[WEATHER, Tool(function=FunctionTool(name="now"))], parallel_tool_calls=False
        ),
        tools=[WEATHER_SAID, {"type": "function", "function": {"name": "now"}}],
        parallel_tool_calls=False,
    ),
    "no tool": _choice(ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE), "none"),
    "any tool": _choice(ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED), "required"),
    "the model decides": _choice(ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_AUTO), "auto"),
    "one tool": _choice(
        ToolChoice(function_name="get_weather"),
        {"type": "function", "function": {"name": "get_weather"}},
    ),
    "some tools": _choice(
        ToolChoice(
            allowed=AllowedTools(
                mode=ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED, names=["get_weather"]
            )
        ),
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "get_weather"}}],
            },
        },
    ),
    "text": _options(
        GenerationOptions(output_format=OutputFormat(text=TextFormat())),
        response_format={"type": "text"},
    ),
    "a JSON object": _options(
        GenerationOptions(output_format=OutputFormat(json_object=JsonObjectFormat())),
        response_format={"type": "json_object"},
    ),
    "a JSON schema": _options(
        GenerationOptions(
            output_format=OutputFormat(
                json_schema=JsonSchemaFormat(
                    name="place", description="A place.", schema_json=SCHEMA, strict=True
                )
            )
        ),
        response_format={
            "type": "json_schema",
            "json_schema": {
                "name": "place",
                "description": "A place.",
                "schema": SCHEMA_OBJECT,
                "strict": True,
            },
        },
    ),
    "little reasoning": _options(
        GenerationOptions(reasoning=ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_LOW)),
        reasoning_effort="low",
    ),
    "all the reasoning there is": _options(
        GenerationOptions(reasoning=ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_MAX)),
        reasoning_effort="max",
    ),
    "an end user": _options(GenerationOptions(end_user_id="u-1"), safety_identifier="u-1"),
    "labels stay here": _options(GenerationOptions(labels={"team": "search"})),
    "an extension": _options(
        GenerationOptions(
            extensions=[
                ProviderExtension(
                    provider_kind="openai",
                    json='{"service_tier":"flex","metadata":{"b":"2","a":"1"},"store":true}',
                ),
                ProviderExtension(provider_kind="other", json='{"x":1}'),
            ]
        ),
        service_tier="flex",
        metadata={"b": "2", "a": "1"},
        store=True,
    ),
}

INTENTS: dict[str, Intent] = {**MESSAGES, **OPTIONS}
