"""How is a medium said? As an image or a document, by its bytes, its address or a file's id."""

from base64 import b64encode

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.modality import modality_of

Json = dict[str, object]

_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PLAIN_DETAILS = (content_pb2.MEDIA_DETAIL_UNSPECIFIED, content_pb2.MEDIA_DETAIL_AUTO)


def media_block(draft: Draft, path: str, media: MediaPart) -> Json | None:
    """Return the block of a medium; None: the protocol cannot carry it, which `draft` tells."""
    modality = modality_of(media)
    source: Json | None = None
    match modality, media.WhichOneof("source"):
        case ((content_pb2.MODALITY_IMAGE | content_pb2.MODALITY_DOCUMENT), "uri"):
            source = {"type": "url", "url": media.uri}
        case ((content_pb2.MODALITY_IMAGE | content_pb2.MODALITY_DOCUMENT), "file_id"):
            source = {"type": "file", "file_id": media.file_id}
        case content_pb2.MODALITY_IMAGE, "inline_data" if media.mime_type.lower() in _IMAGES:
            source = _bytes(media)
        case content_pb2.MODALITY_DOCUMENT, "inline_data":
            source = _document(media)
    if source is None:
        draft.unsupported_medium(path)
        return None
    if media.detail not in _PLAIN_DETAILS:
        draft.unsupported_field(f"{path}.detail")
    if modality == content_pb2.MODALITY_IMAGE:
        return {"type": "image", "source": source}
    block: Json = {"type": "document", "source": source}
    if media.filename:
        block["title"] = media.filename
    return block


def _document(media: MediaPart) -> Json | None:
    mime_type = media.mime_type.partition(";")[0].strip().lower()
    if mime_type == "application/pdf":
        return _bytes(media)
    if not mime_type.startswith("text/"):
        return None
    try:
        text = media.inline_data.decode()
    except UnicodeDecodeError:
        return None
    # The protocol knows one kind of text; what more the type says is in the text itself.
    return {"type": "text", "media_type": "text/plain", "data": text}


def _bytes(media: MediaPart) -> Json:
    return {
        "type": "base64",
        "media_type": media.mime_type.lower(),
        "data": b64encode(media.inline_data).decode(),
    }
