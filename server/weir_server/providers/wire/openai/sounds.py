"""What does a model say aloud? One sound, whose bytes and words come in pieces, each their own way.

The vendor's guide "Audio": a sound has an identity, by which the next turn names it, and the format
that the request asked for.
"""

import binascii
from base64 import b64decode

from msgspec import Struct
from msgspec.json import decode

from weir.v1.content_pb2 import MODALITY_AUDIO, MediaPart, Part
from weir.v1.generation_pb2 import GenerationOptions
from weir_server.providers.wire.kept import Kept
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.parts import HELD_OVERHEAD_CHARS, PartWriter, json_text, whole
from weir_server.providers.wire.state import opened, sealed

_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "pcm16": "audio/pcm",
}
_BEGINNINGS = {b"RIFF": "audio/wav", b"fLaC": "audio/flac", b"OggS": "audio/opus"}


class _Format(Struct):
    format: str = ""


class _Asked(Struct):
    """What an extension asks of sounds."""

    audio: _Format | None = None


class _Known(Struct):
    """What the vendor wants back."""

    id: str
    expires_at: int | None = None


def type_asked(options: GenerationOptions, quirks: Quirks) -> str:
    """Return the media type of the sounds that a request asks for; empty: it names none."""
    for extension in options.extensions:
        if extension.provider_kind == quirks.provider_kind:
            try:
                asked = decode(extension.json, type=_Asked)
            except (ValueError, RecursionError):
                continue  # not about sounds, or refused before anything was sent
            if asked.audio is not None:
                return _TYPES.get(asked.audio.format, "")
    return ""


def known_sound(state: bytes, quirks: Quirks) -> str:
    """Return the identity by which this vendor knows a sound of its own; empty: it is none."""
    said = opened(quirks.state_kind, state) if quirks.state_kind else b""
    try:
        return decode(said, type=_Known).id if said else ""
    except (ValueError, RecursionError):
        return ""


class Sound:
    """The sound of one answer, as far as it has come."""

    __slots__ = (
        "_bytes",
        "_expires_at",
        "_id",
        "_media_type",
        "_quirks",
        "_rest",
        "_words",
        "_writer",
    )

    def __init__(self, writer: PartWriter, quirks: Quirks, media_type: str) -> None:
        self._writer = writer
        self._quirks = quirks
        self._media_type = media_type
        self._id = ""
        self._expires_at: int | None = None
        self._bytes = bytearray()
        self._rest = ""
        """What is left of a piece that was cut between two bytes."""
        self._words = Kept()
        writer.held_chars += HELD_OVERHEAD_CHARS

    def take(self, said: object) -> bool:
        """Take a piece; False: it is none."""
        if not isinstance(said, dict):
            return False
        if isinstance(given := said.get("id"), str) and not self._id:
            self._id = whole(given)
            self._writer.held_chars += len(given)
        if isinstance(expires := said.get("expires_at"), int):
            self._expires_at = expires
        if isinstance(words := said.get("transcript"), str):
            self._words.add(words)
            self._writer.held_chars += len(words)
        data = said.get("data")
        return not isinstance(data, str) or self._add(data)

    @property
    def is_cut(self) -> bool:
        """Whether an end now would be in the midst of a byte."""
        return bool(self._rest)

    def close(self) -> None:
        """Write the part."""
        data = bytes(self._bytes)
        kind = self._media_type or _BEGINNINGS.get(data[:4]) or _mpeg(data) or _TYPES["pcm16"]
        media = MediaPart(
            modality=MODALITY_AUDIO,
            mime_type=kind,
            inline_data=data,
            transcript=whole(self._words.text()),
        )
        state = b""
        if self._id and self._quirks.state_kind:
            known: dict[str, object] = {"id": self._id}
            if self._expires_at is not None:
                known["expires_at"] = self._expires_at
            state = sealed(self._quirks.state_kind, json_text(known).encode())
        self._writer.add_part(Part(media=media, provider_state=state))

    def _add(self, data: str) -> bool:
        text = self._rest + data
        end = len(text) - len(text) % 4
        self._rest = text[end:]
        self._writer.held_chars += len(data)
        try:
            self._bytes += b64decode(text[:end], validate=True)
        except (ValueError, binascii.Error):
            return False
        return True


def _mpeg(data: bytes) -> str:
    return "audio/mpeg" if data[:3] == b"ID3" or data[:2] == b"\xff\xfb" else ""
