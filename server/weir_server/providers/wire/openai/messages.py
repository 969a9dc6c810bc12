"""How is a conversation said to a chat model? Messages as the vendor's chat reference has them."""

from collections.abc import Sequence

from weir.v1 import content_pb2
from weir.v1.content_pb2 import Message, Part
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.assistant import encode_assistant
from weir_server.providers.wire.openai.call_ids import call_id
from weir_server.providers.wire.openai.media import encode_media
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.plain_text import (
    FAILED,
    FAILED_SILENTLY,
    plainest,
    results_of,
    texts_of,
)

Json = dict[str, object]


def encode_messages(draft: Draft, messages: Sequence[Message], quirks: Quirks) -> list[Json]:
    """Return the conversation in the vendor's words; what cannot be said is named in `draft`."""
    encoded: list[Json] = []
    # A slice is a list of Python's own: that iterates much faster than the field itself.
    for index, message in enumerate(messages[:]):
        path = f"messages[{index}]"
        match message.role:
            case content_pb2.ROLE_SYSTEM:
                said = _instructions(draft, path, message, "system")
            case content_pb2.ROLE_DEVELOPER:
                role = "developer" if quirks.developer_role else "system"
                said = _instructions(draft, path, message, role)
            case content_pb2.ROLE_ASSISTANT:
                last = index == len(messages) - 1
                said = encode_assistant(draft, path, message, quirks, last=last)
            case content_pb2.ROLE_TOOL:
                encoded.extend(_tool_results(draft, path, message, quirks))
                continue
            case _:
                said = _user(draft, path, message, quirks)
        if message.name:
            if quirks.message_names:
                said["name"] = message.name
            else:
                draft.unsupported_field(f"{path}.name")
        encoded.append(said)
    return encoded


def _instructions(draft: Draft, path: str, message: Message, role: str) -> Json:
    return {"role": role, "content": plainest(texts_of(draft, f"{path}.parts", message.parts))}


def _user(draft: Draft, path: str, message: Message, quirks: Quirks) -> Json:
    return {"role": "user", "content": _contents(draft, f"{path}.parts", message.parts, quirks)}


def _contents(draft: Draft, path: str, parts: Sequence[Part], quirks: Quirks) -> str | list[Json]:
    """Return parts that may be text and media, in the plainest form."""
    parts = parts[:]
    texts = [part.text for part in parts if part.WhichOneof("kind") == "text"]
    if len(texts) == len(parts):
        return plainest(texts)
    content: list[Json] = []
    for index, part in enumerate(parts):
        match part.WhichOneof("kind"):
            case "text":
                content.append({"type": "text", "text": part.text})
            case "media":
                content.append(encode_media(draft, f"{path}[{index}].media", part.media, quirks))
            case kind:
                draft.unsupported_part(f"{path}[{index}].{kind}")
    return content


def _tool_results(draft: Draft, path: str, message: Message, quirks: Quirks) -> list[Json]:
    """Say each result as a message of its own."""
    encoded: list[Json] = []
    for where, result in results_of(draft, path, message):
        if quirks.tool_result_media:
            content = _contents(draft, f"{where}.content", result.content, quirks)
        else:
            content = plainest(texts_of(draft, f"{where}.content", result.content))
        if result.is_error:
            content = _failed(content)
        told = call_id(result.tool_call_id, quirks)
        encoded.append({"role": "tool", "tool_call_id": told, "content": content})
    return encoded


def _failed(content: str | list[Json]) -> str | list[Json]:
    """Say that a tool failed, before what it said of it."""
    if not content:
        return FAILED_SILENTLY
    if isinstance(content, str):
        return FAILED + content
    first = content[0].get("text", "an image or a document follows")
    rest = content[1:] if "text" in content[0] else content
    return [{"type": "text", "text": f"{FAILED}{first}"}, *rest]
