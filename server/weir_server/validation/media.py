"""Is a medium well described? Media stand in messages, in tool results and in inputs of Embed."""

from weir.v1.content_pb2 import MediaDetail, MediaPart, Modality
from weir_server.validation.checks import FieldRules, anything, known, line, matching, text
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.names import name_line

MAX_URI_BYTES = 8_192
MAX_FILENAME_BYTES = 255

MEDIA = FieldRules(
    fields={
        "modality": known(Modality.DESCRIPTOR),
        "mime_type": matching(
            r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}",
            'Give an IANA media type without parameters, such as "image/png".',
        ),
        "inline_data": anything,  # bounded by the size of the message
        "uri": line(MAX_URI_BYTES),
        "file_id": name_line,
        "filename": line(MAX_FILENAME_BYTES),
        "transcript": text(1024 * 1024),
        "detail": known(MediaDetail.DESCRIPTOR),
    },
    oneofs={"source": "inline_data, uri or file_id"},
)


def check_media(findings: Findings, at: str, media: MediaPart) -> None:
    """Check a medium; `at` is its own path."""
    MEDIA.nested(findings, at, media)
    source = media.WhichOneof("source")
    if source is not None and source != "inline_data" and not getattr(media, source):
        findings.add(f"{at}.{source}", Rule.REQUIRED, "Say where the content is.")
    if source == "inline_data":
        if not media.inline_data:
            findings.add(f"{at}.inline_data", Rule.REQUIRED, "Give the content's bytes.")
        if not media.mime_type:
            findings.add(
                f"{at}.mime_type", Rule.REQUIRED, "Say what the bytes are, such as image/png."
            )
    elif not media.mime_type and not media.modality:
        findings.add(
            f"{at}.modality", Rule.REQUIRED, "Name the modality, or give a mime_type to tell it."
        )
