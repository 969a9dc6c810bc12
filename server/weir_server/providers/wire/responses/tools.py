"""Which tools may the model use, and must it? The vendor's words for the caller's and its own."""

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
from weir_server.providers.wire.responses.content import Json
from weir_server.providers.wire.responses.shapes import MEMBERS

_MODES = {
    ToolChoiceMode.TOOL_CHOICE_MODE_AUTO: "auto",
    ToolChoiceMode.TOOL_CHOICE_MODE_NONE: "none",
    ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED: "required",
}
_NO_ARGUMENTS: Json = {"type": "object", "properties": {}}


def add_tools(draft: Draft, options: GenerationOptions) -> None:
    """Write the tools and what is to be done with them."""
    if options.tools:
        draft.body["tools"] = [
            _function(draft, f"options.tools[{index}].function", tool.function)
            if tool.WhichOneof("kind") == "function"
            else _server(draft, f"options.tools[{index}].server", tool.server)
            for index, tool in enumerate(options.tools)
        ]
    if options.HasField("tool_choice"):
        _add_choice(draft, options)
    if options.HasField("parallel_tool_calls"):
        draft.body["parallel_tool_calls"] = options.parallel_tool_calls


def _function(draft: Draft, path: str, said: FunctionTool) -> Json:
    """Say a function. The vendor's types want parameters and strictness; null is its default."""
    tool: Json = {"type": "function", "name": said.name, "parameters": _NO_ARGUMENTS}
    if said.description:
        tool["description"] = said.description
    if said.parameters_json_schema:
        path = f"{path}.parameters_json_schema"
        tool["parameters"] = draft.raw(path, said.parameters_json_schema, ToolSchemaInvalid)
    tool["strict"] = said.strict if said.HasField("strict") else None
    return tool


def _server(draft: Draft, path: str, said: ServerTool) -> Json:
    """Say a tool that the vendor runs: its type, and the caller's settings as they are."""
    tool: Json = {"type": said.type}
    if said.config_json:
        try:
            settings = MEMBERS.decode(said.config_json)
        except (ValueError, RecursionError):
            draft.refuse(f"{path}.config_json", "Give a JSON object.", InvalidRequest, "BAD_JSON")
            return tool
        if "type" in settings:
            draft.refuse(
                f"{path}.config_json",
                "Leave out `type`: it has a field of its own.",
                InvalidRequest,
                "CONFLICT",
            )
        tool |= settings
    return tool


def _add_choice(draft: Draft, options: GenerationOptions) -> None:
    choice: ToolChoice = options.tool_choice
    match choice.WhichOneof("choice"):
        case "mode" if choice.mode in _MODES:
            draft.body["tool_choice"] = _MODES[choice.mode]
        case "function_name":
            draft.body["tool_choice"] = _named(options, choice.function_name)
        case "allowed" if choice.allowed.mode == TOOL_CHOICE_MODE_NONE:
            draft.body["tool_choice"] = "none"
        case "allowed":
            draft.body["tool_choice"] = {
                "type": "allowed_tools",
                "mode": _MODES.get(choice.allowed.mode, "auto"),
                "tools": [_named(options, name) for name in choice.allowed.names],
            }
        case _:
            pass  # unspecified: the model decides, as without a choice


def _named(options: GenerationOptions, name: str) -> Json:
    """Say one tool: a function by its name, a tool of the vendor's by its type."""
    functions = {tool.function.name for tool in options.tools if tool.HasField("function")}
    servers = {tool.server.type for tool in options.tools if tool.HasField("server")}
    if name in servers and name not in functions:
        return {"type": name}
    return {"type": "function", "name": name}
