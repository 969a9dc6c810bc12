"""How does a part that is more than text become events? By its kind; an unknown one is kept whole.

The vendor's reference "Part". What stands beside a part's kind, signatures above all, becomes its
state. Function calls come whole; Vertex can cut their arguments, but only where an extension asks.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from weir.v1.content_pb2 import Part, UnknownPart
from weir_server.providers.wire.gemini.extras import KINDS, seal, sealed_anyway
from weir_server.providers.wire.gemini.media import (
    Blob,
    FileData,
    Transcription,
    inline_media,
    linked_media,
)
from weir_server.providers.wire.gemini.server_tools import (
    CODE,
    MADE_ID,
    Ran,
    Tool,
    result_of_code,
    result_of_tool,
    text_of,
)
from weir_server.providers.wire.gemini.shapes import NOTHING
from weir_server.providers.wire.parts import PartWriter, TextKind, whole


class Call(Struct, rename="camel", gc=False):
    """A function call."""

    name: str
    id: str = ""
    args: Raw = Raw(b"{}")
    partial_args: Raw = NOTHING
    will_continue: bool | None = None

    @property
    def is_cut(self) -> bool:
        """Whether this is but a piece of one."""
        return len(self.partial_args) > 0 or bool(self.will_continue)


T = TypeVar("T")
Members = Mapping[str, Raw]

_MEMBERS = Decoder(dict[str, Raw])
_TEXT = Decoder(str)
_CALL = Decoder(Call)
_BLOB = Decoder(Blob)
_FILE = Decoder(FileData)
_HEARD = Decoder(Transcription)
_RAN = Decoder(Ran)
_TOOL = Decoder(Tool)


class Parts:
    """Writes the parts of one answer."""

    __slots__ = ("_hide_thoughts", "_kind", "_last_run", "_made", "_writer", "response_id")

    def __init__(self, writer: PartWriter, kind: str, *, hide_thoughts: bool) -> None:
        self.response_id = ""
        """The vendor's identity of the answer, of which Weir makes those of calls."""
        self._writer = writer
        self._kind = kind
        self._hide_thoughts = hide_thoughts
        self._made = 0
        self._last_run = ""
        """Identity of the tool that the vendor ran last."""

    def add(self, raw: Raw) -> bool:
        """Write one part; False: it is no JSON object."""
        members = _read(_MEMBERS, raw)
        if members is None:
            return False
        if not members:
            return True  # nothing was said
        kinds = [name for name in members if name in KINDS]
        extras = {name: value for name, value in members.items() if name not in KINDS}
        if len(kinds) != 1 or not self._add(kinds[0], members[kinds[0]], extras):
            self._add_unknown(kinds[0] if kinds else next(iter(members)), raw)
        return True

    def _add(self, kind: str, said: Raw, extras: dict[str, Raw]) -> bool:
        """Write a part of a kind that is known; False: it is not what its kind should be."""
        match kind:
            case "text":
                return self._add_text(said, extras)
            case "functionCall":
                return self._add_call(said, extras)
            case "inlineData":
                return self._add_bytes(said, extras)
            case "fileData":
                file = _read(_FILE, said)
                if file is not None:
                    state = seal(self._kind, extras)
                    self._writer.add_part(Part(media=linked_media(file), provider_state=state))
                return file is not None
            case "executableCode" | "toolCall":
                return self._add_run(kind, said, extras)
            case "codeExecutionResult" | "toolResponse":
                return self._add_result(kind, said, extras)
            case _:
                return False

    def _add_text(self, said: Raw, extras: dict[str, Raw]) -> bool:
        text = _text(said)
        thought = extras.pop("thought", None)
        if text is None:
            return False
        thinks = thought is not None and bytes(thought) == b"true"
        kind = TextKind.REASONING if thinks else TextKind.TEXT
        hidden = kind is TextKind.REASONING and self._hide_thoughts
        writer, state = self._writer, seal(self._kind, extras)
        if state:
            # A signature belongs to just these words, be they none: joined with others, or taken
            # off an empty part, it would not be what the vendor gave.
            writer.open_text(kind)
        if text and not hidden:
            writer.text(kind, text)
        if state:
            writer.close_text(state=state)
        return True

    def _add_bytes(self, said: Raw, extras: dict[str, Raw]) -> bool:
        blob = _read(_BLOB, said)
        media = inline_media(blob) if blob is not None else None
        if media is None:
            return False
        if (heard := _read(_HEARD, extras.get("audioTranscription", NOTHING))) is not None:
            media.transcript = whole(heard.text)
        self._writer.add_part(Part(media=media, provider_state=seal(self._kind, extras)))
        return True

    def _add_call(self, said: Raw, extras: dict[str, Raw]) -> bool:
        call = _read(_CALL, said)
        if call is None or call.is_cut:
            return False
        arguments = text_of(call.args)
        if arguments == "null":
            arguments = "{}"
        call_id = whole(call.id) or self._make_id(f"{call.name} {arguments}")
        part = self._writer.open_call(call_id, call.name)
        self._writer.arguments(part, arguments)
        self._writer.close_call(part, state=seal(self._kind, extras))
        return True

    def _add_run(self, kind: str, said: Raw, extras: dict[str, Raw]) -> bool:
        """Write the call of a tool that the vendor runs."""
        run: Ran | Tool | None = (
            _read(_RAN, said) if kind == "executableCode" else _read(_TOOL, said)
        )
        if run is None:
            return False
        name, arguments = (
            (run.tool_type, text_of(run.args)) if isinstance(run, Tool) else (CODE, text_of(said))
        )
        self._last_run = whole(run.id) or self._make_id(arguments)
        part = self._writer.open_call(self._last_run, name, by_provider=True)
        self._writer.arguments(part, arguments)
        self._writer.close_call(part, state=sealed_anyway(self._kind, extras))
        return True

    def _add_result(self, kind: str, said: Raw, extras: dict[str, Raw]) -> bool:
        """Write the result of a tool that the vendor ran."""
        if kind == "codeExecutionResult":
            ran = _read(_RAN, said)
            result = result_of_code(said, ran, self._last_run) if ran is not None else None
        else:
            tool = _read(_TOOL, said)
            result = result_of_tool(tool, self._last_run) if tool is not None else None
        if result is None:
            return False
        state = sealed_anyway(self._kind, extras)
        self._writer.add_part(Part(server_tool_result=result, provider_state=state))
        return True

    def _add_unknown(self, name: str, raw: Raw) -> None:
        unknown = UnknownPart(type=whole(f"{self._kind}/{name}"), json=text_of(raw))
        self._writer.add_part(Part(unknown=unknown))

    def _make_id(self, said: str) -> str:
        """Make the identity of a call that came without: the same whenever it is read again."""
        self._made += 1
        answer = self.response_id or blake2b(said.encode(), digest_size=8).hexdigest()
        return f"{MADE_ID}{answer}-{self._made}"


def _text(said: Raw) -> str | None:
    """Return a text, mended where it is no Unicode; None: it is no text."""
    if (text := _read(_TEXT, said)) is not None:
        return text
    try:
        mended = json.loads(text_of(said))
    except (ValueError, RecursionError):
        return None
    return whole(mended) if isinstance(mended, str) else None


def _read(decoder: Decoder[T], said: Raw) -> T | None:
    try:
        return decoder.decode(said)
    except (ValueError, RecursionError):
        return None
