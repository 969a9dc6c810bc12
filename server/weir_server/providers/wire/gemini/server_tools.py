"""How are the tools said and heard that Google runs itself? Code, searches, and their results.

Code that was run is kept as the vendor's whole object. Other tools have a `toolType`, which is
their name, arguments and a response; the vendor wants all of it back in the next turn.
"""

import msgspec
from msgspec import Struct

from weir.v1.content_pb2 import ServerToolCallPart, ServerToolResultPart
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.gemini.media import Json
from weir_server.providers.wire.parts import whole

MADE_ID = "gemini-"
"""Begins the identities that Weir makes for calls that came without one; they are not sent."""
CODE = "code_execution"
"""Name of the tool that runs code."""


class Ran(Struct, rename="camel", gc=False):
    """What code that was run, or its result, says of itself."""

    id: str = ""
    outcome: str = ""


class Tool(Struct, rename="camel", gc=False):
    """A call of another tool, or its result."""

    id: str = ""
    tool_type: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")
    response: msgspec.Raw = msgspec.Raw(b"{}")


def result_of_code(said: msgspec.Raw, ran: Ran, call_id: str) -> ServerToolResultPart:
    """Return what code said that was run; `call_id`: of the code, where it has no identity."""
    return ServerToolResultPart(
        tool_call_id=whole(ran.id) or call_id,
        name=CODE,
        result_json=text_of(said),
        is_error=ran.outcome != "OUTCOME_OK",
    )


def result_of_tool(said: Tool, call_id: str) -> ServerToolResultPart:
    """Return what another tool answered."""
    return ServerToolResultPart(
        tool_call_id=whole(said.id) or call_id,
        name=whole(said.tool_type),
        result_json=text_of(said.response),
    )


def text_of(said: msgspec.Raw) -> str:
    """Return JSON as text; it came as UTF-8."""
    return bytes(said).decode("utf-8", "replace")


def encode_call(draft: Draft, path: str, call: ServerToolCallPart) -> Json:
    """Return a call of such a tool as a part."""
    said = draft.raw(f"{path}.arguments_json", call.arguments_json or "{}", InvalidRequest)
    if call.name == CODE:
        return {"executableCode": said}
    return {"toolCall": _tool(call.id, call.name, "args", said)}


def encode_result(draft: Draft, path: str, result: ServerToolResultPart) -> Json:
    """Return a result of such a tool as a part."""
    said = draft.raw(f"{path}.result_json", result.result_json or "{}", InvalidRequest)
    if result.name == CODE:
        return {"codeExecutionResult": said}
    return {"toolResponse": _tool(result.tool_call_id, result.name, "response", said)}


def _tool(tool_id: str, name: str, member: str, said: msgspec.Raw) -> Json:
    tool: Json = {"toolType": name, member: said}
    if tool_id and not tool_id.startswith(MADE_ID):
        tool["id"] = tool_id
    return tool
