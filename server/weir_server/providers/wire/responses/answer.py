"""How does what the vendor says become events? The one way for streams and for whole answers.

An answer is a list of items. A stream says each piece by piece and then whole: what the pieces did
not say, the whole item does, so that a whole answer is a stream whose pieces were all left out.
"""

import msgspec
from msgspec import Raw

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStreamBroken,
)
from weir_server.providers.wire.openai.errors import explain_said
from weir_server.providers.wire.parts import HELD_MAX_CHARS, OpenCall, PartWriter, TextKind
from weir_server.providers.wire.responses.citations import citations
from weir_server.providers.wire.responses.finish import end_of
from weir_server.providers.wire.responses.items import FOR_THE_CALLER, parts_of
from weir_server.providers.wire.responses.logprobs import logprobs_of
from weir_server.providers.wire.responses.shapes import (
    CONTENT,
    ITEM,
    MEMBERS,
    RAW_NONE,
    Content,
    Event,
    Item,
    Response,
    filled,
    mended,
    present,
)
from weir_server.providers.wire.responses.state import State, state_of, without

_ITEM_MAX = 1 << 16
"""More items than any answer has; an index beyond it is none."""
_NAMELESS = "-"
"""Identity of an item that has none."""
_SECTION_BREAK = "\n\n"
"""Between the sections of one summary, which are paragraphs."""


class _Piece:
    """One piece of a message, or the text of one reasoning, as far as it has been said."""

    __slots__ = ("annotations", "chars", "index", "kind", "number", "section", "texts", "whole")

    def __init__(self, kind: TextKind, index: int, number: int) -> None:
        self.kind = kind
        self.index = index
        """Which item of the answer it is in."""
        self.number = number
        """Which piece of the item it is."""
        self.section = 0
        self.chars = 0
        self.texts: list[str] = []
        self.annotations: list[Raw] = []
        self.whole = RAW_NONE
        """The piece as the vendor repeats it at its end."""


class Answer:
    """One answer, as far as it has come. `failure` is set when what has come breaks the answer.

    hide_reasoning: leave out what the model thought, but for the state that it needs again.
    """

    __slots__ = (
        "_argued",
        "_asks_caller",
        "_calls",
        "_done",
        "_hide_reasoning",
        "_ids",
        "_piece",
        "_said",
        "_thought",
        "failure",
        "writer",
    )

    def __init__(self, *, hide_reasoning: bool) -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self._hide_reasoning = hide_reasoning
        self._piece: _Piece | None = None
        """What is being said."""
        self._said: set[tuple[int, TextKind, int]] = set()
        """The pieces that were said, by item, kind and number."""
        self._calls: dict[int, OpenCall] = {}
        self._argued: set[int] = set()
        """Calls of which arguments were said."""
        self._ids: dict[int, str] = {}
        self._done: set[int] = set()
        """Items that are complete."""
        self._thought = ""
        """Identity of the last reasoning."""
        self._asks_caller = False

    # --- a stream's pieces ------------------------------------------------------------------------

    def say(self, event: Event, kind: TextKind) -> None:
        """Take a delta of text. Raises ValueError for one that is none."""
        thought = kind is TextKind.REASONING or kind is TextKind.SUMMARY
        if thought and self._hide_reasoning:
            return
        delta = event.delta
        if type(delta) is not str:
            raise ValueError("no delta")
        if not delta and not filled(event.logprobs):
            return  # a part is begun by what it holds
        if kind is TextKind.SUMMARY:
            piece = self._to(kind, index_of(event.output_index), 0)
            self._in_section(piece, index_of(event.summary_index))
        elif thought:
            piece = self._to(kind, index_of(event.output_index), 0)
            self._in_section(piece, index_of(event.content_index))
        else:
            piece = self._to(kind, index_of(event.output_index), index_of(event.content_index))
        self._write(piece, delta, event.logprobs)

    def annotate(self, event: Event) -> None:
        """Take a source of the text that is being said; told again with the whole text."""
        piece = self._piece
        if piece is not None and piece.index == event.output_index and present(event.annotation):
            piece.annotations.append(event.annotation)

    def repeat(self, event: Event) -> None:
        """Take a piece that the vendor repeats whole at its end."""
        piece = self._piece
        if piece is not None and piece.index == event.output_index and present(event.part):
            piece.whole = event.part

    def begin(self, event: Event) -> None:
        """Take the beginning of an item. Raises ValueError."""
        index = index_of(event.output_index)
        item = ITEM.decode(mended(event.item))
        self._ids[index] = item.id or ""
        if item.type == "function_call" and item.name and item.call_id and index not in self._calls:
            self._leave()
            self._calls[index] = self.writer.open_call(item.call_id, item.name)
        self._hold()

    def argue(self, event: Event) -> None:
        """Take a piece of a call's arguments. Raises ValueError."""
        index = index_of(event.output_index)
        call = self._calls.get(index)
        if type(event.delta) is not str:
            raise ValueError("no delta")
        if call is not None and event.delta:
            self._leave()
            self._argued.add(index)
            self.writer.arguments(call, event.delta)
            self._hold()

    # --- whole items ------------------------------------------------------------------------------

    def complete(self, index: int, raw: Raw) -> None:
        """Take a whole item, of which some may have been said. Raises ValueError."""
        if index in self._done:
            return
        self._done.add(index)
        raw = mended(raw)
        item = ITEM.decode(raw)
        self._ids[index] = item.id or ""
        match item.type:
            case "message":
                self._message(index, item, raw)
            case "reasoning":
                self._reasoning(index, item, raw)
            case "function_call":
                self._call(index, item, raw)
            case "":
                raise ValueError("an item without a type")
            case kind:
                self._leave()
                self._asks_caller = self._asks_caller or kind in FOR_THE_CALLER
                for part in parts_of(item, raw):
                    self.writer.add_part(part)
        self._hold()

    def end(self, response: Response) -> GenerationEvent | None:
        """Take how the answer ended; return the `end` of a good one. Raises ValueError."""
        if response.status not in ("completed", "incomplete", None):
            self.break_off(response.error)
            return None
        for index, raw in enumerate(response.output or ()):
            self.complete(index, raw)
        if self.failure is not None:
            return None
        self._leave()
        writer = self.writer
        writer.close()
        return end_of(
            response,
            called=writer.called or self._asks_caller,
            refused=writer.refused,
            produced=writer.produced,
        )

    def break_off(self, error: object) -> None:
        """Take an error instead of the rest of the answer."""
        if self.failure is not None:
            return
        if self.writer.produced:
            self.failure = UpstreamStreamBroken(metadata={"cause": "error_event"})
        else:
            self.failure = explain_said(error)

    def _message(self, index: int, item: Item, raw: Raw) -> None:
        contents = item.content or []
        head = without(MEMBERS.decode(raw), "type", "role", "content")
        for number, said in enumerate(contents):
            content = CONTENT.decode(mended(said))
            kind = TextKind.REFUSAL if content.type == "refusal" else TextKind.TEXT
            if content.type not in ("refusal", "output_text"):
                raise ValueError("a message with something else than text")
            self._content(index, number, kind, content)
            piece = self._piece
            if piece is not None and (piece.index, piece.number) == (index, number):
                piece.whole = said
                last = number == len(contents) - 1
                self._leave(head if last else None)

    def _content(self, index: int, number: int, kind: TextKind, content: Content) -> None:
        """Say a piece of a message, unless it was said."""
        if (index, kind, number) in self._said:
            return
        text = content.refusal if kind is TextKind.REFUSAL else content.text
        if text or filled(content.logprobs):
            self._write(self._to(kind, index, number), text or "", content.logprobs)

    def _reasoning(self, index: int, item: Item, raw: Raw) -> None:
        """Say what of the reasoning was not said, and keep the item with its last part.

        Nothing is said of reasoning that tells nothing and cannot be sent back.
        """
        members = MEMBERS.decode(raw)
        self._thought = item.id or ""
        if self._hide_reasoning:
            members = without(members, "content") | {"summary": Raw(b"[]")}
        else:
            self._sections(index, TextKind.SUMMARY, item.summary)
            self._sections(index, TextKind.REASONING, item.content)
        piece = self._piece
        state = state_of(State(item=members))
        if piece is not None and piece.index == index:
            self._piece = None
            self.writer.close_text(state=state)
        elif item.encrypted_content:
            self._leave()
            self.writer.open_text(TextKind.REASONING)
            self.writer.close_text(state=state)

    def _sections(self, index: int, kind: TextKind, said: list[Raw] | None) -> None:
        if not said or (index, kind, 0) in self._said:
            return
        for section, raw in enumerate(said):
            text = CONTENT.decode(mended(raw)).text
            if text:
                piece = self._to(kind, index, 0)
                self._in_section(piece, section)
                self._write(piece, text, RAW_NONE)

    def _call(self, index: int, item: Item, raw: Raw) -> None:
        self._leave()
        call = self._calls.pop(index, None)
        if call is None:
            call = self.writer.open_call(
                item.call_id or item.id or f"call_{index}", item.name or ""
            )
        if index not in self._argued and item.arguments:
            self.writer.arguments(call, item.arguments)
        head = without(MEMBERS.decode(raw), "type", "call_id", "name", "arguments")
        self.writer.close_call(call, state=state_of(State(call=head, after=self._thought)))

    # --- what is being said -----------------------------------------------------------------------

    def _to(self, kind: TextKind, index: int, number: int) -> _Piece:
        """Go on with a piece, or begin it."""
        piece = self._piece
        if piece is None or piece.index != index or piece.number != number or piece.kind != kind:
            self._leave()
            piece = self._piece = _Piece(kind, index, number)
            self._said.add((index, kind, number))
            self.writer.open_text(kind)
        return piece

    def _in_section(self, piece: _Piece, section: int) -> None:
        if section != piece.section and piece.texts:
            self._write(piece, _SECTION_BREAK, RAW_NONE)
        piece.section = section

    def _write(self, piece: _Piece, text: str, logprobs: Raw) -> None:
        tokens = logprobs_of(logprobs)
        if tokens:
            self.writer.text_with_logprobs(piece.kind, text, tokens)
        else:
            self.writer.text(piece.kind, text)
        piece.texts.append(text)
        piece.chars += len(text)
        if piece.chars > HELD_MAX_CHARS:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})

    def _leave(self, head: dict[str, Raw] | None = None) -> None:
        """End the piece that is being said. head: what its message has beside the content."""
        piece, self._piece = self._piece, None
        if piece is None:
            return
        item_id = self._ids.get(piece.index, "")
        if piece.kind is TextKind.REASONING or piece.kind is TextKind.SUMMARY:
            # More of the same item follows, which brings its state.
            self.writer.close_text(state=state_of(State(within=item_id or _NAMELESS)))
            return
        content: dict[str, Raw] = {}
        if present(piece.whole):
            content = without(MEMBERS.decode(mended(piece.whole)), "type", "logprobs")
            content = without(content, "text", "refusal")
        elif piece.annotations:
            content = {"annotations": Raw(b"[" + b",".join(map(bytes, piece.annotations)) + b"]")}
        if piece.kind is TextKind.TEXT and (sources := _annotations(content)):
            self.writer.cite(citations(sources, "".join(piece.texts)))
        state = State(
            message=head if head is not None else _identity(item_id),
            content=content,
            after=self._thought,
        )
        self.writer.close_text(state=state_of(state))

    def _hold(self) -> None:
        if self.writer.held_chars > HELD_MAX_CHARS or len(self._done) > _ITEM_MAX:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})


def _annotations(content: dict[str, Raw]) -> list[Raw]:
    said = CONTENT.decode(b'{"annotations":' + bytes(content.get("annotations", b"null")) + b"}")
    return said.annotations or []


def _identity(item_id: str) -> dict[str, Raw]:
    return {"id": Raw(msgspec.json.encode(item_id))} if item_id else {}


def index_of(said: object) -> int:
    """Return a position in a list. Raises ValueError for what is none."""
    if type(said) is not int or not 0 <= said <= _ITEM_MAX:
        raise ValueError("no position")
    return said
