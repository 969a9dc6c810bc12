"""How can an upstream break HTTP, its own promises, or a reader's memory?

Each of these is served to the client as it is; whatever the client thinks of it, the journal says
what was sent and when the client left.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import count
from typing import ClassVar

from typing_extensions import override

from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.exchange import Behaviour, Ending, Exchange
from weir_server.fake_upstream.openai_errors import TOO_LARGE
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_event
from weir_server.fake_upstream.sending import Framing, encode_chunk, encode_head, finish

MIB = 1024 * 1024

_JSON = ("content-type", "application/json")
_EVENTS = ("content-type", "text/event-stream")
_CHUNKED = ("transfer-encoding", "chunked")
_REFUSAL = TOO_LARGE.reply(("connection", "close"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw(Behaviour):
    """Bytes as they are, head included: for answers that are no HTTP at all."""

    pieces: Sequence[bytes]
    delay_between_s: float = 0.0
    ending: Ending = Ending.EOF

    @override
    async def play(self, exchange: Exchange) -> None:
        for number, piece in enumerate(self.pieces):
            if number and self.delay_between_s:
                await exchange.sleep(self.delay_between_s)
            await exchange.send(piece)
        exchange.close_when_done()
        await exchange.end(self.ending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Behaviour):
    """Read the request, then end the socket without a byte of an answer."""

    ending: Ending = Ending.RESET

    @override
    async def play(self, exchange: Exchange) -> None:
        await exchange.end(self.ending)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseBody(Behaviour):
    """Answer as soon as the head is there, with the body unread, and close.

    It lingers a little, as servers do, so that the client can read the answer before its own
    writes fail. With `reply=None` the socket is reset under the client's writes.
    """

    answers_early: ClassVar[bool] = True

    reply: Reply | None = _REFUSAL
    linger_s: float = 0.5

    @override
    async def play(self, exchange: Exchange) -> None:
        if self.reply is None:
            await exchange.end(Ending.RESET)
            return
        await self.reply.play(exchange)
        await exchange.sleep(self.linger_s)


def redirect(location: str, *, status: int = 307) -> Reply:
    """Return a redirect, with a body that says the same to a person."""
    body = b"" if status == 304 else f'<a href="{location}">Moved</a>'.encode()
    return Reply(
        status=status, headers=(("location", location),), content_type="text/html", body=body
    )


def html_page(*, status: int = 200, canary: str = "canary-in-the-page") -> Reply:
    """Return the page a captive portal or a proxy shows; `canary` must never reach a caller."""
    page = f"<!DOCTYPE html><html><head><title>Welcome</title></head><body>{canary}</body></html>"
    return Reply(status=status, content_type="text/html; charset=utf-8", body=page.encode())


class ChunkFault(Enum):
    """A way to break the chunked coding after some good chunks."""

    BAD_SIZE = b"zz\r\n"
    """A size that is not hexadecimal."""
    NEGATIVE_SIZE = b"-5\r\n"
    EMPTY_SIZE = b"\r\n"
    HUGE_SIZE = b"ffffffffffffffffff\r\n"
    """A size beyond 64 bits."""
    TOO_SHORT = b"100\r\ndata: {"
    """A chunk of 256 bytes of which a few come, then FIN."""
    NO_LINE_END = b"3\r\n: x5\r\n"
    """A chunk that does not end where its size says."""
    NO_LAST_CHUNK = b""
    """FIN instead of the last chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenChunks(Behaviour):
    """An event stream whose chunked coding breaks after `events`; FIN follows."""

    fault: ChunkFault
    events: Sequence[bytes] = ()

    @override
    async def play(self, exchange: Exchange) -> None:
        await exchange.send(encode_head(200, (_EVENTS, _CHUNKED)))
        for event in self.events:
            await exchange.send(encode_chunk(event))
        await exchange.send(self.fault.value)
        await exchange.end(Ending.EOF)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndlessHeader(Behaviour):
    """Header fields for ever, or one field whose value never ends, until the client leaves."""

    field_bytes: int = 64
    one_field: bool = False
    delay_between_s: float = 0.0

    @override
    async def play(self, exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n" + (b"x-endless: " if self.one_field else b""))
        for number in count():
            await exchange.sleep(self.delay_between_s)
            value = b"a" * self.field_bytes
            await exchange.send(value if self.one_field else b"x-%d: %b\r\n" % (number, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class HugeEvent(Behaviour):
    """One event bigger than anyone should buffer: as one line, or as many short ones.

    It is lawful and comes to an end, so a reader without a cap takes it all in.
    """

    event_bytes: int = 2 * MIB
    line_bytes: int | None = None
    """Bytes per `data:` line; None is a single line."""
    events_before: Sequence[bytes] = ()

    @override
    async def play(self, exchange: Exchange) -> None:
        await exchange.send(encode_head(200, (_EVENTS, _CHUNKED)))
        for event in self.events_before:
            await exchange.send(encode_chunk(event))
        start, end = b"data: ", b"\n"
        left_bytes = self.event_bytes
        while left_bytes > 0:
            line_bytes = min(self.line_bytes or left_bytes, left_bytes)
            await _send_filled(exchange, start=start, fill_bytes=line_bytes, end=end)
            left_bytes -= line_bytes
        await exchange.send(encode_chunk(b"\ndata: [DONE]\n\n"))
        await finish(exchange, Framing.CHUNKED, Ending.CLEAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class HugeBody(Behaviour):
    """A JSON body of `body_bytes`, lawful and complete."""

    body_bytes: int = 33 * MIB
    status: int = 200

    @override
    async def play(self, exchange: Exchange) -> None:
        await exchange.send(encode_head(self.status, (_JSON, _CHUNKED)))
        start, end = b'{"pad":"', b'"}'
        fill_bytes = self.body_bytes - len(start) - len(end)
        await _send_filled(exchange, start=start, fill_bytes=fill_bytes, end=end)
        await finish(exchange, Framing.CHUNKED, Ending.CLEAN)


async def _send_filled(exchange: Exchange, *, start: bytes, fill_bytes: int, end: bytes) -> None:
    await exchange.send(encode_chunk(start))
    while fill_bytes > 0:
        piece_bytes = min(fill_bytes, 64 * 1024)
        await exchange.send(encode_chunk(b"a" * piece_bytes))
        await exchange.sleep(0)  # a fast reader elsewhere must not starve this event loop
        fill_bytes -= piece_bytes
    await exchange.send(encode_chunk(end))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedBomb(Behaviour):
    """A small compressed body that becomes `decoded_bytes` (about 1:1000) in the reader.

    It unpacks to one JSON object, or to one endless event; the coding is complete and correct.
    It comes whether or not the client said it accepts compression.
    """

    decoded_bytes: int = 300 * MIB
    coding: str = "gzip"
    """`gzip` or `deflate` (which HTTP wraps in zlib)."""
    as_event: bool = False

    @override
    async def play(self, exchange: Exchange) -> None:
        head = (_EVENTS if self.as_event else _JSON, ("content-encoding", self.coding), _CHUNKED)
        await exchange.send(encode_head(200, head))
        for piece in self._coded():
            await exchange.send(encode_chunk(piece))
            await exchange.sleep(0)
        await finish(exchange, Framing.CHUNKED, Ending.CLEAN)

    def _coded(self) -> Iterator[bytes]:
        start, end = (b"data: ", b"\n\n") if self.as_event else (b'{"pad":"', b'"}')
        blocks = max(1, (self.decoded_bytes - len(start) - len(end)) // MIB)
        is_gzip = self.coding == "gzip"
        add: Callable[[bytes, int], int] = zlib.crc32 if is_gzip else zlib.adler32
        check = add(start, 0 if is_gzip else 1)
        # A full flush ends on a byte and forgets what came before: the same compressed block can
        # be sent again and again.
        yield _CODING_HEADS[self.coding] + _deflated(start, zlib.Z_FULL_FLUSH)
        for _ in range(blocks):
            check = add(_BLOCK, check)
            yield _deflated(_BLOCK, zlib.Z_FULL_FLUSH)
        yield _deflated(end, zlib.Z_FINISH)
        check = add(end, check)
        size = (len(start) + blocks * MIB + len(end)) & 0xFFFFFFFF
        yield struct.pack("<II", check, size) if is_gzip else struct.pack(">I", check)


_BLOCK = b"a" * MIB
_CODING_HEADS = {"gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", "deflate": b"\x78\x9c"}


@cache
def _deflated(data: bytes, flush: int) -> bytes:
    packer = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(flush)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndlessStream(Behaviour):
    """Lawful text chunks for ever, numbered: paced, or as fast as the client reads.

    The n-th chunk's text starts with n, so that a test can see what a slow reader got.
    """

    delay_between_s: float = 0.0
    text_bytes: int = 16
    """Length of each chunk's text."""

    @override
    async def play(self, exchange: Exchange) -> None:
        build = ChatChunks()
        await exchange.send(encode_head(200, (_EVENTS, _CHUNKED)))
        await exchange.send(encode_chunk(encode_event(build.role())))
        for number in count():
            await exchange.sleep(self.delay_between_s)
            text = f"{number} ".ljust(self.text_bytes, "x")
            await exchange.send(encode_chunk(encode_event(build.content(text))))
