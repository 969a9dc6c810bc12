"""How is a conversation said? As a list of items, in the order in which they came to be."""

from collections.abc import Sequence

from weir.v1 import content_pb2
from weir.v1.content_pb2 import Message
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.plain_text import FAILED, FAILED_SILENTLY, results_of
from weir_server.providers.wire.responses.content import Json, content_of, text_of
from weir_server.providers.wire.responses.history import History

_ROLES = {
    content_pb2.ROLE_SYSTEM: "system",
    content_pb2.ROLE_DEVELOPER: "developer",
}


def encode_messages(draft: Draft, messages: Sequence[Message]) -> tuple[list[Json], bool]:
    """Return the conversation in the vendor's words, and whether it has encrypted reasoning.

    What cannot be said is named in `draft`.
    """
    items: list[Json] = []
    history = History(draft, items)
    for index, message in enumerate(messages[:]):
        path = f"messages[{index}]"
        if message.name:
            draft.unsupported_field(f"{path}.name")
        match message.role:
            case content_pb2.ROLE_SYSTEM | content_pb2.ROLE_DEVELOPER:
                items.append(_instructions(draft, path, message))
            case content_pb2.ROLE_ASSISTANT:
                history.add(path, message)
            case content_pb2.ROLE_TOOL:
                items.extend(_tool_results(draft, path, message))
            case _:
                content = content_of(draft, f"{path}.parts", message.parts[:])
                items.append({"role": "user", "content": content})
    return items, history.has_reasoning


def _instructions(draft: Draft, path: str, message: Message) -> Json:
    for index, part in enumerate(message.parts):
        if part.WhichOneof("kind") == "media":
            draft.unsupported_medium(f"{path}.parts[{index}].media")
    content = content_of(draft, f"{path}.parts", message.parts[:])
    return {"role": _ROLES[message.role], "content": content}


def _tool_results(draft: Draft, path: str, message: Message) -> list[Json]:
    """Say each result as an item."""
    items: list[Json] = []
    for where, result in results_of(draft, path, message):
        output = content_of(draft, f"{where}.content", result.content[:])
        if result.is_error:
            output = _failed(output)
        items.append(
            {"type": "function_call_output", "call_id": result.tool_call_id, "output": output}
        )
    return items


def _failed(output: str | list[Json]) -> str | list[Json]:
    """Say that a tool failed, before what it said of it."""
    if not output:
        return FAILED_SILENTLY
    if isinstance(output, str):
        return FAILED + output
    first = output[0]
    if first.get("type") == "input_text":
        return [text_of(f"{FAILED}{first['text']}"), *output[1:]]
    return [text_of(f"{FAILED}the tool failed"), *output]
