"""What kind of medium is it? As the caller said, or as its media type tells."""

from weir.v1 import content_pb2
from weir.v1.content_pb2 import MediaPart, Modality


def modality_of(media: MediaPart) -> Modality.ValueType:
    """Return the kind of a medium; what no media type tells is a document."""
    if media.modality:
        return media.modality
    match media.mime_type.partition("/")[0].lower():
        case "image":
            return content_pb2.MODALITY_IMAGE
        case "audio":
            return content_pb2.MODALITY_AUDIO
        case "video":
            return content_pb2.MODALITY_VIDEO
        case _:
            return content_pb2.MODALITY_DOCUMENT
