"""How is a medium said to a chat model? Pieces of content, as the chat reference has it."""

from base64 import b64encode

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart
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


def encode_media(draft: Draft, path: str, media: MediaPart, quirks: Quirks) -> Json:
    """Return a medium as a piece of content; one that cannot be said so is named in `draft`."""
    match modality_of(media), media.WhichOneof("source"):
        case content_pb2.MODALITY_IMAGE, "inline_data":
            return _image(media, _data_url(media))
        case content_pb2.MODALITY_IMAGE, "uri" if quirks.image_urls:
            return _image(media, media.uri)
        case content_pb2.MODALITY_AUDIO, "inline_data" if quirks.bare_media:
            return {"type": "input_audio", "input_audio": b64encode(media.inline_data).decode()}
        case content_pb2.MODALITY_DOCUMENT, "inline_data" | "uri" if quirks.bare_media:
            return _document(media)
        case content_pb2.MODALITY_DOCUMENT, "file_id" if quirks.bare_media:
            return {"type": "file", "file_id": media.file_id}
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


def _document(media: MediaPart) -> Json:
    url = media.uri if media.WhichOneof("source") == "uri" else _data_url(media)
    document: Json = {"type": "document_url", "document_url": url}
    if media.filename:
        document["document_name"] = media.filename
    return document


def _image(media: MediaPart, url: str) -> Json:
    image: Json = {"url": url}
    if media.detail in _DETAILS:
        image["detail"] = _DETAILS[media.detail]
    return {"type": "image_url", "image_url": image}


def _data_url(media: MediaPart) -> str:
    return f"data:{media.mime_type};base64,{b64encode(media.inline_data).decode()}"
