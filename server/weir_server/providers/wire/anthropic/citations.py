"""Which sources does the model name? The vendor's five kinds of location, as citations.

The reference "Citations": they stand for the whole block of text that carries them. Where in the
source they point to is kept in the part's state, for which the contract has no words.
"""

from collections.abc import Iterable

from weir.v1.content_pb2 import Citation
from weir_server.providers.wire.parts import whole


def citations_of(said: Iterable[object], *, text_bytes: int) -> list[Citation]:
    """Return the citations of a block whose text has so many bytes; what is none is left out."""
    return [_citation(each, text_bytes) for each in said if isinstance(each, dict)]


def _citation(said: dict[str, object], text_bytes: int) -> Citation:
    return Citation(
        end_byte=text_bytes,
        uri=_text(said, "url", "source"),
        title=_text(said, "title", "document_title"),
        cited_text=_text(said, "cited_text"),
        document_id=_text(said, "file_id")
        or _number(said, "document_index", "search_result_index"),
    )


def _text(said: dict[str, object], *names: str) -> str:
    """Return the first of these members that is a text."""
    return next((whole(v) for name in names if isinstance(v := said.get(name), str)), "")


def _number(said: dict[str, object], *names: str) -> str:
    """Return the first of these members that is a whole number, as text."""
    return next((str(v) for name in names if type(v := said.get(name)) is int), "")
