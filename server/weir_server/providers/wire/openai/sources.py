"""Which sources does an answer name, and for which stretch of its text? Said once it has ended.

Vendors count characters, the contract counts bytes: the text is kept, up to a bound, until it is
known whether anything points into it. What is annotated but is no source is kept as it came.
"""

from weir.v1.content_pb2 import Citation, Part, UnknownPart
from weir_server.providers.wire.kept import Kept
from weir_server.providers.wire.openai.extras import annotated, kind_of_unknown, sources
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import Chunk
from weir_server.providers.wire.parts import HELD_OVERHEAD_CHARS, PartWriter, json_text, whole

TEXT_MAX_CHARS = 1 << 16
"""How much of a text is kept. A stretch that lies beyond has no place in the part."""
ANNOTATION = "annotation"
"""Begins the vendor's name of what is annotated, so that it goes back to where it stood."""


class Sources:
    """The sources of one answer."""

    __slots__ = ("_chars", "_found", "_others", "_quirks", "_text", "_writer")

    def __init__(self, writer: PartWriter, quirks: Quirks) -> None:
        self._writer = writer
        self._quirks = quirks
        self._text = Kept()
        """The text of the part that was open last, as far as it is kept."""
        self._chars = 0
        self._found: list[tuple[Citation, int, int]] = []
        """Each with the characters where it begins and ends."""
        self._others: list[Part] = []

    def text(self, text: str) -> None:
        """Take text that is about to be written."""
        if not self._writer.in_text and self._chars:
            self._text, self._chars = Kept(), 0
        if self._chars < TEXT_MAX_CHARS:
            self._text.add(text)
        self._chars += len(text)

    def skip(self) -> None:
        """Take it that text is about to be written which nothing points into."""
        self._text, self._chars = Kept(), TEXT_MAX_CHARS

    def annotate(self, annotations: object) -> None:
        """Take what is annotated."""
        for annotation in annotations if isinstance(annotations, list) else ():
            found = annotated(annotation)
            if found is None:
                name = annotation.get("type") if isinstance(annotation, dict) else None
                name = whole(name) if isinstance(name, str) and name else "unnamed"
                kind = f"{kind_of_unknown(self._quirks)}/{ANNOTATION}.{name}"
                item = UnknownPart(type=kind, json=json_text(annotation))
                self._others.append(Part(unknown=item))
                self._hold(item.ByteSize())
            else:
                self._found.append(found)
                self._hold(found[0].ByteSize())

    def close(self, last: Chunk) -> None:
        """Say all of it. `last`: the chunk beside whose answer sources may stand."""
        citations = [self._placed(*each) for each in self._found]
        if last.citations or last.search_results:
            citations += sources(last)
        if citations:
            self._writer.cite(citations)
        for part in self._others:
            self._writer.add_part(part)

    def _placed(self, citation: Citation, start: int, end: int) -> Citation:
        """Return a citation with its place in bytes, if the text that it is about is open."""
        if 0 <= start < end and self._writer.in_text:
            text = whole(self._text.text())
            if end <= len(text):
                citation.start_byte = len(text[:start].encode())
                citation.end_byte = citation.start_byte + len(text[start:end].encode())
        return citation

    def _hold(self, size: int) -> None:
        self._writer.held_chars += size + HELD_OVERHEAD_CHARS
