"""What becomes of an item that is neither text nor thought nor a call? A part that comes whole."""

from msgspec import Raw

from weir.v1.content_pb2 import (
    CompactionPart,
    Part,
    ServerToolCallPart,
    ServerToolResultPart,
    UnknownPart,
)
from weir_server.providers.wire.parts import whole
from weir_server.providers.wire.responses.shapes import MEMBERS, Item, present, text_of
from weir_server.providers.wire.responses.state import KIND, State, state_of

FOR_THE_CALLER = frozenset(
    {"custom_tool_call", "computer_call", "local_shell_call", "apply_patch_call"}
)
"""Items that ask the caller to do something, as a function's call does."""

_TOOLS = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "mcp_call": "mcp",
}
"""Items of tools that the vendor runs, with what the tool is called in a request."""


def parts_of(item: Item, raw: Raw) -> list[Part]:
    """Return the parts of one item. `raw` is all of it, to be sent back one day."""
    if item.type in _TOOLS:
        return _server_tool(item, raw)
    if item.type == "compaction":
        return [Part(compaction=CompactionPart(), provider_state=_whole(raw))]
    kind = f"{KIND}/{whole(item.type)}"
    return [Part(unknown=UnknownPart(type=kind, json=text_of(raw)))]


def _server_tool(item: Item, raw: Raw) -> list[Part]:
    """Return what a tool was asked for and, where the vendor tells it, what it answered.

    Sent back, the call says both: an item holds its own results.
    """
    tool = _TOOLS[item.type]
    name = whole(item.name) if item.name else tool
    call = ServerToolCallPart(
        id=whole(item.id or ""), name=name, arguments_json=_arguments(item, tool)
    )
    parts = [Part(server_tool_call=call, provider_state=_whole(raw))]
    result = _result(item)
    failed = item.status == "failed" or present(item.error)
    if present(result) or failed:
        answer = ServerToolResultPart(
            tool_call_id=call.id,
            name=name,
            result_json=text_of(result) if present(result) else "null",
            is_error=failed,
        )
        parts.append(Part(server_tool_result=answer))
    return parts


def _arguments(item: Item, tool: str) -> str:
    match tool:
        case "web_search" if present(item.action):
            return text_of(item.action)
        case "file_search" if present(item.queries):
            return f'{{"queries":{text_of(item.queries)}}}'
        case "code_interpreter" if present(item.code):
            return f'{{"code":{text_of(item.code)}}}'
        case "mcp" if item.arguments:
            return whole(item.arguments)
        case _:
            return "{}"


def _result(item: Item) -> Raw:
    if present(item.error):
        return item.error
    return next(filter(present, (item.results, item.outputs, item.output)), Raw())


def _whole(raw: Raw) -> bytes:
    return state_of(State(item=MEMBERS.decode(raw)))
