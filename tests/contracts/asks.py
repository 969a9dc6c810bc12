"""What can be asked of a model? A request for each thing; every wire format says or refuses it."""

from collections.abc import Mapping

from weir.v1.content_pb2 import (
    CacheHint,
    MediaPart,
    Message,
    Part,
    Role,
    ToolCallPart,
    ToolResultPart,
)
from weir.v1.generation_pb2 import (
    FunctionTool,
    GenerationOptions,
    JsonObjectFormat,
    JsonSchemaFormat,
    OutputFormat,
    ReasoningEffort,
    ReasoningOptions,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from weir.v1.provider_service_pb2 import ChatRequest

SCHEMA_JSON = (
    '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],'
    '"additionalProperties":false}'
)
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
"""The same, as SDKs take it."""
PNG = b"\x89PNG\xff\xfe"
PNG_BASE64 = "iVBOR//+"
WAV = b"RIFF"
WAV_BASE64 = "UklGRg=="
PDF = b"%PDF"
PDF_BASE64 = "JVBERg=="


def user(*parts: Part | str) -> Message:
    """Return what a user says."""
    said = [Part(text=part) if isinstance(part, str) else part for part in parts]
    return Message(role=Role.ROLE_USER, parts=said)


def assistant(*parts: Part | str) -> Message:
    """Return what the model said earlier."""
    said = [Part(text=part) if isinstance(part, str) else part for part in parts]
    return Message(role=Role.ROLE_ASSISTANT, parts=said)


def system(*texts: str) -> Message:
    """Return instructions."""
    return Message(role=Role.ROLE_SYSTEM, parts=[Part(text=text) for text in texts])


def call(call_id: str, name: str, arguments_json: str) -> Part:
    """Return a tool call that the model made earlier."""
    return Part(tool_call=ToolCallPart(id=call_id, name=name, arguments_json=arguments_json))


def result(call_id: str, *content: Part | str, name: str = "", failed: bool = False) -> Part:
    """Return what a tool answered."""
    said = [Part(text=part) if isinstance(part, str) else part for part in content]
    return Part(
        tool_result=ToolResultPart(tool_call_id=call_id, name=name, content=said, is_error=failed)
    )


def tools(*results: Part) -> Message:
    """Return the answers of tools."""
    return Message(role=Role.ROLE_TOOL, parts=results)


WEATHER = Tool(
    function=FunctionTool(
        name="get_weather", description="Tells the weather.", parameters_json_schema=SCHEMA_JSON
    )
)
NOW = Tool(function=FunctionTool(name="now", description="Tells the time."))


def _said(*messages: Message) -> ChatRequest:
    return ChatRequest(messages=messages)


def _with(options: GenerationOptions, *messages: Message) -> ChatRequest:
    return ChatRequest(messages=messages or [user("Hi")], options=options)


def _choice(choice: ToolChoice) -> ChatRequest:
    return _with(GenerationOptions(tools=[WEATHER], tool_choice=choice))


_USED_TOOLS = GenerationOptions(tools=[WEATHER, NOW])

ASKS: Mapping[str, ChatRequest] = {
    "one message": _said(user("Hi")),
    "instructions": _said(system("Be brief."), user("Hi")),
    "several instructions": _said(
        system("Be brief."),
        Message(role=Role.ROLE_DEVELOPER, parts=[Part(text="In French.")]),
        user("Hi"),
    ),
    "several parts": _said(user("One.", "Two.")),
    "turns": _said(user("Hi"), assistant("Hello."), user("Again")),
    "what is to be gone on with": _said(user("Count to three."), assistant("One, two,")),
    "text beyond ASCII": _said(user('Grüße 👋🏽 "\u2028\x7f\\')),
    "an image by its bytes": _said(
        user("What is it?", Part(media=MediaPart(mime_type="image/png", inline_data=PNG)))
    ),
    "an image by its address": _said(
        user(
            "What is it?",
            Part(media=MediaPart(mime_type="image/png", uri="https://example.com/cat.png")),
        )
    ),
    "sound": _said(
        user("What is it?", Part(media=MediaPart(mime_type="audio/wav", inline_data=WAV)))
    ),
    "a document": _said(
        user(
            "What is it?",
            Part(
                media=MediaPart(mime_type="application/pdf", inline_data=PDF, filename="report.pdf")
            ),
        )
    ),
    "tools": _with(_USED_TOOLS),
    "a strict tool": _with(
        GenerationOptions(
            tools=[
                Tool(
                    function=FunctionTool(
                        name="get_weather", parameters_json_schema=SCHEMA_JSON, strict=True
                    )
                )
            ]
        )
    ),
    "the model decides": _choice(ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_AUTO)),
    "no tool": _choice(ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE)),
    "any tool": _choice(ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED)),
    "one tool": _choice(ToolChoice(function_name="get_weather")),
    "one call at a time": _with(GenerationOptions(tools=[WEATHER], parallel_tool_calls=False)),
    "a tool's answer": _with(
        _USED_TOOLS,
        user("Is it warm?"),
        assistant(call("call_1", "get_weather", '{"city":"Oslo"}')),
        tools(result("call_1", "4 degrees", name="get_weather")),
    ),
    "answers of several tools": _with(
        _USED_TOOLS,
        user("Is it warm now?"),
        assistant(
            "I look.",
            call("call_1", "get_weather", '{"city":"Oslo"}'),
            call("call_2", "now", "{}"),
        ),
        tools(
            result("call_1", "4 degrees", name="get_weather"),
            result("call_2", "12:00", name="now"),
        ),
        user("And now?"),
    ),
    "a tool that failed": _with(
        _USED_TOOLS,
        user("Is it warm?"),
        assistant(call("call_1", "get_weather", '{"city":"Oslo"}')),
        tools(result("call_1", "no such city", name="get_weather", failed=True)),
    ),
    "a tool's answer with an image": _with(
        _USED_TOOLS,
        user("How does it look?"),
        assistant(call("call_1", "get_weather", '{"city":"Oslo"}')),
        tools(
            result(
                "call_1",
                "Like this:",
                Part(media=MediaPart(mime_type="image/png", inline_data=PNG)),
                name="get_weather",
            )
        ),
    ),
    "temperature and top_p": _with(GenerationOptions(temperature=0.5, top_p=0.9)),
    "zeros": _with(GenerationOptions(temperature=0, top_p=0)),
    "top_k": _with(GenerationOptions(top_k=40)),
    "a bound of tokens": _with(GenerationOptions(max_output_tokens=100)),
    "stop sequences": _with(GenerationOptions(stop_sequences=["\n\n", "END"])),
    "a seed": _with(GenerationOptions(seed=7)),
    "penalties": _with(GenerationOptions(frequency_penalty=0.5, presence_penalty=-0.5)),
    "log probabilities": _with(GenerationOptions(top_logprobs=3)),
    "a bias": _with(GenerationOptions(logit_bias={50256: -100})),
    "a JSON object": _with(
        GenerationOptions(output_format=OutputFormat(json_object=JsonObjectFormat()))
    ),
    "a schema": _with(
        GenerationOptions(
            output_format=OutputFormat(
                json_schema=JsonSchemaFormat(name="place", schema_json=SCHEMA_JSON, strict=True)
            )
        )
    ),
    "much reasoning": _with(
        GenerationOptions(reasoning=ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_HIGH))
    ),
    "reasoning of so many tokens": _with(
        GenerationOptions(max_output_tokens=8192, reasoning=ReasoningOptions(budget_tokens=2048))
    ),
    "an end user": _with(GenerationOptions(end_user_id="u-1")),
    "labels stay here": _with(GenerationOptions(labels={"team": "search"})),
    "a hint to cache": _said(
        Message(
            role=Role.ROLE_SYSTEM,
            parts=[Part(text="A long text.", cache_hint=CacheHint(ttl="5m"))],
        ),
        user("Hi"),
    ),
}
