"""How do the blocks of an answer become parts? One way for streams and for whole answers.

A block begins with a start that holds what is known of it, grows by deltas, and stops; in a whole
answer the start holds all of it.
"""

from enum import Enum, auto

from msgspec import Raw

from weir_server.providers.wire.anthropic.citations import citations_of
from weir_server.providers.wire.anthropic.items import part_of
from weir_server.providers.wire.anthropic.shapes import (
    ANYTHING,
    BLOCK,
    Delta,
    clean,
    decode,
    json_of,
    text_of,
)
from weir_server.providers.wire.anthropic.state import keep
from weir_server.providers.wire.parts import OpenCall, PartWriter, TextKind

_TEXT = TextKind.TEXT
_REASONING = TextKind.REASONING
_NULL = b"null"
_BLOCK_OVERHEAD_CHARS = 256


class _Kind(Enum):
    """How a block is told."""

    TEXT = auto()
    THINKING = auto()
    CALL = auto()
    ITEM = auto()
    """Whole, once it has stopped."""


_KINDS = {
    "text": _Kind.TEXT,
    "thinking": _Kind.THINKING,
    "tool_use": _Kind.CALL,
    "server_tool_use": _Kind.CALL,
    "mcp_tool_use": _Kind.CALL,
}
_SHOWN = {
    _Kind.TEXT: ("type", "text", "citations"),
    _Kind.THINKING: ("type", "thinking", "signature"),
    _Kind.CALL: ("id", "name", "input"),
}
"""Members that parts have fields for; the others are their state."""


class _Block:
    """A block that has begun and not stopped."""

    __slots__ = (
        "call",
        "citations",
        "deltas",
        "held_chars",
        "hidden",
        "kind",
        "members",
        "raw",
        "signature",
        "text_bytes",
    )

    def __init__(self, kind: _Kind, raw: Raw, members: dict[str, Raw]) -> None:
        self.kind = kind
        self.raw = raw
        """As the vendor began it."""
        self.members = members
        self.deltas: list[dict[str, Raw]] = []
        """What came to an item since."""
        self.held_chars = 0
        """What of an item is held until it stops."""
        self.call: OpenCall | None = None
        self.text_bytes = 0
        """What has been said of it so far, of text and of input."""
        self.citations: list[object] = []
        self.signature = ""
        self.hidden: list[str] = []
        """What was thought and the caller does not want to see."""

    def others(self) -> dict[str, object]:
        """Return what the block's part has no fields for."""
        shown = _SHOWN[self.kind]
        return {name: raw for name, raw in self.members.items() if name not in shown}


class Blocks:
    """Writes the blocks of one answer as parts. `hide_reasoning` leaves the text of thoughts out;
    what the vendor wants back of them is kept."""

    __slots__ = ("_calls", "_hide_reasoning", "_open", "_writer", "echo")

    def __init__(self, writer: PartWriter, *, hide_reasoning: bool) -> None:
        self.echo = ""
        """What the first text begins with that is not the model's answer."""
        self._writer = writer
        self._hide_reasoning = hide_reasoning
        self._open: dict[int, _Block] = {}
        self._calls = 0

    def start(self, index: int, raw: Raw, *, response_id: str) -> bool:
        """Begin a block; False: it is none. `response_id` makes ids for calls that have none."""
        raw = clean(raw)
        members = decode(BLOCK, raw)
        if members is None:
            return False
        members = {name: value for name, value in members.items() if bytes(value) != _NULL}
        label = text_of(members.get("type"))
        if index in self._open:
            self.stop(index)
        block = _Block(_KINDS.get(label, _Kind.ITEM), raw, members)
        self._open[index] = block
        self._writer.held_chars += _BLOCK_OVERHEAD_CHARS
        match block.kind:
            case _Kind.TEXT:
                self._writer.close_text()
                self._say(block, text_of(members.get("text")))
                self._cite(block, decode(ANYTHING, members.get("citations", b"[]")))
            case _Kind.THINKING:
                # At once: of thoughts that the vendor omits nothing may come for long.
                self._writer.open_text(_REASONING)
                self._think(block, text_of(members.get("thinking")))
                self._sign(block, text_of(members.get("signature")))
            case _Kind.CALL:
                self._call(block, label, response_id)
            case _Kind.ITEM:
                self._hold(block, len(bytes(raw)))
        return True

    def text(self, index: int, text: str, said: bytes) -> None:
        """Add text to a block; what has no block is said all the same. `said`: see `add`."""
        block = self._open.get(index)
        if block is not None:
            if block.kind is _Kind.ITEM:
                self._grow(block, said)
                return
            block.text_bytes += len(text) if text.isascii() else len(text.encode())
        self._writer.text(_TEXT, text)

    def add(self, index: int, delta: Delta, said: bytes) -> None:
        """Add any delta to a block. `said`: the event, for deltas that are not known."""
        block = self._open.get(index)
        if block is None:
            if delta.thinking and not self._hide_reasoning:
                self._writer.text(_REASONING, delta.thinking)
        elif block.kind is _Kind.ITEM:
            self._grow(block, said)
        elif delta.partial_json and block.call is not None:
            block.text_bytes += len(delta.partial_json)
            self._writer.arguments(block.call, delta.partial_json)
        elif delta.thinking:
            self._think(block, delta.thinking)
        elif delta.signature:
            self._sign(block, delta.signature)
        elif delta.citation is not None:
            self._cite(block, [delta.citation])

    def stop(self, index: int) -> None:
        """End a block; one that is not open has ended."""
        block = self._open.pop(index, None)
        if block is None:
            return
        writer = self._writer
        match block.kind:
            case _Kind.TEXT:
                self._end_text(block)
            case _Kind.THINKING:
                self._end_thinking(block)
            case _Kind.CALL if block.call is not None:
                if not block.text_bytes:
                    given = block.members.get("input")
                    text = bytes(given).decode() if given is not None else "{}"
                    writer.arguments(block.call, text)
                writer.close_call(block.call)
            case _:
                writer.held_chars -= block.held_chars
                writer.add_part(part_of(block.raw, block.members, block.deltas))

    def close(self) -> None:
        """End what is open."""
        for index in tuple(self._open):
            self.stop(index)

    def _say(self, block: _Block, text: str) -> None:
        text = text.removeprefix(self.echo)
        self.echo = ""
        if text:
            block.text_bytes += len(text.encode())
            self._writer.text(_TEXT, text)

    def _cite(self, block: _Block, citations: object) -> None:
        """Keep citations until the block stops: only then is it known what they stand for."""
        if isinstance(citations, list):
            block.citations += citations
            self._writer.held_chars += len(json_of(citations))

    def _think(self, block: _Block, text: str) -> None:
        if not text:
            return
        if self._hide_reasoning:
            block.hidden.append(text)
            self._writer.held_chars += len(text)
            self._writer.pulse(_REASONING)
        else:
            self._writer.text(_REASONING, text)

    def _sign(self, block: _Block, signature: str) -> None:
        block.signature = signature
        self._writer.held_chars += len(signature)

    def _call(self, block: _Block, label: str, response_id: str) -> None:
        members, by_provider = block.members, label != "tool_use"
        others = block.others()
        if not by_provider:
            del others["type"]
        call_id = text_of(members.get("id")) or f"call_{response_id}_{self._calls}"
        self._calls += 1
        block.call = self._writer.open_call(
            call_id, text_of(members.get("name")), by_provider=by_provider, state=keep(others)
        )

    def _end_text(self, block: _Block) -> None:
        others = block.others()
        if block.citations:
            others["citations"] = block.citations
            self._writer.cite(citations_of(block.citations, text_bytes=block.text_bytes))
        self._writer.close_text(state=keep(others))

    def _end_thinking(self, block: _Block) -> None:
        others = block.others()
        if block.signature:
            others["signature"] = block.signature
            if block.hidden:
                # The signature holds for the words that were hidden, too.
                others["thinking"] = "".join(block.hidden)
        self._writer.close_text(state=keep(others))

    def _grow(self, block: _Block, said: bytes) -> None:
        """Keep a delta of an item until that stops."""
        event = decode(BLOCK, clean(Raw(said))) or {}
        delta = decode(BLOCK, event["delta"]) if "delta" in event else None
        if delta:
            block.deltas.append(delta)
            self._hold(block, len(said))

    def _hold(self, block: _Block, chars: int) -> None:
        block.held_chars += chars
        self._writer.held_chars += chars
