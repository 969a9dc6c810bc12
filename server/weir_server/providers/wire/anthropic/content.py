"""How is a part said? As the block that the vendor's reference has for it."""

import msgspec

from weir.v1.content_pb2 import Part, ToolResultPart
from weir_server.core.errors import InvalidRequest, UnsupportedOption
from weir_server.providers.wire.anthropic.call_ids import call_id
from weir_server.providers.wire.anthropic.media import media_block
from weir_server.providers.wire.anthropic.state import KIND, Members, kept
from weir_server.providers.wire.crossing import arguments_object, words_of
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.state import opened

Json = dict[str, object]
Block = Json | msgspec.Raw

_TTLS = frozenset({"5m", "1h"})
_OWN = f"{KIND}/"
"""What stands before the vendor's own name of an item that Weir has no kind for."""
_EMPTY = msgspec.Raw(b"{}")


def instruction_block(draft: Draft, path: str, part: Part) -> Json | None:
    """Return the block of a part of instructions, which can only be text."""
    match part.WhichOneof("kind"):
        case "text":
            return _cached(draft, path, part, _text(part.text))
        case "media":
            draft.unsupported_medium(f"{path}.media")
        case kind:
            draft.unsupported_part(f"{path}.{kind}")
    return None


def user_block(draft: Draft, path: str, part: Part) -> Json | None:
    """Return the block of what a user or a tool says; None: it says nothing, or it cannot be."""
    match part.WhichOneof("kind"):
        case "text":
            return _cached(draft, path, part, _text(part.text))
        case "media":
            return _cached(draft, path, part, media_block(draft, f"{path}.media", part.media))
        case kind:
            draft.unsupported_part(f"{path}.{kind}")
            return None


def result_block(draft: Draft, path: str, part: Part, toolsets: Members) -> Json | None:
    """Return the block of what a tool answered. `toolsets`: whose tool it was, by the call's id."""
    kind = part.WhichOneof("kind")
    if kind != "tool_result":
        draft.unsupported_part(f"{path}.{kind}")
        return None
    result = part.tool_result
    block: Json = {"type": "tool_result", "tool_use_id": call_id(result.tool_call_id)}
    if content := _result_content(draft, f"{path}.tool_result", result):
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    if result.tool_call_id in toolsets:
        block["toolset_name"] = toolsets[result.tool_call_id]
    return _cached(draft, path, part, block)


def assistant_block(draft: Draft, path: str, part: Part) -> Block | None:
    """Return the block of what the model said earlier; None: there is none, which `draft` tells."""
    kind = part.WhichOneof("kind")
    if kind in ("reasoning", "unknown") and part.HasField("cache_hint"):
        draft.dropped(f"{path}.cache_hint")  # thoughts cannot be marked, items are not looked into
    match kind:
        case "text":
            members = kept(draft, path, part.provider_state)
            block = _text(part.text)
            return _cached(draft, path, part, {**members, **block} if block else None)
        case "refusal":
            kept(draft, path, part.provider_state)
            return _cached(draft, path, part, _text(part.refusal.text))
        case "tool_call":
            return _cached(draft, path, part, _call(draft, path, part))
        case "reasoning" | "server_tool_call" | "server_tool_result" | "compaction":
            own = _own_item(draft, path, part, kind)
            if own is None:
                draft.dropped(f"{path}.{kind}")
            return _cached(draft, path, part, own) if kind != "reasoning" else own
        case "unknown" if part.unknown.type.startswith(_OWN):
            return _object(draft, f"{path}.unknown.json", part.unknown.json)
        case "unknown":
            draft.dropped(f"{path}.unknown")
        case "media":
            said = _text(words_of(draft, f"{path}.media", part.media))
            return _cached(draft, path, part, said)
        case _:
            draft.unsupported_part(f"{path}.{kind}")
    return None


def toolset_of(block: Block | None) -> msgspec.Raw | None:
    """Return the name of the toolset that a call came from, which its result has to repeat."""
    name = block.get("toolset_name") if isinstance(block, dict) else None
    return name if isinstance(name, msgspec.Raw) else None


def _own_item(draft: Draft, path: str, part: Part, kind: str) -> Json | None:
    """Return what only this vendor can have said, or None where it did not."""
    # What another vendor thought, or let its own tools do, has no signature that would hold here.
    if not opened(KIND, part.provider_state):
        return None
    members = kept(draft, path, part.provider_state)
    match kind:
        case "reasoning" if "data" in members:
            return {**members}
        case "reasoning":
            # Hidden thoughts are in the state, as their signature holds for every word of them.
            return {"type": "thinking", "thinking": part.reasoning.text, **members}
        case "compaction":
            return {"type": "compaction", "content": part.compaction.summary or None, **members}
        case "server_tool_call":
            call = part.server_tool_call
            where = f"{path}.server_tool_call.arguments_json"
            given = arguments_object(draft, where, call.arguments_json)
            said = {"id": call.id, "name": call.name, "input": given}
            return {"type": "server_tool_use", **members, **said}
        case _:
            result = part.server_tool_result
            content = draft.raw(
                f"{path}.server_tool_result.result_json", result.result_json, InvalidRequest
            )
            return {**members, "tool_use_id": result.tool_call_id, "content": content}


def _call(draft: Draft, path: str, part: Part) -> Json:
    call = part.tool_call
    members = kept(draft, path, part.provider_state)
    given = arguments_object(draft, f"{path}.tool_call.arguments_json", call.arguments_json)
    said = {"id": call_id(call.id), "name": call.name, "input": given}
    return {**members, "type": "tool_use", **said}


def _result_content(draft: Draft, path: str, result: ToolResultPart) -> str | list[Block]:
    blocks: list[Block] = []
    for index, part in enumerate(result.content):
        block = user_block(draft, f"{path}.content[{index}]", part)
        if block is not None:
            blocks.append(block)
    return plainest(blocks)


def plainest(blocks: list[Block]) -> str | list[Block]:
    """Say blocks in the plainest form: one of text alone as a string, more as a list."""
    if len(blocks) == 1 and isinstance(blocks[0], dict) and blocks[0].keys() == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks


def _text(text: str) -> Json | None:
    """Return a block of text; an empty one, which the vendor refuses, says nothing."""
    return {"type": "text", "text": text} if text else None


def _object(draft: Draft, path: str, text: str) -> msgspec.Raw:
    """Return JSON text that has to be an object, byte for byte; an empty text is an empty one."""
    if not text:
        return _EMPTY
    if not text.lstrip(" \t\r\n").startswith("{"):
        draft.refuse(path, "Give a JSON object.", InvalidRequest, "BAD_JSON")
        return _EMPTY
    return draft.raw(path, text, InvalidRequest)


def _cached(draft: Draft, path: str, part: Part, block: Json | None) -> Json | None:
    """Mark a block as the end of what is worth caching, where its part has the hint."""
    if not part.HasField("cache_hint") or not block:
        return block
    ttl = part.cache_hint.ttl
    if ttl and ttl not in _TTLS:
        draft.refuse(f"{path}.cache_hint.ttl", "Give 5m or 1h, or leave it out.", UnsupportedOption)
    control = {"type": "ephemeral", "ttl": ttl} if ttl else {"type": "ephemeral"}
    return {**block, "cache_control": control}
