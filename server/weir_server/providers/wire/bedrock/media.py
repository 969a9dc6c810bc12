"""How does a medium go in? As one of the formats that Converse knows, by its bytes or from S3."""

import re
from base64 import b64encode
from collections.abc import Mapping

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart, Modality
from weir_server.core.needs import modality_of
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

_IMAGES = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_AUDIO = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/mp4": "mp4",
    "audio/m4a": "m4a",
    "audio/x-m4a": "m4a",
    "audio/ogg": "ogg",
    "audio/webm": "webm",
    "audio/x-matroska": "mka",
}
_VIDEOS = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_FORMATS: Mapping[Modality.ValueType, tuple[str, Mapping[str, str]]] = {
    content_pb2.MODALITY_IMAGE: ("image", _IMAGES),
    content_pb2.MODALITY_AUDIO: ("audio", _AUDIO),
    content_pb2.MODALITY_VIDEO: ("video", _VIDEOS),
    content_pb2.MODALITY_DOCUMENT: ("document", _DOCUMENTS),
}
"""Name of the block and the vendor's word for a format, by media type."""
IMAGE_TYPES: Mapping[str, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
"""Media types by the vendor's word, for images that a model makes."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")
_SPACES = re.compile(r"\s+")
_ENDINGS = {"jpg": "jpeg", "3gp": "three_gp", "htm": "html"}
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
_NAME_MAX_CHARS = 180


class DocumentNames:
    """Names for the documents of one request: each needs one, and no two may have the same."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: set[str] = set()

    def name_for(self, filename: str) -> str:
        """Return a name in the characters that the vendor takes, without the ending."""
        stem = _ENDING.sub("", filename)
        plain = _SPACES.sub(" ", _NOT_IN_NAMES.sub(" ", stem)).strip()[:_NAME_MAX_CHARS]
        base = plain or "document"
        name, number = base, 1
        while name in self._given:
            number += 1
            name = f"{base} ({number})"
        self._given.add(name)
        return name


def media_block(
    draft: Draft, path: str, media: MediaPart, names: DocumentNames, *, of_tool: bool = False
) -> Json | None:
    """Return the block of a medium; None: it cannot go in so, which is named in `draft`.

    of_tool: whether a tool answered with it, where sound has no place.
    """
    kind, formats = _FORMATS.get(modality_of(media), ("", {}))
    word = _format(media, formats)
    source = _source(media)
    if not word or source is None or (of_tool and kind == "audio"):
        draft.unsupported_medium(path)
        return None
    if media.detail in (content_pb2.MEDIA_DETAIL_LOW, content_pb2.MEDIA_DETAIL_HIGH):
        draft.unsupported_field(f"{path}.detail")
    block: Json = {"format": word, "source": source}
    if kind == "document":
        block["name"] = names.name_for(media.filename)
    return {kind: block}


def sayable(media: MediaPart) -> bool:
    """Tell whether a medium can go in at all."""
    _, formats = _FORMATS.get(modality_of(media), ("", {}))
    return bool(_format(media, formats)) and _source(media) is not None


def _format(media: MediaPart, formats: Mapping[str, str]) -> str:
    """Return the vendor's word for a format; where no type is given, by the name's ending."""
    if media.mime_type:
        return formats.get(media.mime_type.lower(), "")
    ending = (media.filename or media.uri).rpartition(".")[2].lower()
    word = _ENDINGS.get(ending, ending)
    return word if word in formats.values() else ""


def _source(media: MediaPart) -> Json | None:
    match media.WhichOneof("source"):
        case "inline_data":
            return {"bytes": b64encode(media.inline_data).decode()}
        case "uri" if media.uri.startswith("s3://"):
            return {"s3Location": {"uri": media.uri}}
        case _:
            return None
