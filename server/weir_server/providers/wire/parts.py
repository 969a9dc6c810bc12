"""How do pieces of an answer become events? One writer that opens, fills and closes the parts.

It keeps the guarantees of a stream for every wire format: indexes dense from 0 in order of first
appearance, deltas only between a part's start and end, text never cut inside a code point, tool
calls repeated whole when they end. Pieces for one part that follow each other within one read
become one delta: joined they say the same, and a burst costs one event.
"""

import json
from collections.abc import Sequence
from enum import Enum, auto

import msgspec

from weir.v1.content_pb2 import Citation, Part
from weir.v1.generation_pb2 import GenerationEvent, TokenLogprob
from weir_server.providers.wire.kept import Kept

HELD_MAX_CHARS = 8 << 20
"""What an answer may hold until something ends: tool calls, which are repeated whole, above all."""

HELD_OVERHEAD_CHARS = 128
"""What a thing that is held takes beside its characters."""
_CALL_OVERHEAD_CHARS = 256
_REPLACEMENT = "\ufffd"


class TextKind(Enum):
    """A kind of part that is made of text."""

    TEXT = auto()
    REASONING = auto()
    SUMMARY = auto()
    """Reasoning that is summed up rather than shown."""
    REFUSAL = auto()


class OpenPart:
    """A part that has begun and not ended."""

    __slots__ = ("half", "index", "kept")

    def __init__(self, index: int, kept: Kept | None = None) -> None:
        self.index = index
        self.half = ""
        """First half of a surrogate pair, waiting for the second."""
        self.kept = kept
        """All that was said, of a part that is repeated whole at its end."""


class OpenCall(OpenPart):
    """A tool call that has begun and not ended."""

    __slots__ = ("arguments", "by_provider", "call_id", "name")

    def __init__(self, index: int, call_id: str, name: str, *, by_provider: bool = False) -> None:
        self.arguments = Kept()
        super().__init__(index, self.arguments)
        self.call_id = call_id
        self.name = name
        self.by_provider = by_provider
        """Whether the provider runs the tool itself."""


class PartWriter:
    """Collects the events of one answer; `take` hands over what a read has brought.

    Text may hold lone surrogates, as vendors send that cut a pair of escapes in two: the halves are
    joined, and one that stays alone becomes U+FFFD.
    """

    __slots__ = (
        "_called",
        "_calls",
        "_current",
        "_events",
        "_kind",
        "_next_index",
        "_pieces",
        "held_chars",
        "refused",
    )

    def __init__(self) -> None:
        self.refused = False
        """Whether a refusal part was opened."""
        self.held_chars = 0
        """What the answer holds so far; see HELD_MAX_CHARS."""
        self._events: list[GenerationEvent] = []
        self._pieces: list[str] = []
        """Pieces of `_current` that no event has said yet."""
        self._current: OpenPart | None = None
        self._kind: TextKind | None = None
        """Kind of `_current` while that is a part of text."""
        self._calls: list[OpenCall] = []
        self._called = False
        self._next_index = 0

    @property
    def produced(self) -> bool:
        """Whether any part has begun."""
        return self._next_index > 0

    @property
    def called(self) -> bool:
        """Whether a call of a tool that the caller runs has begun."""
        return self._called

    @property
    def in_text(self) -> bool:
        """Whether a part of plain text is open."""
        return self._kind is TextKind.TEXT

    def text(self, kind: TextKind, text: str) -> None:
        """Add text to the open part of this kind, or to a new one."""
        if kind is not self._kind:
            self._open_text(kind)
        self._pieces.append(text)

    def text_with_logprobs(
        self, kind: TextKind, text: str, logprobs: Sequence[TokenLogprob]
    ) -> None:
        """Add text with the log probabilities of its tokens, as a delta of its own."""
        if kind is not self._kind:
            self._open_text(kind)
        if self._pieces:
            self._flush()
        self._pieces.append(text)
        self._flush(logprobs)

    def open_call(
        self, call_id: str, name: str, *, by_provider: bool = False, state: bytes = b""
    ) -> OpenCall:
        """Begin a tool call; it stays open until `close_call`, or until the answer ends.

        by_provider: the provider runs the tool itself. state: opaque state, see `close_text`.
        """
        self._close_text()
        call = OpenCall(self._take_index(), whole(call_id), whole(name), by_provider=by_provider)
        event = GenerationEvent()
        start = event.part_start
        start.index = call.index
        part = start.part.server_tool_call if by_provider else start.part.tool_call
        part.id = call.call_id
        part.name = call.name
        if state:
            start.part.provider_state = state
        self._events.append(event)
        self._calls.append(call)
        self._called = self._called or not by_provider
        self.held_chars += len(call_id) + len(name) + _CALL_OVERHEAD_CHARS
        return call

    def close_call(self, call: OpenCall, *, state: bytes = b"") -> None:
        """End an open tool call before the answer ends."""
        self._close_text()
        self._calls.remove(call)
        self._close_call(call, state)
        self._current = None

    def add_part(self, part: Part) -> None:
        """Add a part that comes whole."""
        self._close_text()
        index = self._take_index()
        start, end = GenerationEvent(), GenerationEvent()
        start.part_start.index = end.part_end.index = index
        start.part_start.part.CopyFrom(part)
        self._events += [start, end]

    def cite(self, citations: Sequence[Citation], kind: TextKind = TextKind.TEXT) -> None:
        """Name sources of the open text of this kind, or of a new one."""
        if self._kind is not kind:
            self._open_text(kind)
        if self._pieces:
            self._flush()
        part = self._current
        assert part is not None
        event = GenerationEvent()
        event.part_delta.index = part.index
        event.part_delta.citations.extend(citations)
        self._events.append(event)

    def close_text(self, *, state: bytes = b"") -> None:
        """End the open part of text, if there is one; what comes next is another part.

        state: what the vendor wants back with it, such as a signature; see `wire.state`.
        """
        self._close_text(state)

    def open_text(self, kind: TextKind) -> None:
        """Begin a part of text, be the open one of the same kind: vendors cut text into blocks."""
        self._open_text(kind)

    def pulse(self, kind: TextKind) -> None:
        """Say that the open part of this kind goes on, though nothing of it is to be shown.

        An empty delta: who waits learns that the vendor is at work, as by any other.
        """
        if kind is not self._kind:
            self._open_text(kind)
        if self._pieces:
            self._flush()
        part = self._current
        assert part is not None
        event = GenerationEvent()
        event.part_delta.index = part.index
        event.part_delta.text = ""
        self._events.append(event)

    def arguments(self, call: OpenCall, fragment: str) -> None:
        """Add to the arguments of an open tool call."""
        if call is not self._current:
            self._close_text()
            self._current = call
        self._pieces.append(fragment)
        self.held_chars += len(fragment)

    def close(self) -> None:
        """End every open part."""
        self._close_text()
        for call in self._calls:
            self._close_call(call)
        self._calls.clear()

    def add(self, event: GenerationEvent) -> None:
        """Add an event that is not about parts."""
        if self._pieces:
            self._flush()
        self._events.append(event)

    def take(self) -> list[GenerationEvent]:
        """Return the events since the last time."""
        if self._pieces:
            self._flush()
        events = self._events
        self._events = []
        return events

    def _take_index(self) -> int:
        index = self._next_index
        self._next_index += 1
        return index

    def _open_text(self, kind: TextKind) -> None:
        if self._current is not None:
            self._close_text()
        index = self._take_index()
        self._current = OpenPart(index)
        self._kind = kind
        event = GenerationEvent()
        start = event.part_start
        start.index = index
        match kind:
            case TextKind.TEXT:
                start.part.text = ""
            case TextKind.REASONING:
                start.part.reasoning.SetInParent()
            case TextKind.SUMMARY:
                start.part.reasoning.is_summary = True
            case TextKind.REFUSAL:
                start.part.refusal.SetInParent()
                self.refused = True
        self._events.append(event)

    def _close_text(self, state: bytes = b"") -> None:
        """Say what is pending; then, if the current part is one of text, end it."""
        if self._pieces:
            self._flush()
        part = self._current
        if self._kind is not None and part is not None:
            if part.half:
                self._say_half(part)
            event = GenerationEvent()
            event.part_end.index = part.index
            if state:
                event.part_end.part.provider_state = state
            self._events.append(event)
        self._kind = None
        self._current = None

    def _close_call(self, call: OpenCall, state: bytes = b"") -> None:
        self._current = call
        self._say_half(call)
        arguments = call.arguments.text()
        event = GenerationEvent()
        end = event.part_end
        end.index = call.index
        if call.by_provider:
            run = end.part.server_tool_call
            run.id, run.name, run.arguments_json = call.call_id, call.name, arguments
        else:
            whole_call = end.part.tool_call
            whole_call.id = call.call_id
            whole_call.name = call.name
            whole_call.arguments_json = arguments
            whole_call.arguments_valid = is_json(arguments)
        if state:
            end.part.provider_state = state
        self._events.append(event)

    def _say_half(self, part: OpenPart) -> None:
        if part.half:
            part.half = ""
            self._pieces.append(_REPLACEMENT)
            self._flush()

    def _flush(self, logprobs: Sequence[TokenLogprob] = ()) -> None:
        """Say the pieces that are waiting, of which there are some, in one delta."""
        pieces = self._pieces
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        part = self._current
        assert part is not None
        if part.half:
            text = part.half + text
            part.half = ""
        event = GenerationEvent()
        delta = event.part_delta
        delta.index = part.index
        try:
            if part.kept is None:
                delta.text = text
            else:
                delta.arguments_json = text
        except UnicodeEncodeError:
            text, part.half = _mend(text)
            if part.kept is None:
                delta.text = text
            else:
                delta.arguments_json = text
        if part.kept is not None:
            part.kept.add(text)
        if logprobs:
            delta.logprobs.extend(logprobs)
        if text or logprobs:
            self._events.append(event)


def whole(text: str) -> str:
    """Return `text` with its surrogate pairs joined and lone surrogates replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def json_text(said: object) -> str:
    """Return JSON text for what was decoded from such; nothing is left of what nests absurdly."""
    try:
        return whole(json.dumps(said, ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        return "null"


def is_json(text: str) -> bool:
    """Whether `text` is one JSON value."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (ValueError, RecursionError):
        return False
    return True


def _mend(text: str) -> tuple[str, str]:
    """Return `text` made whole, without a last first half of a pair, and that half."""
    half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
    return whole(text[:-1] if half else text), half
