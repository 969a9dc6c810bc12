"""How are tools offered to Gemini, and how is it told which to use?

The vendor's references "FunctionDeclaration" and "FunctionCallingConfig". `ANY` and `VALIDATED`
hold the model to the functions' schemas; `AUTO` alone does not.
"""

import re

from weir.v1.generation_pb2 import (
    TOOL_CHOICE_MODE_AUTO,
    TOOL_CHOICE_MODE_NONE,
    TOOL_CHOICE_MODE_REQUIRED,
    FunctionTool,
    GenerationOptions,
    ServerTool,
    ToolChoice,
)
from weir_server.core.errors import InvalidRequest, ToolSchemaInvalid
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.gemini.media import Json

_MODES = {
    TOOL_CHOICE_MODE_AUTO: "AUTO",
    TOOL_CHOICE_MODE_NONE: "NONE",
    TOOL_CHOICE_MODE_REQUIRED: "ANY",
}
_SERVER_TOOL = re.compile(r"[a-z][A-Za-z0-9]{0,63}")
_UNDERSCORE = re.compile(r"_([a-z0-9])")


def add_tools(draft: Draft, options: GenerationOptions) -> None:
    """Write the tools and the choice among them."""
    functions: list[Json] = []
    tools: list[Json] = []
    strict = False
    for index, tool in enumerate(options.tools):
        path = f"options.tools[{index}]"
        if tool.WhichOneof("kind") == "function":
            functions.append(_function(draft, f"{path}.function", tool.function))
            strict = strict or tool.function.strict
        else:
            tools.append(_server_tool(draft, f"{path}.server", tool.server))
    if functions:
        tools.insert(0, {"functionDeclarations": functions})
    if tools:
        draft.body["tools"] = tools
    config = _choice(options.tool_choice) if options.HasField("tool_choice") else {}
    if strict and config.get("mode") in (None, "AUTO"):
        config["mode"] = "VALIDATED"
    if config:
        draft.body["toolConfig"] = {"functionCallingConfig": config}


def _function(draft: Draft, path: str, said: FunctionTool) -> Json:
    function: Json = {"name": said.name}
    if said.description:
        function["description"] = said.description
    if said.parameters_json_schema:
        path = f"{path}.parameters_json_schema"
        schema = draft.raw(path, said.parameters_json_schema, ToolSchemaInvalid)
        function["parametersJsonSchema"] = schema
    return function


def _server_tool(draft: Draft, path: str, said: ServerTool) -> Json:
    """Return a tool that Google runs: `google_search` and `googleSearch` are the same."""
    name = _UNDERSCORE.sub(lambda found: found[1].upper(), said.type)
    if not _SERVER_TOOL.fullmatch(name) or name == "functionDeclarations":
        draft.refuse(
            f"{path}.type",
            "Name a tool of the vendor's, such as google_search or code_execution.",
            InvalidRequest,
            "BAD_FORMAT",
        )
    config: object = {}
    if said.config_json:
        config = draft.raw(f"{path}.config_json", said.config_json, InvalidRequest)
    return {name: config}


def _choice(choice: ToolChoice) -> Json:
    match choice.WhichOneof("choice"):
        case "mode" if choice.mode in _MODES:
            return {"mode": _MODES[choice.mode]}
        case "function_name":
            return {"mode": "ANY", "allowedFunctionNames": [choice.function_name]}
        case "allowed" if choice.allowed.mode == TOOL_CHOICE_MODE_NONE:
            return {"mode": "NONE"}
        case "allowed":
            required = choice.allowed.mode == TOOL_CHOICE_MODE_REQUIRED
            # AUTO takes no names.
            return {
                "mode": "ANY" if required else "VALIDATED",
                "allowedFunctionNames": list(choice.allowed.names),
            }
        case _:
            return {}  # unspecified: the model decides, as without a choice
