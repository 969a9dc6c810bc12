"""How does an answer go over the wire? Head, framing, pace, cut and ending, in one place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from itertools import pairwise

from weir_server.fake_upstream.exchange import Ending, Exchange

HeaderPairs = tuple[tuple[str, str], ...]


class Framing(Enum):
    """How the end of a body is told (RFC 9112 6.3)."""

    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until_close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Waits within one answer, in seconds."""

    before_headers_s: float = 0.0
    before_first_byte_s: float = 0.0
    between_s: float = 0.0
    before_ending_s: float = 0.0


def encode_head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the status line and the header fields, empty line included."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unassigned"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def encode_chunk(data: bytes) -> bytes:
    """Return one chunk of the chunked coding; `data` must not be empty, as that would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def slice_at(data: bytes, offsets: Sequence[int]) -> list[bytes]:
    """Cut `data` before each offset; offsets outside of it and repeated ones cut nothing."""
    edges = sorted({0, len(data), *(offset for offset in offsets if 0 < offset < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]


async def send_answer(
    exchange: Exchange,
    *,
    status: int,
    headers: HeaderPairs,
    pieces: Sequence[bytes],
    framing: Framing,
    pace: Pace,
    declared_length_bytes: int | None = None,
    cut_after_bytes: int | None = None,
) -> None:
    """Send a whole answer, or its first `cut_after_bytes` body bytes, without any ending.

    Each piece is one write, and one chunk where the coding is chunked.
    """
    exchange.attempt.status = status
    if pace.before_headers_s:
        await exchange.sleep(pace.before_headers_s)
    length_bytes = sum(map(len, pieces)) if declared_length_bytes is None else declared_length_bytes
    await exchange.send(encode_head(status, (*headers, *_framing_headers(framing, length_bytes))))
    if framing is Framing.UNTIL_CLOSE:
        exchange.close_when_done()
    if pace.before_first_byte_s:
        await exchange.sleep(pace.before_first_byte_s)
    left_bytes = cut_after_bytes
    for number, piece in enumerate(pieces):
        if left_bytes is not None:
            piece = piece[:left_bytes]
            left_bytes -= len(piece)
        if piece:
            if number and pace.between_s:
                await exchange.sleep(pace.between_s)
            await exchange.send(encode_chunk(piece) if framing is Framing.CHUNKED else piece)
    if pace.before_ending_s:
        await exchange.sleep(pace.before_ending_s)


async def finish(exchange: Exchange, framing: Framing, ending: Ending) -> None:
    """Complete the framing where the ending is clean, then end the exchange."""
    if ending is Ending.CLEAN and framing is Framing.CHUNKED:
        await exchange.send(b"0\r\n\r\n")
    await exchange.end(ending)


def _framing_headers(framing: Framing, length_bytes: int) -> HeaderPairs:
    match framing:
        case Framing.LENGTH:
            return (("content-length", str(length_bytes)),)
        case Framing.CHUNKED:
            return (("transfer-encoding", "chunked"),)
        case Framing.UNTIL_CLOSE:
            return (("connection", "close"),)
