"""How is what a user or a tool says put? Pieces as the vendor's reference has them for input."""

from base64 import b64encode
from collections.abc import Sequence

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart, Part
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.modality import modality_of

Json = dict[str, object]

_DETAILS = {
    content_pb2.MEDIA_DETAIL_LOW: "low",
    content_pb2.MEDIA_DETAIL_HIGH: "high",
}


def content_of(draft: Draft, path: str, parts: Sequence[Part]) -> str | list[Json]:
    """Return parts in the plainest form: one text as a string, anything else as a list.

    path: of the parts, such as `messages[0].parts`. What cannot be said is named in `draft`.
    """
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].WhichOneof("kind") == "text":
        return parts[0].text
    content: list[Json] = []
    for index, part in enumerate(parts):
        match part.WhichOneof("kind"):
            case "text":
                content.append(text_of(part.text))
            case "media":
                content.append(_media(draft, f"{path}[{index}].media", part.media))
            case kind:
                draft.unsupported_part(f"{path}[{index}].{kind}")
    return content


def text_of(text: str) -> Json:
    """Return a piece of text."""
    return {"type": "input_text", "text": text}


def _media(draft: Draft, path: str, media: MediaPart) -> Json:
    match modality_of(media), media.WhichOneof("source"):
        case content_pb2.MODALITY_IMAGE, "inline_data":
            return _image(media, "image_url", _data_url(media))
        case content_pb2.MODALITY_IMAGE, "uri":
            return _image(media, "image_url", media.uri)
        case content_pb2.MODALITY_IMAGE, "file_id":
            return _image(media, "file_id", media.file_id)
        case content_pb2.MODALITY_DOCUMENT, "inline_data":
            name = media.filename or "file"
            return {"type": "input_file", "filename": name, "file_data": _data_url(media)}
        case content_pb2.MODALITY_DOCUMENT, "uri":
            return {"type": "input_file", "file_url": media.uri}
        case content_pb2.MODALITY_DOCUMENT, "file_id":
            return {"type": "input_file", "file_id": media.file_id}
        case _:
            draft.unsupported_medium(path)
            return {}


def _image(media: MediaPart, field: str, source: str) -> Json:
    return {
        "type": "input_image",
        field: source,
        # Required by the vendor's types; auto is what it does anyway.
        "detail": _DETAILS.get(media.detail, "auto"),
    }


def _data_url(media: MediaPart) -> str:
    return f"data:{media.mime_type};base64,{b64encode(media.inline_data).decode()}"
