"""What is each part as a content block? Converse's `ContentBlock`, one member to a block."""

from collections.abc import Iterator, Sequence

import msgspec

from weir.v1.content_pb2 import Part, ToolResultPart
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.bedrock import KIND
from weir_server.providers.wire.bedrock.families import Family
from weir_server.providers.wire.bedrock.media import DocumentNames, media_block, sayable
from weir_server.providers.wire.bedrock.state import PartState, open_state
from weir_server.providers.wire.crossing import arguments_object, words_of
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

UNKNOWN = f"{KIND}/"
"""What the type of an unknown part begins with, if it is a block of this protocol."""
_CONTENT = frozenset(
    {"audio", "cachePoint", "citationsContent", "document", "guardContent", "image"}
    | {"reasoningContent", "searchResult", "text", "toolAddition", "toolRemoval", "toolResult"}
    | {"toolUse", "video"}
)
_OF_SYSTEM = frozenset({"text", "guardContent", "cachePoint"})
_OF_TOOL = frozenset({"json", "text", "image", "document", "video", "searchResult"})
_CACHE_TTLS = frozenset({"5m", "1h"})


class BlockWriter:
    """Writes the blocks of one request."""

    __slots__ = ("_draft", "_family", "_names", "tools_used")

    def __init__(self, draft: Draft, family: Family) -> None:
        self.tools_used = False
        """Whether a tool was called or has answered so far."""
        self._draft = draft
        self._family = family
        self._names = DocumentNames()

    def instructions(self, path: str, parts: Sequence[Part]) -> list[Json]:
        """Return the blocks of instructions."""
        blocks: list[Json] = []
        for part_path, part, kind in _each(path, parts):
            if kind == "text":
                _add_text(blocks, part.text)
            elif kind == "unknown":
                blocks += self._given(part_path, part, _OF_SYSTEM)
            else:
                self._draft.unsupported_part(f"{part_path}.{kind}")
            self._add_cache_point(blocks, part_path, part)
        return blocks

    def of_user(self, path: str, parts: Sequence[Part]) -> list[Json]:
        """Return the blocks of what a user said, or of what tools answered."""
        blocks: list[Json] = []
        for part_path, part, kind in _each(path, parts):
            match kind:
                case "text":
                    _add_text(blocks, part.text)
                case "media":
                    self._add_medium(blocks, f"{part_path}.media", part)
                case "tool_result":
                    blocks.append(self._tool_result(f"{part_path}.tool_result", part.tool_result))
                case "unknown":
                    blocks += self._given(part_path, part, _CONTENT)
                case _:
                    self._draft.unsupported_part(f"{part_path}.{kind}")
            self._add_cache_point(blocks, part_path, part)
        return blocks

    def of_model(self, path: str, parts: Sequence[Part]) -> list[Json]:
        """Return the blocks of what the model said in an earlier turn.

        What only another protocol's model can have said is left out and named.
        """
        blocks: list[Json] = []
        for part_path, part, kind in _each(path, parts):
            state = open_state(self._draft, part_path, part.provider_state)
            match kind:
                case "text" if state is not None and state.citations is not None:
                    blocks.append(
                        {
                            "citationsContent": {
                                "content": [{"text": part.text}] if part.text else [],
                                "citations": state.citations,
                            }
                        }
                    )
                case "text":
                    _add_text(blocks, part.text)
                case "refusal":
                    _add_text(blocks, part.refusal.text)
                case "media" if sayable(part.media):
                    self._add_medium(blocks, f"{part_path}.media", part)
                case "media":
                    _add_text(blocks, words_of(self._draft, f"{part_path}.media", part.media))
                case "reasoning" if state is not None:
                    blocks.append(_reasoning(part.reasoning.text, state))
                case "tool_call":
                    blocks.append(self._tool_use(f"{part_path}.tool_call", part))
                case "server_tool_call" if state is not None:
                    blocks.append(self._server_tool_use(f"{part_path}.server_tool_call", part))
                case "server_tool_result" if state is not None:
                    blocks.append(self._server_result(part_path, part, state))
                case "unknown" if part.unknown.type.removeprefix(UNKNOWN) in _CONTENT:
                    blocks += self._given(part_path, part, _CONTENT)
                case _:
                    self._draft.dropped(f"{part_path}.{kind}")
            self._add_cache_point(blocks, part_path, part)
        return blocks

    def _add_medium(self, blocks: list[Json], path: str, part: Part) -> None:
        block = media_block(self._draft, path, part.media, self._names)
        if block is not None:
            blocks.append(block)

    def _add_cache_point(self, blocks: list[Json], path: str, part: Part) -> None:
        """Mark the prompt up to a part as worth caching, where the model can; it is a hint."""
        if not part.HasField("cache_hint") or not self._family.cache_points:
            return
        point: Json = {"type": "default"}
        ttl = part.cache_hint.ttl
        if ttl:
            if ttl not in _CACHE_TTLS:
                self._draft.refuse(
                    f"{path}.cache_hint.ttl", "Use 5m or 1h, or leave it out.", InvalidRequest
                )
            point["ttl"] = ttl
        blocks.append({"cachePoint": point})

    def _tool_use(self, path: str, part: Part) -> Json:
        self.tools_used = True
        call = part.tool_call
        return {
            "toolUse": {
                "toolUseId": call.id,
                "name": call.name,
                "input": self._input(path, call.arguments_json),
            }
        }

    def _server_tool_use(self, path: str, part: Part) -> Json:
        self.tools_used = True
        call = part.server_tool_call
        return {
            "toolUse": {
                "toolUseId": call.id,
                "name": call.name,
                "input": self._input(path, call.arguments_json),
                "type": "server_tool_use",
            }
        }

    def _input(self, path: str, arguments_json: str) -> msgspec.Raw:
        return arguments_object(self._draft, f"{path}.arguments_json", arguments_json)

    def _tool_result(self, path: str, result: ToolResultPart) -> Json:
        self.tools_used = True
        content: list[Json] = []
        failed = result.is_error
        if failed and not self._family.failure_status:
            content.append({"text": "Error:"})
        for index, part in enumerate(result.content):
            part_path = f"{path}.content[{index}]"
            match part.WhichOneof("kind"):
                case "text":
                    _add_text(content, part.text)
                case "media":
                    block = media_block(
                        self._draft, f"{part_path}.media", part.media, self._names, of_tool=True
                    )
                    content += [block] if block is not None else []
                case "unknown":
                    content += self._given(part_path, part, _OF_TOOL)
                case kind:
                    self._draft.unsupported_part(f"{part_path}.{kind}")
        said: Json = {"toolUseId": result.tool_call_id, "content": content}
        if failed and self._family.failure_status:
            said["status"] = "error"
        return {"toolResult": said}

    def _server_result(self, path: str, part: Part, state: PartState) -> Json:
        self.tools_used = True
        result = part.server_tool_result
        path = f"{path}.server_tool_result.result_json"
        said: Json = {
            "toolUseId": result.tool_call_id,
            "content": self._draft.raw(path, result.result_json or "[]", InvalidRequest),
        }
        if state.status is not None:
            said["status"] = state.status
        if state.type is not None:
            said["type"] = state.type
        return {"toolResult": said}

    def _given(self, path: str, part: Part, allowed: frozenset[str]) -> Iterator[Json]:
        """Give a block that came from this protocol, or that a caller wrote in its words."""
        name = part.unknown.type.removeprefix(UNKNOWN)
        if not part.unknown.type.startswith(UNKNOWN) or name not in allowed:
            self._draft.unsupported_part(f"{path}.unknown")
            return
        try:
            block = msgspec.json.decode(part.unknown.json, type=dict[str, msgspec.Raw])
        except (ValueError, RecursionError):
            block = {}
        if list(block) != [name]:
            self._draft.refuse(
                f"{path}.unknown.json",
                f'Give the block: an object with the one member "{name}".',
                InvalidRequest,
                "BAD_JSON",
            )
            return
        self.tools_used = self.tools_used or name in ("toolUse", "toolResult")
        yield {name: block[name]}


def _each(path: str, parts: Sequence[Part]) -> Iterator[tuple[str, Part, str]]:
    for index, part in enumerate(parts[:]):
        yield f"{path}.parts[{index}]", part, part.WhichOneof("kind") or "kind"


def _add_text(blocks: list[Json], text: str) -> None:
    """Add a text, unless it is empty: the vendor refuses blocks that say nothing."""
    if text:
        blocks.append({"text": text})


def _reasoning(text: str, state: PartState) -> Json:
    if state.redactedContent is not None:
        return {"reasoningContent": {"redactedContent": state.redactedContent}}
    said: Json = {"text": text if state.text is None else state.text}
    if state.signature is not None:
        said["signature"] = state.signature
    return {"reasoningContent": {"reasoningText": said}}
