"""What is being said just now? One piece of a message or of reasoning, closed with its state."""

import msgspec
from msgspec import Raw

from weir_server.providers.wire.kept import Kept
from weir_server.providers.wire.parts import HELD_OVERHEAD_CHARS, PartWriter, TextKind
from weir_server.providers.wire.responses.citations import citations
from weir_server.providers.wire.responses.logprobs import logprobs_of
from weir_server.providers.wire.responses.shapes import CONTENT, MEMBERS, RAW_NONE, mended, present
from weir_server.providers.wire.responses.state import Members, State, state_of, without

_SECTION_BREAK = "\n\n"
"""Between the sections of one summary, which are paragraphs."""
_NAMELESS = "-"
"""Identity of an item that has none."""


class Piece:
    """One piece, as far as it has been said."""

    __slots__ = ("annotations", "held_chars", "kind", "number", "place", "section", "text", "whole")

    def __init__(self, kind: TextKind, place: int, number: int) -> None:
        self.kind = kind
        self.place = place
        """Which item of the answer it is in."""
        self.number = number
        """Which piece of the item it is."""
        self.section = 0
        self.text = Kept()
        self.held_chars = 0
        """What the piece holds until it ends."""
        self.annotations: list[Raw] = []
        self.whole = RAW_NONE
        """The piece as the vendor repeats it at its end."""

    @property
    def is_thought(self) -> bool:
        """Whether it is reasoning, in full or in sum."""
        return self.kind is TextKind.REASONING or self.kind is TextKind.SUMMARY


class Saying:
    """Writes pieces, one at a time.

    `thought` is the identity of the last reasoning: what follows it is known to the vendor only
    together with it. What is held is told to the writer, which has a bound for all of it.
    """

    __slots__ = ("_said", "_writer", "piece", "thought")

    def __init__(self, writer: PartWriter) -> None:
        self._writer = writer
        self._said: set[tuple[int, TextKind, int]] = set()
        """The pieces that were begun, by place, kind and number."""
        self.piece: Piece | None = None
        self.thought = ""

    def was_said(self, place: int, kind: TextKind, number: int) -> bool:
        """Whether anything of a piece was said."""
        return (place, kind, number) in self._said

    def at(self, kind: TextKind, place: int, number: int) -> Piece | None:
        """Return a piece if it is what is being said."""
        piece = self.piece
        if piece is None or piece.place != place or piece.number != number:
            return None
        return piece if piece.kind is kind else None

    def begin(self, kind: TextKind, place: int, number: int, item_id: str) -> Piece:
        """Begin a piece, after ending another. `item_id`: of the other's item."""
        self.leave(item_id)
        piece = self.piece = Piece(kind, place, number)
        self._said.add((place, kind, number))
        self._writer.held_chars += HELD_OVERHEAD_CHARS
        self._writer.open_text(kind)
        return piece

    def section(self, piece: Piece, section: int) -> None:
        """Go on with a section of a summary."""
        if section != piece.section and piece.text:
            self.write(piece, _SECTION_BREAK)
        piece.section = section

    def write(self, piece: Piece, text: str, logprobs: Raw = RAW_NONE) -> None:
        """Add to a piece. Raises ValueError for what are no log probabilities."""
        tokens = logprobs_of(logprobs)
        if tokens:
            self._writer.text_with_logprobs(piece.kind, text, tokens)
        else:
            self._writer.text(piece.kind, text)
        piece.text.add(text)
        self._hold(piece, len(text))

    def annotate(self, piece: Piece, annotation: Raw) -> None:
        """Keep a source of a piece."""
        piece.annotations.append(annotation)
        self._hold(piece, len(annotation) + HELD_OVERHEAD_CHARS)

    def forget(self) -> Piece | None:
        """Return the piece that is being said, if there is one; it is no longer."""
        piece, self.piece = self.piece, None
        if piece is not None:
            self._writer.held_chars -= piece.held_chars
        return piece

    def leave(self, item_id: str, head: Members | None = None) -> None:
        """End the piece that is being said. `head`: what its message has beside the content.

        Raises ValueError for what are no annotations.
        """
        piece = self.forget()
        if piece is None:
            return
        if piece.is_thought:
            # More of the same item follows, which brings its state.
            self._writer.close_text(state=state_of(State(within=item_id or _NAMELESS)))
            return
        content = _beside_text(piece)
        if piece.kind is TextKind.TEXT and (sources := _annotations(content)):
            self._writer.cite(citations(sources, piece.text.text()))
        state = State(
            message=head if head is not None else _identity(item_id),
            content=content,
            after=self.thought,
        )
        self._writer.close_text(state=state_of(state))

    def _hold(self, piece: Piece, chars: int) -> None:
        piece.held_chars += chars
        self._writer.held_chars += chars


def _beside_text(piece: Piece) -> Members:
    """Return what a piece has beside its text."""
    if present(piece.whole):
        members = MEMBERS.decode(mended(piece.whole))
        return without(members, "type", "text", "refusal", "logprobs")
    if piece.annotations:
        return {"annotations": Raw(b"[" + b",".join(map(bytes, piece.annotations)) + b"]")}
    return {}


def _annotations(content: Members) -> list[Raw]:
    said = CONTENT.decode(b'{"annotations":' + bytes(content.get("annotations", b"null")) + b"}")
    return said.annotations or []


def _identity(item_id: str) -> Members:
    return {"id": Raw(msgspec.json.encode(item_id))} if item_id else {}
