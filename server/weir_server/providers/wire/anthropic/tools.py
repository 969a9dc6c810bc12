"""How are tools said? Functions with their schemas, the vendor's own tools, and which to use."""

import re

import msgspec

from weir.v1.generation_pb2 import (
    TOOL_CHOICE_MODE_NONE,
    FunctionTool,
    GenerationOptions,
    ServerTool,
    ToolChoice,
    ToolChoiceMode,
)
from weir_server.core.errors import InvalidRequest, ToolSchemaInvalid
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

_MODES = {
    ToolChoiceMode.TOOL_CHOICE_MODE_AUTO: "auto",
    ToolChoiceMode.TOOL_CHOICE_MODE_NONE: "none",
    ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED: "any",
}
_DATED = re.compile(r"(?P<name>\w+)_[0-9]{8}")
"""The vendor's types of tools: their name, then the date of their version."""


def add_tools(draft: Draft, options: GenerationOptions) -> None:
    """Write the tools and how to use them."""
    tools: list[Json] = []
    for index, tool in enumerate(options.tools):
        path = f"options.tools[{index}]"
        if tool.WhichOneof("kind") == "function":
            tools.append(_function(draft, f"{path}.function", tool.function))
        else:
            tools.append(_server(draft, f"{path}.server", tool.server))
    if tools:
        draft.set("tools", "tools", tools)
    choice = _choice(draft, options.tool_choice)
    # One call at a time is a matter of the choice here; without tools there is nothing to choose.
    if tools and options.HasField("parallel_tool_calls") and not options.parallel_tool_calls:
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    if choice is not None:
        draft.set("tool_choice", "tool_choice", choice)


def _function(draft: Draft, path: str, said: FunctionTool) -> Json:
    tool: Json = {"name": said.name}
    if said.description:
        tool["description"] = said.description
    if said.parameters_json_schema:
        path = f"{path}.parameters_json_schema"
        tool["input_schema"] = draft.raw(path, said.parameters_json_schema, ToolSchemaInvalid)
    else:
        tool["input_schema"] = {"type": "object"}
    if said.HasField("strict"):
        tool["strict"] = said.strict
    return tool


def _server(draft: Draft, path: str, said: ServerTool) -> Json:
    """Say one of the vendor's tools. Its name follows from its type where the settings have none.

    Toolsets, such as `computer_toolset_20260801`, have no name of their own.
    """
    tool: Json = {"type": said.type}
    dated = _DATED.fullmatch(said.type)
    if dated is not None and not dated["name"].endswith("_toolset"):
        tool["name"] = dated["name"]
    if said.config_json:
        try:
            config = msgspec.json.decode(said.config_json, type=dict[str, msgspec.Raw])
        except (ValueError, RecursionError):
            draft.refuse(f"{path}.config_json", "Give a JSON object.", InvalidRequest, "BAD_JSON")
        else:
            if "type" in config:
                what = "Leave out `type`: the tool's own says it."
                draft.refuse(f"{path}.config_json", what, InvalidRequest, "CONFLICT")
            tool |= config
    return tool


def _choice(draft: Draft, choice: ToolChoice) -> Json | None:
    match choice.WhichOneof("choice"):
        case "mode" if choice.mode in _MODES:
            return {"type": _MODES[choice.mode]}
        case "function_name":
            return {"type": "tool", "name": choice.function_name}
        case "allowed" if choice.allowed.mode == TOOL_CHOICE_MODE_NONE:
            return {"type": "none"}
        case "allowed":
            draft.unsupported("tool_choice.allowed")
    return None  # unspecified: the model decides, as without a choice
