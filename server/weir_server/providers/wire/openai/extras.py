"""What does an answer hold beside text and calls? Pieces of content, sources, states to keep."""

import binascii
import json
from base64 import b64decode
from collections.abc import Iterator

from weir.v1.content_pb2 import MODALITY_IMAGE, Citation, MediaPart, Part, UnknownPart
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import Chunk
from weir_server.providers.wire.openai.thoughts import Thoughts
from weir_server.providers.wire.parts import PartWriter, TextKind, whole
from weir_server.providers.wire.state import sealed


def say_pieces(
    writer: PartWriter, pieces: list[object], quirks: Quirks, thoughts: Thoughts
) -> None:
    """Write content that comes in pieces, as Mistral's does: text, thinking, and anything else."""
    for piece in pieces:
        match piece:
            case str(text) | {"type": "text", "text": str(text)}:
                if text:
                    thoughts.settle()
                    writer.text(TextKind.TEXT, text)
            case {"type": "thinking", "thinking": thought, **more}:
                _think(thoughts, thought, more.get("signature"))
            case {"type": "reasoning", "summary": thought}:
                # Databricks, of Claude; its signature would have to come back in pieces.
                _think(thoughts, thought, None)
            case _:
                thoughts.settle()
                writer.add_part(Part(unknown=_unknown(piece, quirks)))


def _think(thoughts: Thoughts, thought: object, signature: object) -> None:
    for piece in thought if isinstance(thought, list) else [thought]:
        text = piece.get("text") if isinstance(piece, dict) else piece
        if isinstance(text, str) and text:
            thoughts.say(text)
    if isinstance(signature, str) and signature:
        thoughts.sign(signature)


def _unknown(piece: object, quirks: Quirks) -> UnknownPart:
    name = piece.get("type") if isinstance(piece, dict) else None
    return UnknownPart(type=f"{kind_of_unknown(quirks)}/{whole(str(name))}", json=_json(piece))


def kind_of_unknown(quirks: Quirks) -> str:
    """Return whose an unknown item is; of a vendor that takes none back it goes to nobody."""
    return quirks.state_kind or "openai-compatible"


def state_of_call(extra: object, quirks: Quirks) -> bytes:
    """Return what is to come back with a tool call, sealed; empty: nothing."""
    if not quirks.state_kind or not isinstance(extra, dict):
        return b""
    return sealed(quirks.state_kind, _json(extra).encode())


def annotated(annotation: object) -> tuple[Citation, int, int] | None:
    """Return a source and the characters where what it is for begins and ends, or None.

    It is none in other annotations; the place is -1 where it is not told.
    """
    match annotation:
        case {"type": "url_citation", "url_citation": dict(source)}:
            citation = _citation(source, text=source.get("content"))
            return citation, _place(source.get("start_index")), _place(source.get("end_index"))
        case _:
            return None


def images(said: object, quirks: Quirks) -> Iterator[Part]:
    """Give the images that a message holds beside its content, as OpenRouter's do."""
    for image in said if isinstance(said, list) else ():
        match image:
            case {"image_url": {"url": str(url)}} if (media := _image(url)) is not None:
                yield Part(media=media)
            case _:
                yield Part(unknown=_unknown(image, quirks))


def _image(url: str) -> MediaPart | None:
    """Return the image at an address, which may hold it; None: the address is no good."""
    if not url.startswith("data:"):
        return MediaPart(modality=MODALITY_IMAGE, uri=whole(url)) if url else None
    head, comma, data = url.removeprefix("data:").partition(",")
    mime_type, _, coding = head.partition(";")
    try:
        content = b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        return None
    if not comma or coding != "base64" or not content:
        return None
    return MediaPart(mime_type=whole(mime_type), inline_data=content)


def _place(said: object) -> int:
    return said if isinstance(said, int) else -1


def sources(chunk: Chunk) -> Iterator[Citation]:
    """Give the sources that stand beside the answer: those with titles, or bare addresses."""
    results = chunk.search_results
    if isinstance(results, list) and results:
        yield from (_citation(result) for result in results if isinstance(result, dict))
    elif isinstance(chunk.citations, list):
        yield from (Citation(uri=whole(uri)) for uri in chunk.citations if isinstance(uri, str))


def _citation(source: dict[object, object], *, text: object = None) -> Citation:
    citation = Citation()
    if isinstance(uri := source.get("url"), str):
        citation.uri = whole(uri)
    if isinstance(title := source.get("title"), str):
        citation.title = whole(title)
    if isinstance(text, str):
        citation.cited_text = whole(text)
    return citation


def _json(value: object) -> str:
    return whole(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
