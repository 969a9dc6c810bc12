"""Where does a text come from? The vendor's annotations, as the contract's citations."""

from collections.abc import Sequence

from msgspec import Raw

from weir.v1.content_pb2 import Citation
from weir_server.providers.wire.parts import whole
from weir_server.providers.wire.responses.shapes import ANNOTATION, Annotation, mended


def citations(annotations: Sequence[Raw], text: str) -> list[Citation]:
    """Return the sources of a text. Raises ValueError for what is no annotation."""
    return [_citation(ANNOTATION.decode(mended(raw)), text) for raw in annotations]


def _citation(said: Annotation, text: str) -> Citation:
    start, end = said.start_index, said.end_index
    if start is None or end is None:
        # A file is cited at a place, not over a stretch.
        start = end = said.index or 0
    first = _bytes_before(text, start)
    return Citation(
        start_byte=first,
        end_byte=max(first, _bytes_before(text, end)),
        uri=whole(said.url or ""),
        title=whole(said.title or said.filename or ""),
        document_id=whole(said.file_id or ""),
    )


def _bytes_before(text: str, characters: int) -> int:
    """Count the bytes of the first characters; places outside the text are brought into it."""
    return len(text[: max(0, characters)].encode("utf-8", "replace"))
