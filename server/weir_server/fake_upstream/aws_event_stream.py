"""How does AWS frame a message of an event stream? Written here, so that tests can play the vendor.

The encoding is "application/vnd.amazon.eventstream" of the Smithy specification.
"""

import struct
from collections.abc import Mapping
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_FRAME_BYTES = 16
"""Prelude and checksum."""


def text_header(name: str, value: str) -> bytes:
    """Return a header whose value is text, which is type 7."""
    return header(name, 7, len(value.encode()).to_bytes(2) + value.encode())


def header(name: str, kind: int, value: bytes) -> bytes:
    """Return a header of any type; the value as it stands on the wire."""
    return bytes([len(name.encode())]) + name.encode() + bytes([kind]) + value


def message(headers: bytes, payload: bytes) -> bytes:
    """Return one message with both its checksums."""
    lengths = struct.pack(">II", _FRAME_BYTES + len(headers) + len(payload), len(headers))
    said = lengths + crc32(lengths).to_bytes(4) + headers + payload
    return said + crc32(said).to_bytes(4)


def event(kind: str, payload: bytes, *, content_type: str = "application/json") -> bytes:
    """Return an event of a service."""
    return message(
        _headers({":event-type": kind, ":content-type": content_type, ":message-type": "event"}),
        payload,
    )


def exception(kind: str, payload: bytes) -> bytes:
    """Return an exception that the service has a name for, as its stream's last message."""
    return message(
        _headers(
            {
                ":exception-type": kind,
                ":content-type": "application/json",
                ":message-type": "exception",
            }
        ),
        payload,
    )


def error(code: str, text: str) -> bytes:
    """Return an error that the service has no name for."""
    return message(
        _headers({":error-code": code, ":error-message": text, ":message-type": "error"}), b""
    )


def _headers(headers: Mapping[str, str]) -> bytes:
    return b"".join(text_header(name, value) for name, value in headers.items())
