"""What does an answer hold beside text and calls? Pieces of content, sources, states to keep."""

import json
from collections.abc import Iterator

from weir.v1.content_pb2 import Citation, Part, UnknownPart
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
    kind = quirks.state_kind or quirks.provider_kind
    return UnknownPart(type=f"{kind}/{whole(str(name))}", json=_json(piece))


def state_of_call(extra: object, quirks: Quirks) -> bytes:
    """Return what is to come back with a tool call, sealed; empty: nothing."""
    if not quirks.state_kind or not isinstance(extra, dict):
        return b""
    return sealed(quirks.state_kind, _json(extra).encode())


def annotated(annotations: object) -> Iterator[Citation]:
    """Give the sources among a message's annotations."""
    for annotation in annotations if isinstance(annotations, list) else ():
        match annotation:
            case {"type": "url_citation", "url_citation": dict(source)}:
                yield _citation(source, text=source.get("content"))


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
