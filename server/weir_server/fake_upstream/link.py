"""What happens on one accepted socket? Bytes in, bytes out, and the client's leaving, at once.

It keeps reading while an answer is written, delayed or stalled, so a FIN or RST from the client
is known within the same turn of the event loop. It holds back no bytes beyond the piece being
written: what was written and is not in `unsent_bytes` is with the kernel.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import TypeVar, cast

from typing_extensions import override

from weir_server.fake_upstream.exchange import ClientGoneError
from weir_server.fake_upstream.http1 import MalformedRequestError, RequestReader

# Linger on, for 0 s: closing discards what is unsent and sends RST instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

_Taken = TypeVar("_Taken")


class Link(asyncio.Protocol):
    """One accepted socket. `on_open` is called once, `on_change` whenever a fact here changes."""

    def __init__(
        self, *, on_open: Callable[["Link"], None], on_change: Callable[["Link"], None]
    ) -> None:
        self.reader = RequestReader()
        self.client_port = 0
        self.first_byte_at: float | None = None
        """When the first byte of the request being read arrived."""
        self.client_closed_at: float | None = None
        """When the client's FIN or RST arrived; None while open, or if this side closed first."""
        self.write_blocked_at: float | None = None
        """Since when the kernel takes no more bytes, as the client does not read; else None."""
        self._on_open = on_open
        self._on_change = on_change
        self._transport: asyncio.Transport | None = None
        self._broken: MalformedRequestError | None = None
        self._closed_here = False
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, not a check: uvloop's transports have the methods and not the base class.
        self._transport = cast("asyncio.Transport", transport)
        self.client_port = transport.get_extra_info("peername")[1]
        self._on_open(self)
        # asyncio's TLS pauses when it reaches the limit, plain TCP when it passes it; TLS may pause
        # here already, for what is left of the handshake.
        is_tls = transport.get_extra_info("sslcontext") is not None
        self._transport.set_write_buffer_limits(high=1 if is_tls else 0, low=0)

    @override
    def data_received(self, data: bytes) -> None:
        if self.first_byte_at is None:
            self.first_byte_at = time.monotonic()
        if self._broken is None:
            try:
                self.reader.feed(data)
            except MalformedRequestError as error:
                self._broken = error
        self._arrived.set()

    @override
    def eof_received(self) -> bool:
        # An HTTP client that sends FIN has left: none half-closes and goes on reading.
        self._left()
        if self._transport is not None:
            self._transport.abort()  # closing politely would wait for bytes nobody will read
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._left()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()
        self.write_blocked_at = time.monotonic()
        self._on_change(self)

    @override
    def resume_writing(self) -> None:
        self.write_blocked_at = None
        self._writable.set()
        self._on_change(self)

    def _left(self) -> None:
        if self._gone.is_set():
            return
        if not self._closed_here:
            self.client_closed_at = time.monotonic()
        self._gone.set()
        self._arrived.set()
        self._writable.set()
        self._on_change(self)

    @property
    def is_gone(self) -> bool:
        """Whether the socket is closed, by whichever side."""
        return self._gone.is_set()

    @property
    def unsent_bytes(self) -> int:
        """What was written and the kernel has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    async def read(self, take: Callable[[], _Taken | None]) -> _Taken:
        """Return what `take` (a method of `reader`) finds, as soon as enough bytes are there.

        Raises ClientGoneError, or MalformedRequestError for what is no HTTP.
        """
        while True:
            if self._broken is not None:
                raise self._broken
            taken = take()
            if taken is not None:
                return taken
            if self._gone.is_set():
                raise ClientGoneError
            self._arrived.clear()
            await self._arrived.wait()

    def request_read(self) -> None:
        """Tell that a request was read to its end: what arrives from now on is the next one."""
        self.first_byte_at = None if self.reader.is_empty else time.monotonic()

    def write(self, data: bytes | memoryview) -> None:
        """Hand bytes to the kernel, or to the buffer if it takes no more."""
        if self._transport is not None and not self._gone.is_set() and not self._closed_here:
            self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the kernel has taken all bytes, or the client has left."""
        await self._writable.wait()

    async def gone(self) -> None:
        """Wait until the socket is closed."""
        await self._gone.wait()

    def close(self, *, reset: bool = False) -> None:
        """End the socket from this side: FIN, or RST."""
        if self._transport is None or self._gone.is_set():
            return
        self._closed_here = True
        if reset:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if reset or self.unsent_bytes:
            self._transport.abort()  # a flush to a client that does not read might never end
        else:
            self._transport.close()
