"""What does the model name as its sources? The vendor's citations, as the contract has them."""

from collections.abc import Mapping

from weir.v1.content_pb2 import Citation
from weir_server.providers.wire.parts import whole

_INDEXES = ("documentIndex", "searchResultIndex")


def read_citation(said: Mapping[str, object], cited_bytes: int) -> Citation:
    """Return a citation of a text of so many bytes: it stands for all of the text it comes with."""
    location = said.get("location")
    place = next(iter(location.values()), None) if isinstance(location, dict) else None
    place = place if isinstance(place, dict) else {}
    document = next((place[name] for name in _INDEXES if isinstance(place.get(name), int)), None)
    return Citation(
        end_byte=cited_bytes,
        uri=_text(place.get("url")) or _text(said.get("source")),
        title=_text(said.get("title")),
        cited_text="".join(_words(said.get("sourceContent"))),
        document_id="" if document is None else str(document),
    )


def _words(content: object) -> list[str]:
    if not isinstance(content, list):
        return []
    return [_text(piece.get("text")) for piece in content if isinstance(piece, dict)]


def _text(said: object) -> str:
    return whole(said) if isinstance(said, str) else ""
