"""How are images, sounds, videos and files said, and heard? By bytes or by address."""

import binascii
from base64 import b64decode, b64encode

from msgspec import Struct

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.gemini.dialect import Dialect
from weir_server.providers.wire.parts import whole

Json = dict[str, object]

_RESOLUTIONS = {
    content_pb2.MEDIA_DETAIL_LOW: "MEDIA_RESOLUTION_LOW",
    content_pb2.MEDIA_DETAIL_HIGH: "MEDIA_RESOLUTION_HIGH",
}


class Blob(Struct, rename="camel", gc=False):
    """Bytes in base64."""

    data: str
    mime_type: str = ""
    display_name: str = ""


class FileData(Struct, rename="camel", gc=False):
    """An address."""

    file_uri: str
    mime_type: str = ""
    display_name: str = ""


class Transcription(Struct, gc=False):
    """What is said in a sound."""

    text: str = ""


def encode_media(draft: Draft, path: str, media: MediaPart, dialect: Dialect) -> Json:
    """Return a medium as a part; what cannot be said is named in `draft`."""
    if media.filename:
        draft.dropped(f"{path}.filename")
    part: Json = {}
    match media.WhichOneof("source"):
        case "inline_data":
            data = b64encode(media.inline_data).decode()
            part["inlineData"] = {"mimeType": media.mime_type, "data": data}
        case "uri":
            part["fileData"] = _file(media.uri, media.mime_type)
        case _:
            uri = dialect.file_uri(media.file_id)
            if not uri:
                draft.unsupported_medium(path)
            part["fileData"] = _file(uri, media.mime_type)
    if media.detail in _RESOLUTIONS:
        part["mediaResolution"] = {"level": _RESOLUTIONS[media.detail]}
    return part


def sayable(media: MediaPart, dialect: Dialect) -> bool:
    """Tell whether a medium can go in: a file of somewhere else cannot."""
    return media.WhichOneof("source") != "file_id" or bool(dialect.file_uri(media.file_id))


def _file(uri: str, mime_type: str) -> Json:
    return {"mimeType": mime_type, "fileUri": uri} if mime_type else {"fileUri": uri}


def inline_media(said: Blob) -> MediaPart | None:
    """Return a medium that came as bytes, or None where they are no base64."""
    try:
        data = b64decode(said.data.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        return None
    return MediaPart(
        mime_type=whole(said.mime_type), inline_data=data, filename=whole(said.display_name)
    )


def linked_media(said: FileData) -> MediaPart:
    """Return a medium that came as an address."""
    return MediaPart(
        mime_type=whole(said.mime_type), uri=whole(said.file_uri), filename=whole(said.display_name)
    )
