"""How is a conversation said to Cohere? Messages as the vendor's reference "Chat" has them."""

from base64 import b64encode
from collections.abc import Sequence

import msgspec

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart, Message, Part
from weir_server.core.errors import InvalidRequest
from weir_server.core.needs import modality_of
from weir_server.providers.wire.cohere.answer import CITATION, KIND, PLAN_STATE
from weir_server.providers.wire.crossing import words_of
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.plain_text import (
    FAILED,
    FAILED_SILENTLY,
    plainest,
    results_of,
    texts_of,
)
from weir_server.providers.wire.state import own_state

Json = dict[str, object]

_DETAILS = {
    content_pb2.MEDIA_DETAIL_AUTO: "auto",
    content_pb2.MEDIA_DETAIL_LOW: "low",
    content_pb2.MEDIA_DETAIL_HIGH: "high",
}


def encode_messages(draft: Draft, messages: Sequence[Message]) -> list[Json]:
    """Return the conversation in the vendor's words; what cannot be said is named in `draft`."""
    encoded: list[Json] = []
    # A slice is a list of Python's own: that iterates much faster than the field itself.
    for index, message in enumerate(messages[:]):
        path = f"messages[{index}]"
        match message.role:
            case content_pb2.ROLE_SYSTEM | content_pb2.ROLE_DEVELOPER:
                _refuse_name(draft, path, message)
                content = plainest(texts_of(draft, f"{path}.parts", message.parts))
                encoded.append({"role": "system", "content": content})
            case content_pb2.ROLE_ASSISTANT:
                if message.name:
                    draft.dropped(f"{path}.name")
                encoded.append(_Assistant(draft, path).encode(message))
            case content_pb2.ROLE_TOOL:
                encoded.extend(_tool_results(draft, path, message))
            case _:
                _refuse_name(draft, path, message)
                encoded.append(_user(draft, path, message))
    return encoded


def _refuse_name(draft: Draft, path: str, message: Message) -> None:
    if message.name:
        draft.unsupported_field(f"{path}.name")


def _user(draft: Draft, path: str, message: Message) -> Json:
    parts = message.parts[:]
    texts = [part.text for part in parts if part.WhichOneof("kind") == "text"]
    if len(texts) == len(parts):
        return {"role": "user", "content": plainest(texts)}
    content: list[Json] = []
    for index, part in enumerate(parts):
        part_path = f"{path}.parts[{index}]"
        match part.WhichOneof("kind"):
            case "text":
                content.append({"type": "text", "text": part.text})
            case "media":
                content.append(_media(draft, f"{part_path}.media", part.media))
            case kind:
                draft.unsupported_part(f"{part_path}.{kind}")
    return {"role": "user", "content": content}


class _Assistant:
    """What the model said in an earlier turn, as it is written back."""

    __slots__ = ("_calls", "_citations", "_content", "_draft", "_path", "_plan")

    def __init__(self, draft: Draft, path: str) -> None:
        self._draft = draft
        self._path = path
        self._content: list[Json | msgspec.Raw] = []
        self._plan: list[str] = []
        self._calls: list[Json] = []
        self._citations: list[msgspec.Raw] = []

    def encode(self, message: Message) -> Json:
        for index, part in enumerate(message.parts):
            self._add(f"{self._path}.parts[{index}]", part)
        encoded: Json = {"role": "assistant"}
        content = self._plain_content()
        if content is not None:
            encoded["content"] = content
        if self._plan:
            encoded["tool_plan"] = "".join(self._plan)
        if self._calls:
            encoded["tool_calls"] = self._calls
        if self._citations:
            encoded["citations"] = self._citations
        return encoded

    def _add(self, path: str, part: Part) -> None:
        state = own_state(self._draft, KIND, path, part.provider_state)
        match part.WhichOneof("kind"):
            case "text":
                self._content.append({"type": "text", "text": part.text})
            case "refusal":  # The vendor has no such part; what was said is said.
                self._content.append({"type": "text", "text": part.refusal.text})
            case "reasoning" if part.reasoning.text:
                if state and part.provider_state == PLAN_STATE:
                    self._plan.append(part.reasoning.text)
                else:
                    self._content.append({"type": "thinking", "thinking": part.reasoning.text})
            case "tool_call":
                call = part.tool_call
                function = {"name": call.name, "arguments": call.arguments_json}
                self._calls.append({"id": call.id, "type": "function", "function": function})
            case "unknown" if part.unknown.type.startswith(f"{KIND}/"):
                raw = self._draft.raw(f"{path}.unknown.json", part.unknown.json, InvalidRequest)
                known = part.unknown.type == CITATION
                (self._citations if known else self._content).append(raw)
            case "media":
                if words := words_of(self._draft, f"{path}.media", part.media):
                    self._content.append({"type": "text", "text": words})
            case kind:
                self._draft.dropped(f"{path}.{kind}")

    def _plain_content(self) -> str | list[Json | msgspec.Raw] | None:
        """Return what was said in the plainest form; None where only tools were called."""
        if not self._content:
            return None if self._plan or self._calls else ""
        only = self._content[0]
        if len(self._content) == 1 and isinstance(only, dict) and only["type"] == "text":
            return str(only["text"])
        return self._content


def _tool_results(draft: Draft, path: str, message: Message) -> list[Json]:
    """Say each result as a message of its own."""
    encoded: list[Json] = []
    for where, result in results_of(draft, path, message):
        content = plainest(texts_of(draft, f"{where}.content", result.content))
        if result.is_error:
            content = _failed(content)
        encoded.append({"role": "tool", "tool_call_id": result.tool_call_id, "content": content})
    return encoded


def _failed(content: str | list[Json]) -> str | list[Json]:
    """Say that a tool failed, before what it said of it."""
    if not content:
        return FAILED_SILENTLY
    if isinstance(content, str):
        return FAILED + content
    return [{"type": "text", "text": f"{FAILED}{content[0]['text']}"}, *content[1:]]


def _media(draft: Draft, path: str, media: MediaPart) -> Json:
    source = media.WhichOneof("source")
    if modality_of(media) != content_pb2.MODALITY_IMAGE or source == "file_id":
        draft.unsupported_medium(path)
        return {}
    image: Json = {"url": media.uri if source == "uri" else data_url(media)}
    if media.detail in _DETAILS:
        image["detail"] = _DETAILS[media.detail]
    return {"type": "image_url", "image_url": image}


def data_url(media: MediaPart) -> str:
    """Return a medium's bytes as an address that holds them."""
    return f"data:{media.mime_type};base64,{b64encode(media.inline_data).decode()}"
