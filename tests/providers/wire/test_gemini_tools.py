"""How does Gemini's wire format offer tools, tell their answers, and refuse what it cannot say?"""

import pytest

from tests.contracts.asks import WEATHER, assistant, call, result, tools, user
from tests.providers.wire.gemini_samples import VERTEX
from tests.providers.wire.gemini_saying import refused, said
from weir.v1.generation_pb2 import (
    AllowedTools,
    FunctionTool,
    GenerationOptions,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)


def test_an_answer_goes_by_the_name_of_its_call() -> None:
    """A caller need not repeat it; a call whose identity Weir made is told by its name alone."""
    contents = said(
        user("?"), assistant(call("gemini-x-1", "now", "{}")), tools(result("gemini-x-1", "12:00"))
    )["contents"]
    assert contents[1]["parts"][0]["functionCall"] == {"name": "now", "args": {}}
    answer = contents[2]["parts"][0]["functionResponse"]
    assert answer == {"name": "now", "response": {"output": "12:00"}}


def test_an_answer_to_nothing_needs_a_name() -> None:
    """The vendor matches answers by name."""
    assert refused(user("?"), tools(result("call_9", "12:00"))) == [
        "messages[1].parts[0].tool_result.name"
    ]


def test_answers_in_several_messages_are_one_content() -> None:
    """The vendor wants the answers to all calls of a turn together."""
    contents = said(
        user("?"),
        assistant(call("a", "now", "{}"), call("b", "now", "{}")),
        tools(result("a", "1")),
        tools(result("b")),
    )["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    answers = [part["functionResponse"]["response"] for part in contents[2]["parts"]]
    assert answers == [{"output": "1"}, {"output": ""}]


@pytest.mark.parametrize(
    ("model", "sent"), [("gemini-2.5-pro", False), ("gemini-3-pro", True), ("gemini-pro", True)]
)
def test_vertex_takes_identities_since_the_third_generation(model: str, sent: bool) -> None:
    """Before, it refuses a request that has one."""
    conversation = (user("?"), assistant(call("c1", "now", "{}")), tools(result("c1", "12:00")))
    contents = said(*conversation, model=model, dialect=VERTEX)["contents"]
    assert ("id" in contents[1]["parts"][0]["functionCall"]) is sent
    assert ("id" in contents[2]["parts"][0]["functionResponse"]) is sent


@pytest.mark.parametrize("arguments", ["[1]", "{", "12"])
def test_arguments_that_are_no_object_are_put_into_one(arguments: str) -> None:
    """The vendor has no way to say others, and the model should see what it wrote."""
    contents = said(user("?"), assistant(call("c1", "now", arguments)))["contents"]
    assert contents[1]["parts"][0]["functionCall"]["args"] == {"INVALID_JSON": arguments}


def test_another_models_calls_are_marked_as_such() -> None:
    """From the third generation on, the first call of a turn needs a signature, or this word."""
    calls = (user("?"), assistant(call("a", "now", ""), call("b", "now", "{}")))
    parts = said(*calls)["contents"][1]["parts"]
    assert parts[0]["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in parts[1]
    assert "thoughtSignature" not in said(*calls, model="gemini-2.5-pro")["contents"][1]["parts"][0]


def test_tools_that_the_vendor_runs_are_named_in_its_words() -> None:
    """In either spelling, beside the functions."""
    body = said(
        options=GenerationOptions(
            tools=[
                Tool(server=ServerTool(type="google_search")),
                WEATHER,
                Tool(server=ServerTool(type="urlContext", config_json='{"a":1}')),
            ]
        )
    )
    assert [list(tool) for tool in body["tools"]] == [
        ["functionDeclarations"],
        ["googleSearch"],
        ["urlContext"],
    ]
    assert body["tools"][2] == {"urlContext": {"a": 1}}


@pytest.mark.parametrize("name", ["function_declarations", "a b", "", "Search"])
def test_what_is_no_tool_of_the_vendors_is_refused(name: str) -> None:
    """Functions have their own place."""
    options = GenerationOptions(tools=[Tool(server=ServerTool(type=name))])
    assert refused(options=options) == ["options.tools[0].server.type"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (ToolChoiceMode.TOOL_CHOICE_MODE_UNSPECIFIED, "VALIDATED"),
        (ToolChoiceMode.TOOL_CHOICE_MODE_AUTO, "VALIDATED"),
        (ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED, "ANY"),
    ],
)
def test_a_choice_among_some_tools(mode: ToolChoiceMode.ValueType, expected: str) -> None:
    """AUTO takes no names, so the mode that does stands for it."""
    options = GenerationOptions(
        tools=[WEATHER],
        tool_choice=ToolChoice(allowed=AllowedTools(mode=mode, names=["get_weather"])),
    )
    choice = said(options=options)["toolConfig"]["functionCallingConfig"]
    assert choice == {"mode": expected, "allowedFunctionNames": ["get_weather"]}


def test_no_tool_among_some_is_none() -> None:
    """Whatever the names are."""
    allowed = AllowedTools(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE, names=["get_weather"])
    options = GenerationOptions(tools=[WEATHER], tool_choice=ToolChoice(allowed=allowed))
    assert said(options=options)["toolConfig"]["functionCallingConfig"] == {"mode": "NONE"}


def test_a_schema_that_is_no_json_is_refused() -> None:
    """Text that is not exactly one value could smuggle fields into the request."""
    tool = Tool(function=FunctionTool(name="f", parameters_json_schema='{},"x":{}'))
    assert refused(options=GenerationOptions(tools=[tool])) == [
        "options.tools[0].function.parameters_json_schema"
    ]
