"""How is one accepted socket served, and how is the client's leaving noticed at once?

The protocol keeps reading while it answers, waits or stalls, so a FIN or RST from the client is
in the journal within the same turn of the event loop. Writing uses no user-space buffer beyond
the piece being sent: `bytes_sent` is what the kernel took.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from typing_extensions import override

from tests.fakes.exchange import ClientGoneError, Ending, Exchange
from tests.fakes.http1 import MalformedRequestError, RequestHead, RequestReader
from tests.fakes.journal import Attempt, ConnectionRecord, Journal, Outcome
from tests.fakes.sending import encode_head

# Linger on, for 0 s: closing discards what is unsent and sends RST instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

# A big piece goes out in writes of this size, so that `bytes_sent` follows a slow reader.
_WRITE_BYTES = 64 * 1024

_Taken = TypeVar("_Taken")


class Connection(asyncio.Protocol):
    """One accepted socket: reads requests, gives each to `answer`, keeps the journal."""

    def __init__(
        self,
        *,
        journal: Journal,
        answer: Callable[["LiveExchange"], Awaitable[None]],
        start: Callable[["Connection"], asyncio.Task[None]],
        on_crash: Callable[[Exception], None],
    ) -> None:
        self._journal = journal
        self._answer = answer
        self._start = start
        self._on_crash = on_crash
        self._reader = RequestReader()
        self._transport: asyncio.Transport | None = None
        self._record: ConnectionRecord | None = None
        self._task: asyncio.Task[None] | None = None
        self._current: Attempt | None = None
        self._request_began_at: float | None = None
        self._broken: MalformedRequestError | None = None
        self._ended_here = False
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()

    # What asyncio calls.

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=0)
        self._transport = transport
        self._record = ConnectionRecord(
            number=len(self._journal.connections) + 1,
            opened_at=time.monotonic(),
            client_port=transport.get_extra_info("peername")[1],
        )
        self._journal.add_connection(self._record)
        self._task = self._start(self)

    @override
    def data_received(self, data: bytes) -> None:
        if self._request_began_at is None:
            self._request_began_at = time.monotonic()
        if self._broken is None:
            try:
                self._reader.feed(data)
            except MalformedRequestError as error:
                self._broken = error
        self._arrived.set()

    @override
    def eof_received(self) -> bool:
        # An HTTP client that sends FIN has left: none half-closes and goes on reading.
        self._client_left()
        if self._transport is not None:
            self._transport.abort()  # closing politely would wait for bytes nobody will read
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._client_left()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()
        if self._current is not None:
            self._current.write_blocked_at = time.monotonic()
        self._journal.changed()

    @override
    def resume_writing(self) -> None:
        self._writable.set()
        if self._current is not None:
            self._current.write_blocked_at = None
        self._journal.changed()

    def _client_left(self) -> None:
        if not self._gone.is_set() and not self._ended_here:
            now = time.monotonic()
            if self._record is not None:
                self._record.client_closed_at = now
            if self._current is not None:
                self._current.client_closed_at = now
        self._gone.set()
        self._arrived.set()
        self._writable.set()
        self._journal.changed()

    # What the fake calls.

    @property
    def is_gone(self) -> bool:
        """Whether the socket is closed, by whomever."""
        return self._gone.is_set()

    @property
    def unsent_bytes(self) -> int:
        """What the kernel has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    async def serve(self) -> None:
        """Answer requests until one side closes."""
        try:
            while await self._serve_one():
                pass
        except ClientGoneError:
            pass  # between two requests a client may leave as it likes
        finally:
            self.close()

    def close(self, *, reset: bool = False) -> None:
        """End the socket from this side: FIN, or RST."""
        if self._transport is None or self._gone.is_set():
            return
        self._ended_here = True
        if reset:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        elif self.unsent_bytes:
            self._transport.abort()  # the client does not read: a flush might never end
        else:
            self._transport.close()

    def write(self, data: bytes | memoryview) -> None:
        """Hand bytes to the transport."""
        assert self._transport is not None
        if not self._gone.is_set() and not self._ended_here:
            self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the kernel has taken all bytes, or the client has left."""
        await self._writable.wait()

    async def gone(self) -> None:
        """Wait until the client has left."""
        await self._gone.wait()

    async def _serve_one(self) -> bool:
        """Serve one request; returns whether another may follow."""
        try:
            head = await self._read(self._reader.next_head)
        except MalformedRequestError as error:
            self._refuse(error)
            return False
        attempt = self._enter(head)
        exchange = LiveExchange(
            connection=self, head=head, attempt=attempt, journal=self._journal, body=self._body
        )
        try:
            await self._answer(exchange)
        except ClientGoneError:
            attempt.outcome = Outcome.CLIENT_CLOSED
        except MalformedRequestError as error:
            attempt.outcome = Outcome.MALFORMED
            self._refuse(error)
        except asyncio.CancelledError:
            attempt.outcome = Outcome.SHUT_DOWN
            raise
        except Exception as error:  # noqa: BLE001 - the fake raises it again in the test
            attempt.outcome = Outcome.CRASHED
            self._on_crash(error)
            self.close(reset=True)
        else:
            if attempt.outcome is Outcome.RUNNING:
                attempt.outcome = Outcome.COMPLETED
        finally:
            attempt.finished_at = time.monotonic()
            self._journal.changed()
        return attempt.outcome is Outcome.COMPLETED and exchange.keeps_alive

    def _enter(self, head: RequestHead) -> Attempt:
        assert self._record is not None
        attempt = Attempt(
            number=len(self._journal) + 1,
            connection=self._record,
            method=head.method,
            target=head.target,
            headers=head.headers,
            started_at=self._request_began_at or time.monotonic(),
            client_closed_at=self._record.client_closed_at,
        )
        self._request_began_at = None
        self._current = attempt
        self._journal.add(attempt)
        return attempt

    async def _body(self, attempt: Attempt, head: RequestHead) -> None:
        """Read the body into the attempt."""
        if head.expects_continue:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        attempt.body = await self._read(self._reader.next_body)
        attempt.body_complete_at = time.monotonic()
        if self._reader.is_idle:
            self._request_began_at = None
        self._journal.changed()

    async def _read(self, take: Callable[[], _Taken | None]) -> _Taken:
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

    def _refuse(self, error: MalformedRequestError) -> None:
        headers = (("content-length", "0"), ("connection", "close"))
        self.write(encode_head(error.status, headers))
        self.close()


class LiveExchange(Exchange):
    """The exchange over a real socket."""

    def __init__(
        self,
        *,
        connection: Connection,
        head: RequestHead,
        attempt: Attempt,
        journal: Journal,
        body: Callable[[Attempt, RequestHead], Awaitable[None]],
    ) -> None:
        self._connection = connection
        self._head = head
        self._attempt = attempt
        self._journal = journal
        self._body = body
        self._keeps_alive = head.keeps_alive

    @property
    @override
    def attempt(self) -> Attempt:
        return self._attempt

    @property
    @override
    def journal(self) -> Journal:
        return self._journal

    @property
    @override
    def keeps_alive(self) -> bool:
        # An unread body would be taken for the next request.
        return self._keeps_alive and self._attempt.body_complete_at is not None

    async def read_body(self) -> None:
        """Read the request's body into the attempt; without it the socket is not used again."""
        await self._body(self._attempt, self._head)

    @override
    async def send(self, data: bytes) -> None:
        self._stop_if_gone()
        if not data:
            return
        if self._attempt.first_byte_at is None:
            self._attempt.first_byte_at = time.monotonic()
        view = memoryview(data)
        for start in range(0, len(data), _WRITE_BYTES):
            await self._send_piece(view[start : start + _WRITE_BYTES])

    @override
    async def sleep(self, delay_s: float) -> None:
        self._stop_if_gone()
        if delay_s <= 0:
            await asyncio.sleep(0)
        else:
            try:
                async with asyncio.timeout(delay_s):
                    await self._connection.gone()
            except TimeoutError:
                return
        self._stop_if_gone()

    @override
    def close_when_done(self) -> None:
        self._keeps_alive = False

    @override
    async def end(self, ending: Ending) -> None:
        if ending is Ending.STALL:
            await self._connection.gone()
        self._stop_if_gone()
        if ending is Ending.EOF:
            self._attempt.outcome = Outcome.CUT
            self._connection.close()
        elif ending is Ending.RESET:
            self._attempt.outcome = Outcome.RESET
            self._connection.close(reset=True)

    async def _send_piece(self, piece: memoryview) -> None:
        before = self._attempt.bytes_sent
        self._connection.write(piece)
        self._attempt.bytes_sent = before + len(piece) - self._connection.unsent_bytes
        self._journal.changed()
        await self._connection.writable()
        self._stop_if_gone()
        self._attempt.bytes_sent = before + len(piece)

    def _stop_if_gone(self) -> None:
        if self._connection.is_gone:
            raise ClientGoneError
