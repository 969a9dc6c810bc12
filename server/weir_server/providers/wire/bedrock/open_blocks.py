"""How does a content block become a part? One way for blocks that come whole and for pieces."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Any

import msgspec

from weir.v1.content_pb2 import (
    MODALITY_IMAGE,
    MediaPart,
    Part,
    ReasoningPart,
    ServerToolResultPart,
    UnknownPart,
)
from weir_server.providers.wire.bedrock import KIND
from weir_server.providers.wire.bedrock.citations import read_citation
from weir_server.providers.wire.bedrock.media import IMAGE_TYPES
from weir_server.providers.wire.bedrock.said import json_of
from weir_server.providers.wire.bedrock.shapes import (
    Image,
    Reasoning,
    Source,
    ToolResult,
    ToolUse,
)
from weir_server.providers.wire.bedrock.state import PartState, seal
from weir_server.providers.wire.kept import Kept
from weir_server.providers.wire.parts import OpenCall, PartWriter, TextKind, whole

Json = dict[str, Any]
# An enum searches for its members: once is enough.
_TEXT = TextKind.TEXT
_REASONING = TextKind.REASONING


class OpenBlock:
    """A block that has begun and not ended. `close` ends its part; nothing may follow."""

    __slots__ = ()

    def close(self, writer: PartWriter) -> None:
        """End the part."""


class TextBlock(OpenBlock):
    """A text, perhaps with its sources."""

    __slots__ = ("_citations", "_cited_bytes")

    def __init__(self) -> None:
        self._cited_bytes = 0
        self._citations: list[Json] = []

    def say(self, writer: PartWriter, text: str) -> None:
        """Add text."""
        if not self._cited_bytes:
            writer.open_text(_TEXT)
        writer.text(_TEXT, text)
        self._cited_bytes += len(text) if text.isascii() else len(whole(text).encode())

    def cite(self, writer: PartWriter, citation: Json) -> None:
        """Add a source; where the text ends, and so what it is a source of, is not known yet."""
        encoded = json_of(citation)
        writer.held_chars += len(encoded)
        self._citations.append(msgspec.json.decode(encoded))

    def close(self, writer: PartWriter) -> None:
        """End the text with its sources."""
        if not self._citations:
            writer.close_text()
            return
        if not self._cited_bytes:
            writer.open_text(_TEXT)
        writer.cite([read_citation(said, self._cited_bytes) for said in self._citations])
        writer.close_text(state=seal(PartState(citations=self._citations)))


class ReasoningBlock(OpenBlock):
    """What the model thought. Hidden from the caller, it goes into the state alone."""

    __slots__ = ("_hidden", "_redacted", "_said", "_signature", "_text")

    def __init__(self, *, hidden: bool) -> None:
        self._hidden = hidden
        self._said = False
        self._text = Kept()
        self._signature: str | None = None
        self._redacted: bytearray | None = None

    def add(self, writer: PartWriter, said: Reasoning) -> None:
        """Add a piece of it, or all of it."""
        piece = said.reasoningText
        if piece is not None:
            self._add(writer, piece.text, piece.signature)
        self._add(writer, said.text or "", said.signature)
        if said.redactedContent is not None:
            writer.held_chars += len(said.redactedContent)
            self._redacted = self._redacted or bytearray()
            self._redacted += _decoded(said.redactedContent)

    def _add(self, writer: PartWriter, text: str, signature: str | None) -> None:
        if signature is not None:
            writer.held_chars += len(signature)
            self._signature = (self._signature or "") + whole(signature)
        if not text:
            return
        if self._hidden:
            writer.held_chars += len(text)
            self._text.add(text)
            return
        if not self._said:
            self._said = True
            writer.open_text(_REASONING)
        writer.text(_REASONING, text)

    def close(self, writer: PartWriter) -> None:
        """End the reasoning with what the vendor wants back."""
        state = PartState(signature=self._signature)
        if self._text:
            state.text = whole(self._text.text())
        if self._redacted is not None:
            state.redactedContent = b64encode(self._redacted).decode()
        if self._said:
            writer.close_text(state=seal(state))
        else:
            writer.add_part(Part(reasoning=ReasoningPart(), provider_state=seal(state)))


class ToolBlock(OpenBlock):
    """A tool call, of the caller's tool or of one that the vendor runs itself."""

    __slots__ = ("_call", "_said")

    def __init__(self, writer: PartWriter, said: ToolUse) -> None:
        self._said = False
        by_provider = said.type == "server_tool_use"
        self._call: OpenCall = writer.open_call(
            said.toolUseId,
            said.name,
            by_provider=by_provider,
            state=seal(PartState()) if by_provider else b"",
        )

    def add(self, writer: PartWriter, fragment: str) -> None:
        """Add to the input."""
        if fragment:
            self._said = True
            writer.arguments(self._call, fragment)

    def close(self, writer: PartWriter) -> None:
        """End the call. A stream says nothing where a whole answer says `{}`."""
        if not self._said:
            writer.arguments(self._call, "{}")
        writer.close_call(self._call)


class ResultBlock(OpenBlock):
    """The answer of a tool that the vendor ran itself."""

    __slots__ = ("_content", "_name", "_said")

    def __init__(self, said: ToolResult, name: str) -> None:
        self._said = said
        self._name = name
        self._content: list[Json] = []

    def add(self, writer: PartWriter, pieces: list[Json]) -> None:
        """Add to the content; text that follows text is more of it."""
        writer.held_chars += len(json_of(pieces))
        for piece in pieces:
            text = piece.get("text")
            last = self._content[-1] if self._content else {}
            if isinstance(text, str) and isinstance(last.get("text"), str) and len(piece) == 1:
                last["text"] += text
            else:
                self._content.append(dict(piece))

    def close(self, writer: PartWriter) -> None:
        """Say the result."""
        said = self._said
        result = ServerToolResultPart(
            tool_call_id=whole(said.toolUseId),
            name=self._name,
            result_json=json_of(self._content).decode(),
            is_error=said.status == "error",
        )
        state = PartState(
            type=None if said.type is None else whole(said.type),
            status=None if said.status is None else whole(said.status),
        )
        writer.add_part(Part(server_tool_result=result, provider_state=seal(state)))


class ImageBlock(OpenBlock):
    """An image that the model made."""

    __slots__ = ("_data", "_error", "_format", "_uri")

    def __init__(self, format_: str) -> None:
        self._format = format_
        self._data = bytearray()
        self._uri = ""
        self._error: object = None

    def add(self, writer: PartWriter, said: Image) -> None:
        """Add to its bytes, or say where it lies, or why there is none."""
        source = said.source or Source()
        if source.bytes is not None:
            writer.held_chars += len(source.bytes)
            self._data += _decoded(source.bytes)
        if source.s3Location is not None:
            self._uri = whole(source.s3Location.uri)
        if said.error is not None:
            self._error = said.error

    def close(self, writer: PartWriter) -> None:
        """Say the image; one that could not be made is kept as the vendor told of it."""
        if self._error is not None:
            image = {"format": self._format, "error": self._error}
            add_unknown(writer, "image", json_of({"image": image}))
            return
        media = MediaPart(modality=MODALITY_IMAGE, mime_type=IMAGE_TYPES.get(self._format, ""))
        if self._uri:
            media.uri = self._uri
        else:
            media.inline_data = bytes(self._data)
        writer.add_part(Part(media=media))


def add_unknown(writer: PartWriter, name: str, said: bytes) -> None:
    """Keep what Weir has no kind for."""
    text = said.decode("utf-8", "replace")
    writer.add_part(Part(unknown=UnknownPart(type=f"{KIND}/{whole(name)}", json=text)))


def _decoded(text: str) -> bytes:
    """Return what base64 text says; what is none says nothing."""
    try:
        return b64decode(text)
    except (NotBase64, ValueError):
        return b""
