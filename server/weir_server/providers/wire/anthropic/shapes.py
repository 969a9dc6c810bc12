"""What does an answer of Anthropic look like? Only what Weir reads of it.

Shapes follow the vendor's API reference, "Create a Message" and "Streaming messages". Unknown
fields are skipped here; blocks are kept as the vendor wrote them, so that nothing of them is lost.
"""

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from weir_server.providers.wire.parts import whole


class Delta(Struct, gc=False):
    """More of a block, or, in a `message_delta`, of the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    container: Any = None


class Message(Struct, gc=False):
    """A whole answer, or what a stream begins with."""

    id: str | None = None
    model: str | None = None
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    container: Any = None
    usage: Any = None
    """Read at the end and with care: what servers put there is not always believable."""
    type: str = ""
    error: Any = None


class Event(Struct, gc=False):
    """One event of a stream."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Raw = Raw()
    message: Message | None = None
    usage: Any = None
    error: Any = None


class Label(Struct, gc=False):
    """Which event it is, of one that cannot be read."""

    type: str = ""


T = TypeVar("T")

EVENT = Decoder(Event)
LABEL = Decoder(Label)
MESSAGE = Decoder(Message)
ANYTHING: Decoder[Any] = Decoder()
BLOCK = Decoder(dict[str, Raw])


def decode(
    decoder: Decoder[T], data: bytes | bytearray | Raw, *, utf8_errors: str = "strict"
) -> T | None:
    """Return what `data` says, or None when it is no such JSON.

    What the strict and fast decoder refuses gets a second look, as some servers write lone halves
    of surrogate pairs: each becomes U+FFFD. `utf8_errors` says what becomes of bytes that are not
    UTF-8.
    """
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        said = json.loads(bytes(data).decode("utf-8", utf8_errors))
        return decoder.decode(whole(json.dumps(said, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None


def clean(raw: Raw) -> Raw:
    """Return JSON as it is if it is UTF-8, which nobody has looked at yet; else make it so."""
    data = bytes(raw)
    try:
        data.decode()
    except UnicodeDecodeError:
        return Raw(data.decode("utf-8", "replace").encode())
    return raw


def text_of(value: Raw | None) -> str:
    """Return a JSON string; what is none is empty."""
    said = decode(ANYTHING, value) if value is not None else None
    return said if isinstance(said, str) else ""


def json_of(value: object) -> str:
    """Return JSON text of something decoded."""
    return msgspec.json.encode(value).decode()
