"""Where does one message of AWS's binary event stream end and the next begin, however it is cut?

The encoding is "application/vnd.amazon.eventstream" of the Smithy specification, "Amazon Event
Stream": two lengths with their own checksum, headers, a payload, and a checksum of all of it. All
numbers are big-endian; a checksum is a CRC-32.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zlib import crc32

from weir_server.core.errors import UpstreamProtocolError

MESSAGE_MAX_BYTES = 16 << 20
"""What one message may take: the specification's bound of a payload."""
HEADERS_MAX_BYTES = 128 << 10
"""What the headers of a message may take, by the specification."""

HeaderValue = bool | int | bytes | str | datetime | UUID

_PRELUDE = struct.Struct(">III")
"""Length of the message, length of its headers, checksum of these two."""
_CHECKSUM_BYTES = 4
_PRELUDE_BYTES = _PRELUDE.size
_READ_PRELUDE = _PRELUDE.unpack_from
_LEAST_BYTES = _PRELUDE_BYTES + _CHECKSUM_BYTES
_KEPT_HEADERS = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Message = tuple[Mapping[str, HeaderValue], bytes]
"""Headers by name, and payload. Messages with the same headers share them: never written to."""


class EventStreamSplitter:
    """Cuts a byte stream into messages and checks every checksum.

    `failure` is set once a message is damaged or outgrows its bound; messages before it have been
    given, and bytes after it are ignored. What is held never exceeds `max_message_bytes` by more
    than one `feed`.
    """

    __slots__ = ("_awaited", "_held", "_known", "_max_message_bytes", "failure")

    def __init__(self, *, max_message_bytes: int = MESSAGE_MAX_BYTES) -> None:
        self.failure: UpstreamProtocolError | None = None
        self._max_message_bytes = max_message_bytes
        self._held = bytearray()
        """The message that has not ended yet."""
        self._awaited = _PRELUDE_BYTES
        """How many bytes of it are needed before it can be looked at again."""
        self._known: dict[bytes, Mapping[str, HeaderValue]] = {}
        """Headers that were read before: most messages of a stream have the same."""

    @property
    def between(self) -> bool:
        """Whether the bytes so far end where a message ends."""
        return not self._held

    def feed(self, data: bytes) -> list[Message]:
        """Take more bytes; return the messages they complete."""
        if self.failure is not None:
            return []
        held = self._held
        if held:
            held += data
            if len(held) < self._awaited:
                return []  # A large message comes in many pieces: it is looked at once.
            data = bytes(held)
            held.clear()
        messages: list[Message] = []
        start, end = 0, len(data)
        while end - start >= _PRELUDE_BYTES:
            total, header_bytes, checksum = _READ_PRELUDE(data, start)
            if crc32(data[start : start + 8]) != checksum:
                return self._fail("malformed", messages)
            if total > self._max_message_bytes or header_bytes > HEADERS_MAX_BYTES:
                return self._fail("too_large", messages)
            if total < _LEAST_BYTES + header_bytes:
                return self._fail("malformed", messages)
            if end - start < total:
                self._awaited = total
                break
            message = self._message(data[start : start + total], header_bytes)
            if message is None:
                return self._fail("malformed", messages)
            messages.append(message)
            start += total
        else:
            self._awaited = _PRELUDE_BYTES
        if start < end:
            held += data[start:]
        return messages

    def _message(self, whole: bytes, header_bytes: int) -> Message | None:
        """Return what a whole message says; None: it is damaged."""
        said = memoryview(whole)[:-_CHECKSUM_BYTES]
        if crc32(said) != int.from_bytes(whole[-_CHECKSUM_BYTES:]):
            return None
        payload_at = _PRELUDE_BYTES + header_bytes
        packed = whole[_PRELUDE_BYTES:payload_at]
        headers = self._known.get(packed)
        if headers is None:
            headers = read_headers(packed)
            if headers is None:
                return None
            if len(self._known) < _KEPT_HEADERS:
                self._known[packed] = headers
        return headers, whole[payload_at:-_CHECKSUM_BYTES]

    def _fail(self, cause: str, before: list[Message]) -> list[Message]:
        """End the stream after the messages that came `before`, which are still given."""
        self.failure = UpstreamProtocolError(metadata={"cause": cause})
        self._held = bytearray()
        self._known.clear()
        return before


def read_headers(packed: bytes) -> Mapping[str, HeaderValue] | None:
    """Return the headers that these bytes hold; None: they hold something else."""
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(packed):
            name_end = at + 1 + packed[at]
            name = packed[at + 1 : name_end].decode()
            value, at = _VALUES[packed[name_end]](packed, name_end + 1)
            if not name or name in headers or at > len(packed):
                return None
            headers[name] = value
    except (ValueError, LookupError, OverflowError, struct.error):
        return None
    return headers


_Read = Callable[[bytes, int], tuple[HeaderValue, int]]
"""Reads a value at an offset; returns it and where it ends."""


def _of_size(packed: bytes, at: int) -> tuple[bytes, int]:
    """Read bytes that say their number first."""
    end = at + 2 + int.from_bytes(packed[at : at + 2])
    return packed[at + 2 : end], end


def _text(packed: bytes, at: int) -> tuple[str, int]:
    said, end = _of_size(packed, at)
    return said.decode(), end


def _integer(size: int) -> _Read:
    def read(packed: bytes, at: int) -> tuple[int, int]:
        return int.from_bytes(packed[at : at + size], signed=True), at + size

    return read


def _timestamp(packed: bytes, at: int) -> tuple[datetime, int]:
    """Read milliseconds since the Unix epoch."""
    since = int.from_bytes(packed[at : at + 8], signed=True)
    return _EPOCH + timedelta(milliseconds=since), at + 8


def _uuid(packed: bytes, at: int) -> tuple[UUID, int]:
    return UUID(bytes=packed[at : at + 16]), at + 16


_VALUES: tuple[_Read, ...] = (
    lambda _, at: (True, at),
    lambda _, at: (False, at),
    _integer(1),
    _integer(2),
    _integer(4),
    _integer(8),
    _of_size,
    _text,
    _timestamp,
    _uuid,
)
"""How a value is read, by the number of its type."""
