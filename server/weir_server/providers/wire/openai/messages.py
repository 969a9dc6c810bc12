"""How is a conversation said to a chat model? Messages as the vendor's chat reference has them."""

from base64 import b64encode
from collections.abc import Sequence

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart, Message, Part
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.modality import modality_of
from weir_server.providers.wire.openai.quirks import Quirks

Json = dict[str, object]

# Values are read off the module wherever every call passes: an enum's own class, as in
# `Role.ROLE_USER`, searches for the name each time, which takes most of a microsecond.
_DETAILS = {
    content_pb2.MEDIA_DETAIL_AUTO: "auto",
    content_pb2.MEDIA_DETAIL_LOW: "low",
    content_pb2.MEDIA_DETAIL_HIGH: "high",
}

_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
"""The two formats that `input_audio` takes, by media type."""

_FAILED = "Error: "


def encode_messages(draft: Draft, messages: Sequence[Message], quirks: Quirks) -> list[Json]:
    """Return the conversation in the vendor's words; what cannot be said is named in `draft`."""
    encoded: list[Json] = []
    # A slice is a list of Python's own: that iterates much faster than the field itself.
    for index, message in enumerate(messages[:]):
        path = f"messages[{index}]"
        match message.role:
            case content_pb2.ROLE_SYSTEM:
                encoded.append(_instructions(draft, path, message, "system"))
            case content_pb2.ROLE_DEVELOPER:
                role = "developer" if quirks.developer_role else "system"
                encoded.append(_instructions(draft, path, message, role))
            case content_pb2.ROLE_ASSISTANT:
                encoded.append(_assistant(draft, path, message, quirks))
            case content_pb2.ROLE_TOOL:
                encoded.extend(_tool_results(draft, path, message))
            case _:
                encoded.append(_user(draft, path, message))
    return encoded


def _instructions(draft: Draft, path: str, message: Message, role: str) -> Json:
    return _named({"role": role, "content": _texts(draft, path, message.parts)}, message)


def _user(draft: Draft, path: str, message: Message) -> Json:
    parts = message.parts[:]
    texts = [part.text for part in parts if part.WhichOneof("kind") == "text"]
    if len(texts) == len(parts):
        return _named({"role": "user", "content": _text_content(texts)}, message)
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
    return _named({"role": "user", "content": content}, message)


def _assistant(draft: Draft, path: str, message: Message, quirks: Quirks) -> Json:
    content: list[Json] = []
    reasoning: list[str] = []
    calls: list[Json] = []
    for index, part in enumerate(message.parts):
        kind = part.WhichOneof("kind")
        if kind == "reasoning" and not quirks.reasoning_history_field:
            draft.dropped(f"{path}.parts[{index}].reasoning")
            continue
        if part.provider_state:
            draft.dropped(f"{path}.parts[{index}].provider_state")
        match kind:
            case "text":
                content.append({"type": "text", "text": part.text})
            case "refusal":
                content.append({"type": "refusal", "refusal": part.refusal.text})
            case "reasoning":
                reasoning.append(part.reasoning.text)
            case "tool_call":
                call = part.tool_call
                function = {"name": call.name, "arguments": call.arguments_json}
                calls.append({"id": call.id, "type": "function", "function": function})
            case _:
                draft.unsupported_part(f"{path}.parts[{index}].{kind}")
    encoded: Json = {"role": "assistant", **_assistant_content(content, calls)}
    if reasoning:
        encoded[quirks.reasoning_history_field] = "".join(reasoning)
    if calls:
        encoded["tool_calls"] = calls
    return _named(encoded, message)


def _assistant_content(content: list[Json], calls: list[Json]) -> Json:
    """Say text and refusal in the plainest form, which every server understands."""
    if not content:
        return {"content": None if calls else ""}
    if len(content) > 1:
        return {"content": content}
    if "refusal" in content[0]:
        return {"content": None, "refusal": content[0]["refusal"]}
    return {"content": content[0]["text"]}


def _tool_results(draft: Draft, path: str, message: Message) -> list[Json]:
    """Say each result as a message of its own.

    The protocol has no mark for a tool that failed, so the content says it to the model: it begins
    with `Error: `, be the tool's own words as they may.
    """
    encoded: list[Json] = []
    for index, part in enumerate(message.parts):
        part_path = f"{path}.parts[{index}]"
        kind = part.WhichOneof("kind")
        if kind != "tool_result":
            draft.unsupported_part(f"{part_path}.{kind}")
            continue
        result = part.tool_result
        content = _texts(draft, f"{part_path}.tool_result", result.content, "content")
        if result.is_error:
            content = _failed(content)
        encoded.append({"role": "tool", "tool_call_id": result.tool_call_id, "content": content})
    return encoded


def _failed(content: str | list[Json]) -> str | list[Json]:
    """Say that a tool failed, before what it said of it."""
    if not content:
        return f"{_FAILED}the tool failed without a message"
    if isinstance(content, str):
        return _FAILED + content
    return [{"type": "text", "text": f"{_FAILED}{content[0]['text']}"}, *content[1:]]


def _texts(
    draft: Draft, path: str, parts: Sequence[Part], field: str = "parts"
) -> str | list[Json]:
    """Return parts that can only be text; what else they are is named in `draft`."""
    texts: list[str] = []
    for index, part in enumerate(parts):
        match part.WhichOneof("kind"):
            case "text":
                texts.append(part.text)
            case "media":
                draft.unsupported_medium(f"{path}.{field}[{index}].media")
            case kind:
                draft.unsupported_part(f"{path}.{field}[{index}].{kind}")
    return _text_content(texts)


def _text_content(texts: list[str]) -> str | list[Json]:
    """Say texts in the plainest form: one as a string, more as a list."""
    if len(texts) > 1:
        return [{"type": "text", "text": text} for text in texts]
    return texts[0] if texts else ""


def _media(draft: Draft, path: str, media: MediaPart) -> Json:
    match modality_of(media), media.WhichOneof("source"):
        case content_pb2.MODALITY_IMAGE, "inline_data":
            return _image(media, _data_url(media))
        case content_pb2.MODALITY_IMAGE, "uri":
            return _image(media, media.uri)
        case content_pb2.MODALITY_AUDIO, "inline_data" if media.mime_type.lower() in _AUDIO_FORMATS:
            audio = {
                "data": b64encode(media.inline_data).decode(),
                "format": _AUDIO_FORMATS[media.mime_type.lower()],
            }
            return {"type": "input_audio", "input_audio": audio}
        case content_pb2.MODALITY_DOCUMENT, "inline_data":
            file = {"filename": media.filename or "file", "file_data": _data_url(media)}
            return {"type": "file", "file": file}
        case content_pb2.MODALITY_DOCUMENT, "file_id":
            return {"type": "file", "file": {"file_id": media.file_id}}
        case _:
            draft.unsupported_medium(path)
            return {}


def _image(media: MediaPart, url: str) -> Json:
    image: Json = {"url": url}
    if media.detail in _DETAILS:
        image["detail"] = _DETAILS[media.detail]
    return {"type": "image_url", "image_url": image}


def _data_url(media: MediaPart) -> str:
    return f"data:{media.mime_type};base64,{b64encode(media.inline_data).decode()}"


def _named(encoded: Json, message: Message) -> Json:
    if message.name:
        encoded["name"] = message.name
    return encoded
