"""What does an answer rest on? The vendor's citations, as the contract's.

The vendor counts characters from the beginning of a content block, the contract counts UTF-8 bytes
from the beginning of a part; a block is a part here. One citation of the vendor's names several
sources, and becomes as many of ours.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import msgspec

from weir.v1.content_pb2 import Citation
from weir_server.providers.wire.cohere.shapes import Citation as Said
from weir_server.providers.wire.kept import Kept
from weir_server.providers.wire.parts import TextKind, json_text, whole

PLAN = "PLAN"
_KINDS = {"TEXT_CONTENT": TextKind.TEXT, "THINKING_CONTENT": TextKind.REASONING}
_TEXTS = ("text", "snippet", "content")
"""Members of a document that hold its words, in order of preference; documents are free in form."""
_STEP_CHARS = 1024


class Stretch:
    """The text of one part as it comes, so that places in it can be told in bytes."""

    __slots__ = ("_bytes", "_chars", "_pending", "_pieces", "key", "kind")

    def __init__(self, key: int | str, kind: TextKind) -> None:
        self.key = key
        """Index of the content block, or PLAN."""
        self.kind = kind
        self._pending = Kept()
        """Pieces that nobody has asked about yet: most answers cite nothing."""
        self._pieces: list[str] = []
        self._chars = [0]
        """Where each piece begins, and where the last one ends."""
        self._bytes = [0]

    def add(self, text: str) -> None:
        """Take more text."""
        self._pending.add(text)

    def byte_of(self, char: object) -> int:
        """Return the byte at which a character begins; places outside become the nearest inside."""
        self._settle()
        if type(char) is not int or char <= 0:
            return 0
        if char >= self._chars[-1]:
            return self._bytes[-1]
        piece = bisect_right(self._chars, char) - 1
        before = self._pieces[piece][: char - self._chars[piece]]
        return self._bytes[piece] + len(before.encode())

    def says(self, said: Said) -> bool:
        """Tell whether the words that a citation quotes are those that stand there."""
        self._settle()
        start, end, text = said.start, said.end, said.text
        if type(start) is not int or type(end) is not int or not isinstance(text, str) or not text:
            return False
        if not 0 <= start < end <= self._chars[-1] or end - start != len(text):
            return False
        first = bisect_right(self._chars, start) - 1
        last = bisect_right(self._chars, end - 1)
        at = start - self._chars[first]
        return "".join(self._pieces[first:last])[at : at + len(text)] == text

    def _settle(self) -> None:
        """Learn where pieces begin. Long ones are cut, so that no place is far from a beginning."""
        if not self._pending:
            return
        text = whole(self._pending.text())
        self._pending = Kept()
        for start in range(0, len(text), _STEP_CHARS):
            piece = text[start : start + _STEP_CHARS]
            self._pieces.append(piece)
            self._chars.append(self._chars[-1] + len(piece))
            self._bytes.append(self._bytes[-1] + len(piece.encode()))


def belongs(said: Said, stretch: Stretch) -> bool:
    """Tell whether a citation speaks of this stretch of the answer."""
    of = said.type if isinstance(said.type, str) else ""
    if PLAN in (of, stretch.key):
        return of == stretch.key
    if _KINDS.get(of, TextKind.TEXT) is not stretch.kind:
        return False
    return said.content_index in (None, stretch.key) or stretch.says(said)


def speaks_of_reasoning(said: Said) -> bool:
    """Tell whether a citation is one of a thought or of a plan."""
    return bool(said.type == PLAN or said.type == "THINKING_CONTENT")


def citations_of(said: Said, stretch: Stretch) -> list[Citation]:
    """Return a citation as the contract has it: one for each source, or one without any."""
    start = stretch.byte_of(said.start)
    end = max(start, stretch.byte_of(said.end))
    return [
        Citation(start_byte=start, end_byte=end, **facts)
        for facts in list(_sources(said.sources)) or [{}]
    ]


def citation_json(said: Said) -> str:
    """Return a citation in the vendor's own words."""
    named = {
        name: value for name, value in msgspec.structs.asdict(said).items() if value is not None
    }
    return json_text(named)


def _sources(said: object) -> Iterator[dict[str, str]]:
    for source in said if isinstance(said, Sequence) and not isinstance(said, str) else ():
        if isinstance(source, dict):
            yield _facts(source)


def _facts(source: dict[str, object]) -> dict[str, str]:
    """Return what a source says of itself: a document, or what a tool answered."""
    document, output = source.get("document"), source.get("tool_output")
    facts = {"document_id": _first(source, ("id",))}
    if isinstance(document, dict):
        facts["title"] = _first(document, ("title",))
        facts["uri"] = _first(document, ("url", "uri"))
        facts["cited_text"] = _first(document, _TEXTS) or json_text(document)
    elif output is not None:
        facts["cited_text"] = json_text(output)
    return facts


def _first(said: dict[str, object], names: tuple[str, ...]) -> str:
    values = (said.get(name) for name in names)
    return whole(next((value for value in values if isinstance(value, str)), ""))
