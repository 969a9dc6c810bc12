"""What did the client send? An incremental HTTP/1.1 request parser over raw bytes (RFC 9112).

It takes bytes in pieces of any size and gives the head as soon as it is complete, so that a
behaviour may answer before the body has arrived. It does no I/O.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from typing_extensions import override

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024


class MalformedRequestError(Exception):
    """The client broke HTTP; `status` is the answer it deserves."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Headers(Mapping[str, str]):
    """Header fields by case-insensitive name; repeated ones are joined by a comma.

    `pairs` keeps them as they came: order, spelling and repetition.
    """

    __slots__ = ("_by_name", "pairs")

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.pairs = pairs
        self._by_name: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            before = self._by_name.get(key)
            self._by_name[key] = value if before is None else f"{before}, {value}"

    @override
    def __getitem__(self, name: str) -> str:
        return self._by_name[name.lower()]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    @override
    def __len__(self) -> int:
        return len(self._by_name)

    @override
    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """The request line and header fields; `target` is what stood between the two spaces."""

    method: str
    target: str
    version: str
    headers: Headers

    @property
    def keeps_alive(self) -> bool:
        """Whether the client would send another request on this connection."""
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish if self.version == "HTTP/1.1" else "keep-alive" in wish

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


class RequestReader:
    """Feed it bytes; ask it for a head, then for that head's body, then for the next head."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body: _LengthBody | _ChunkedBody | None = None

    def feed(self, data: bytes) -> None:
        """Take what one read produced."""
        self._buffer += data
        if len(self._buffer) > MAX_BODY_BYTES + MAX_HEAD_BYTES:
            raise MalformedRequestError(413, "body too large")

    @property
    def is_empty(self) -> bool:
        """Whether every byte that was fed has been taken."""
        return not self._buffer

    def next_head(self) -> RequestHead | None:
        """Return the next request's head, or None while it is incomplete."""
        while self._buffer.startswith(b"\r\n"):  # RFC 9112 2.2: tolerate empty lines before
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > MAX_HEAD_BYTES):
            raise MalformedRequestError(431, "request header too large")
        if end < 0:
            return None
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        head = _head(lines)
        self._body = _body_reader(head.headers)
        return head

    def next_body(self) -> bytes | None:
        """Return the whole body of the last head, or None while it is incomplete."""
        if self._body is None:
            raise ValueError("ask for a head before its body")
        body = self._body.take(self._buffer)
        if body is not None:
            self._body = None
        return body


def _head(lines: list[str]) -> RequestHead:
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise MalformedRequestError(400, f"not an HTTP/1.x request line: {lines[0][:80]!r}")
    pairs = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise MalformedRequestError(400, f"not a header field: {line[:80]!r}")
        pairs.append((name, value.strip(" \t")))
    return RequestHead(
        method=words[0], target=words[1], version=words[2], headers=Headers(tuple(pairs))
    )


def _body_reader(headers: Headers) -> "_LengthBody | _ChunkedBody":
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        # Both at once is how requests are smuggled: no honest client sends it.
        if length is not None or coding.lower() != "chunked":
            raise MalformedRequestError(400, "ambiguous body length")
        return _ChunkedBody()
    if length is None:
        return _LengthBody(0)
    if not (length.isascii() and length.isdigit()):
        raise MalformedRequestError(400, f"bad Content-Length: {length[:40]!r}")
    if int(length) > MAX_BODY_BYTES:
        raise MalformedRequestError(413, "body too large")
    return _LengthBody(int(length))


class _LengthBody:
    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes

    def take(self, buffer: bytearray) -> bytes | None:
        if len(buffer) < self._length_bytes:
            return None
        body = bytes(buffer[: self._length_bytes])
        del buffer[: self._length_bytes]
        return body


class _ChunkedBody:
    def __init__(self) -> None:
        self._done = bytearray()
        self._in_trailer = False

    def take(self, buffer: bytearray) -> bytes | None:
        while not self._in_trailer:
            end = buffer.find(b"\r\n")
            if end < 0:
                return None
            size = _chunk_size(bytes(buffer[:end]))
            if len(self._done) + size > MAX_BODY_BYTES:
                raise MalformedRequestError(413, "body too large")
            if size == 0:
                self._in_trailer = True
                del buffer[: end + 2]
                break
            chunk_end = end + 2 + size
            if len(buffer) < chunk_end + 2:
                return None
            if buffer[chunk_end : chunk_end + 2] != b"\r\n":
                raise MalformedRequestError(400, "a chunk does not end where it says")
            self._done += buffer[end + 2 : chunk_end]
            del buffer[: chunk_end + 2]
        while (end := buffer.find(b"\r\n")) >= 0:  # trailer fields are read and dropped
            del buffer[: end + 2]
            if end == 0:
                return bytes(self._done)
        return None


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
        raise MalformedRequestError(400, f"bad chunk size: {line[:40]!r}")
    return int(digits, 16)
