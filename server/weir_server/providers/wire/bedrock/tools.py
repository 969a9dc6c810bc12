"""How are tools offered? Converse's `toolConfig`, or named as what it has no word for."""

import re

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FunctionTool, GenerationOptions, ServerTool, Tool, ToolChoice
from weir_server.core.errors import ToolSchemaInvalid, UnsupportedOption
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_ARGUMENTS: Json = {"type": "object", "properties": {}}
_NONE = generation_pb2.TOOL_CHOICE_MODE_NONE
_REQUIRED = generation_pb2.TOOL_CHOICE_MODE_REQUIRED
_AUTO = generation_pb2.TOOL_CHOICE_MODE_AUTO


def add_tools(draft: Draft, options: GenerationOptions, *, tools_used: bool) -> None:
    """Write the tools and which of them must be used.

    tools_used: whether the conversation holds calls or results; the vendor then wants the tools.
    """
    choice = options.tool_choice
    allowed = _allowed(choice)
    tools: list[Json] = []
    for index, tool in enumerate(options.tools[:]):
        if allowed is None or _name_of(tool) in allowed:
            tools += _tool(draft, index, tool)
    if _is_none(choice):
        # There is no word for it: without tools the model calls none, but in a conversation with
        # calls the vendor refuses a request that leaves the tools out.
        if tools_used and tools:
            draft.unsupported("tool_choice")
        else:
            return
    if allowed is not None and not tools:
        draft.unsupported("tool_choice.allowed")
    if not tools:
        return
    config: Json = {"tools": tools}
    if (said := _choice(choice)) is not None:
        config["toolChoice"] = said
    draft.body["toolConfig"] = config


def _allowed(choice: ToolChoice) -> frozenset[str] | None:
    """Return the names that a choice allows; None: all. The others are not offered."""
    if choice.WhichOneof("choice") == "allowed":
        return frozenset(choice.allowed.names)
    return None


def _is_none(choice: ToolChoice) -> bool:
    return _mode(choice) == _NONE


def _mode(choice: ToolChoice) -> generation_pb2.ToolChoiceMode.ValueType:
    return choice.allowed.mode if choice.WhichOneof("choice") == "allowed" else choice.mode


def _choice(choice: ToolChoice) -> Json | None:
    """Return the choice in the vendor's words; None: the model decides, as without one."""
    if choice.WhichOneof("choice") == "function_name":
        return {"tool": {"name": choice.function_name}}
    match _mode(choice):
        case generation_pb2.TOOL_CHOICE_MODE_AUTO:
            return {"auto": {}}
        case generation_pb2.TOOL_CHOICE_MODE_REQUIRED:
            return {"any": {}}
        case _:
            return None


def _name_of(tool: Tool) -> str:
    return tool.function.name if tool.WhichOneof("kind") == "function" else tool.server.type


def _tool(draft: Draft, index: int, tool: Tool) -> list[Json]:
    path = f"options.tools[{index}]"
    if tool.WhichOneof("kind") == "function":
        return [_function(draft, f"{path}.function", tool.function)]
    return _system_tool(draft, index, tool.server)


def _function(draft: Draft, path: str, said: FunctionTool) -> Json:
    if not _NAME.fullmatch(said.name):
        draft.refuse(
            f"{path}.name",
            "The provider takes letters, digits, _ and - only; name the tool so.",
            UnsupportedOption,
        )
    schema: object = _NO_ARGUMENTS
    if said.parameters_json_schema:
        schema = draft.raw(
            f"{path}.parameters_json_schema", said.parameters_json_schema, ToolSchemaInvalid
        )
    spec: Json = {"name": said.name, "inputSchema": {"json": schema}}
    if said.description:
        spec["description"] = said.description
    if said.HasField("strict"):
        spec["strict"] = said.strict
    return {"toolSpec": spec}


def _system_tool(draft: Draft, index: int, said: ServerTool) -> list[Json]:
    """Return a tool that the vendor runs; it is known by its name and takes no settings."""
    if said.config_json:
        draft.unsupported(f"tools[{index}].server.config_json")
    return [{"systemTool": {"name": said.type}}]
