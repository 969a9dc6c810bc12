"""Which part is a block that comes whole? An answer of the vendor's tools, or another item."""

from collections.abc import Mapping, Sequence

from msgspec import Raw

from weir.v1.content_pb2 import Part
from weir_server.providers.wire.anthropic.shapes import (
    ANYTHING,
    BLOCK,
    decode,
    json_of,
    text_of,
)
from weir_server.providers.wire.anthropic.state import KIND, keep
from weir_server.providers.wire.parts import whole

_RESULT = "_tool_result"
_TRUE = b"true"
_NULL = b"null"


def part_of(raw: Raw, members: Mapping[str, Raw], deltas: Sequence[Mapping[str, Raw]]) -> Part:
    """Return the part of a block; what Weir has no kind for is kept as the vendor wrote it.

    deltas: what a stream added to it, which is seldom: such blocks come whole.
    """
    if deltas:
        members = _grown(members, deltas)
        raw = Raw(json_of(members).encode())
    label = text_of(members.get("type"))
    if label.endswith(_RESULT) and "content" in members:
        return _result(label, members)
    part = Part()
    match label:
        case "redacted_thinking":
            part.reasoning.SetInParent()
            part.provider_state = keep(members)
        case "compaction":
            part.compaction.summary = whole(text_of(members.get("content")))
            part.provider_state = keep(_without(members, "content"))
        case _:
            part.unknown.type = f"{KIND}/{whole(label)}"
            part.unknown.json = bytes(raw).decode()
    return part


def _result(label: str, members: Mapping[str, Raw]) -> Part:
    content = members["content"]
    part = Part()
    result = part.server_tool_result
    result.tool_call_id = whole(text_of(members.get("tool_use_id")))
    result.name = whole(label.removesuffix(_RESULT))
    result.result_json = bytes(content).decode()
    result.is_error = _is_error(content) or bytes(members.get("is_error", b"")) == _TRUE
    part.provider_state = keep(_without(members, "content", "tool_use_id"))
    return part


def _is_error(content: Raw) -> bool:
    """Say whether a tool's answer is one of the vendor's `..._error` objects."""
    said = decode(BLOCK, content)
    return said is not None and text_of(said.get("type")).endswith("_error")


def _grown(members: Mapping[str, Raw], deltas: Sequence[Mapping[str, Raw]]) -> dict[str, Raw]:
    """Return members with their deltas: texts go on, anything else is replaced."""
    grown: dict[str, Raw] = dict(members)
    texts: dict[str, list[str]] = {}
    for delta in deltas:
        for name, value in delta.items():
            if name == "type" or bytes(value) == _NULL:
                continue
            said = decode(ANYTHING, value)
            if not isinstance(said, str):
                texts.pop(name, None)
                grown[name] = value
                continue
            if name not in texts:
                texts[name] = [text_of(grown.get(name))]
            texts[name].append(said)
    for name, pieces in texts.items():
        grown[name] = Raw(json_of("".join(pieces)).encode())
    return grown


def _without(members: Mapping[str, Raw], *names: str) -> dict[str, Raw]:
    return {name: raw for name, raw in members.items() if name not in names}
