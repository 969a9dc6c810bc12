"""Are tools, calls and results said as Converse takes them, and the rest named?"""

from typing import Any

from tests.contracts.asks import (
    NOW,
    SCHEMA_JSON,
    WEATHER,
    assistant,
    call,
    result,
    tools,
    user,
)
from tests.providers.wire.bedrock_asking import (
    NOVA,
    body_of,
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
from weir.v1.generation_pb2 import (
    AllowedTools,
    FunctionTool,
    GenerationOptions,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest


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
    """As the model wrote them; none are an empty object, and what is no object is put into one."""
    messages = [user("Hi"), assistant(call("a", "f", '{"x": 1.0}'), call("b", "g", ""))]
    body = encode(ChatRequest(messages=messages)).body

    assert b'"input":{"x": 1.0}' in body
    assert b'"input":{}' in body
    messages[1].parts[0].tool_call.arguments_json = "{"
    sent = encode(ChatRequest(messages=messages))
    assert b'"input":{"INVALID_JSON":"{"}' in sent.body
    assert [(warning.code, warning.field) for warning in sent.warnings] == [
        ("ARGUMENTS_WRAPPED", "messages[1].parts[0].tool_call.arguments_json")
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
