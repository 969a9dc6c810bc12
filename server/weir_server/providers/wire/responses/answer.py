"""How does what the vendor says become events? The one way for streams and for whole answers.

An answer is a list of items. A stream says each piece by piece and then whole: what the pieces did
not say, the whole item does, so that a whole answer is a stream whose pieces were all left out.
"""

from msgspec import Raw

from weir.v1.content_pb2 import Part
from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStreamBroken,
)
from weir_server.providers.wire.openai.errors import explain_said
from weir_server.providers.wire.parts import HELD_MAX_CHARS, OpenCall, PartWriter, TextKind
from weir_server.providers.wire.responses.finish import end_of
from weir_server.providers.wire.responses.items import FOR_THE_CALLER, parts_of
from weir_server.providers.wire.responses.places import Places, index_of
from weir_server.providers.wire.responses.saying import Piece, Saying
from weir_server.providers.wire.responses.shapes import (
    CONTENT,
    ITEM,
    MEMBERS,
    Content,
    Event,
    Item,
    Response,
    filled,
    mended,
    present,
)
from weir_server.providers.wire.responses.state import Members, State, state_of, without


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
        "_places",
        "_saying",
        "failure",
        "writer",
    )

    def __init__(self, *, hide_reasoning: bool) -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self._hide_reasoning = hide_reasoning
        self._saying = Saying(self.writer)
        self._places = Places()
        self._ids: dict[int, str] = {}
        """Identities of items, by place."""
        self._calls: dict[int, OpenCall] = {}
        self._argued: set[int] = set()
        """Calls of which arguments were said."""
        self._done: set[int] = set()
        """Items that are complete."""
        self._asks_caller = False

    # --- a stream's pieces ------------------------------------------------------------------------

    def say(self, event: Event, kind: TextKind) -> None:
        """Take a delta of text. Raises ValueError for one that is none."""
        saying = self._saying
        summed = kind is TextKind.SUMMARY
        thought = summed or kind is TextKind.REASONING
        if thought and self._hide_reasoning:
            return
        delta = event.delta
        if type(delta) is not str:
            raise ValueError("no delta")
        if not delta and not filled(event.logprobs):
            return  # a part is begun by what it holds
        number = index_of(event.summary_index if summed else event.content_index)
        piece = self._to(kind, self._place(event), 0 if thought else number)
        if thought:
            saying.section(piece, number)
        saying.write(piece, delta, event.logprobs)
        self._bound()

    def annotate(self, event: Event) -> None:
        """Take a source of the text that is being said; told again with the whole text."""
        piece = self._saying.piece
        if piece is not None and piece.place == self._place(event) and present(event.annotation):
            self._saying.annotate(piece, event.annotation)
            self._bound()

    def repeat(self, event: Event) -> None:
        """Take a piece that the vendor repeats whole at its end."""
        piece = self._saying.piece
        if piece is not None and piece.place == self._place(event) and present(event.part):
            piece.whole = event.part

    def begin(self, event: Event) -> None:
        """Take the beginning of an item. Raises ValueError."""
        item = ITEM.decode(mended(event.item))
        place = self._places.of(event.output_index, item.id or item.call_id, self._current)
        self._name(place, item)
        if item.type == "function_call" and item.name and item.call_id and place not in self._calls:
            self._leave()
            self._calls[place] = self.writer.open_call(item.call_id, item.name)
        self._bound()

    def argue(self, event: Event) -> None:
        """Take a piece of a call's arguments. Raises ValueError."""
        place = self._place(event)
        call = self._calls.get(place)
        if type(event.delta) is not str:
            raise ValueError("no delta")
        if call is not None and event.delta:
            self._leave()
            self._argued.add(place)
            self.writer.arguments(call, event.delta)
            self._bound()

    # --- whole items ------------------------------------------------------------------------------

    def complete(self, index: object, raw: Raw) -> None:
        """Take a whole item, of which some may have been said. Raises ValueError."""
        raw = mended(raw)
        item = ITEM.decode(raw)
        place = self._places.of(index, item.id or item.call_id, self._current)
        if place in self._done:
            return
        self._done.add(place)
        self._name(place, item)
        match item.type:
            case "message":
                self._message(place, item, MEMBERS.decode(raw))
            case "reasoning":
                self._reasoning(place, item, MEMBERS.decode(raw))
            case "function_call":
                self._call(place, item, MEMBERS.decode(raw))
            case "":
                raise ValueError("an item without a type")
            case kind:
                self._leave()
                self._asks_caller = self._asks_caller or kind in FOR_THE_CALLER
                for part in parts_of(item, raw):
                    self._add(part)
        self._bound()

    def end(self, response: Response) -> GenerationEvent | None:
        """Take how the answer ended; return the `end` of a good one. Raises ValueError."""
        if response.status not in ("completed", "incomplete", None):
            self.break_off(response.error)
            return None
        for index, raw in enumerate(response.output or ()):
            self.complete(None if self._places.by_identity else index, raw)
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

    def _message(self, place: int, item: Item, members: Members) -> None:
        contents = item.content or []
        head = without(members, "type", "role", "content")
        for number, said in enumerate(contents):
            content = CONTENT.decode(mended(said))
            if content.type not in ("refusal", "output_text"):
                raise ValueError("a message with something else than text")
            self._content(place, number, content)
            piece = self._saying.piece
            if piece is not None and (piece.place, piece.number) == (place, number):
                piece.whole = said
                self._leave(head if number == len(contents) - 1 else None)

    def _content(self, place: int, number: int, content: Content) -> None:
        """Say a piece of a message, unless it was said."""
        refuses = content.type == "refusal"
        kind = TextKind.REFUSAL if refuses else TextKind.TEXT
        text = content.refusal if refuses else content.text
        if self._saying.was_said(place, kind, number):
            return
        if text or filled(content.logprobs):
            self._saying.write(self._to(kind, place, number), text or "", content.logprobs)

    def _reasoning(self, place: int, item: Item, members: Members) -> None:
        """Say what of the reasoning was not said, and keep the item with its last part.

        Nothing is said of reasoning that tells nothing and cannot be sent back.
        """
        saying = self._saying
        saying.thought = item.id or ""
        if self._hide_reasoning:
            members = without(members, "content") | {"summary": Raw(b"[]")}
        else:
            self._sections(place, TextKind.SUMMARY, item.summary)
            self._sections(place, TextKind.REASONING, item.content)
        state = state_of(State(item=members))
        if self._current == place:
            saying.forget()
            self.writer.close_text(state=state)
        elif item.encrypted_content:
            self._leave()
            self.writer.open_text(TextKind.REASONING)
            self.writer.close_text(state=state)

    def _sections(self, place: int, kind: TextKind, said: list[Raw] | None) -> None:
        if not said or self._saying.was_said(place, kind, 0):
            return
        for section, raw in enumerate(said):
            text = CONTENT.decode(mended(raw)).text
            if text:
                piece = self._to(kind, place, 0)
                self._saying.section(piece, section)
                self._saying.write(piece, text)

    def _call(self, place: int, item: Item, members: Members) -> None:
        self._leave()
        call = self._calls.pop(place, None)
        if call is None:
            call = self.writer.open_call(
                item.call_id or item.id or f"call_{place}", item.name or ""
            )
        if place not in self._argued and item.arguments:
            self.writer.arguments(call, item.arguments)
        head = without(members, "type", "call_id", "name", "arguments")
        state = State(call=head, after=self._saying.thought)
        self.writer.close_call(call, state=state_of(state))

    def _add(self, part: Part) -> None:
        """Add a part that comes whole; what a tool is asked is a delta, as in every stream."""
        writer = self.writer
        if not part.HasField("server_tool_call"):
            writer.add_part(part)
            return
        run = part.server_tool_call
        call = writer.open_call(run.id, run.name, by_provider=True)
        writer.arguments(call, run.arguments_json)
        writer.close_call(call, state=part.provider_state)

    # --- where it is ------------------------------------------------------------------------------

    @property
    def _current(self) -> int | None:
        """The place of what is being said."""
        piece = self._saying.piece
        return None if piece is None else piece.place

    def _name(self, place: int, item: Item) -> None:
        """Note an item's identity."""
        known, said = self._ids.get(place, ""), item.id or ""
        self._ids[place] = said
        self.writer.held_chars += len(said) - len(known)

    def _place(self, event: Event) -> int:
        return self._places.of(event.output_index, event.item_id, self._current)

    def _to(self, kind: TextKind, place: int, number: int) -> Piece:
        piece = self._saying.at(kind, place, number)
        if piece is not None:
            return piece
        return self._saying.begin(kind, place, number, self._current_id())

    def _leave(self, head: Members | None = None) -> None:
        self._saying.leave(self._current_id(), head)

    def _current_id(self) -> str:
        current = self._current
        return "" if current is None else self._ids.get(current, "")

    def _bound(self) -> None:
        held_chars = self.writer.held_chars + self._places.held_chars
        if held_chars > HELD_MAX_CHARS or self._places.too_many:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})
