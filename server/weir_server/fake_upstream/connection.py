"""How are the requests on one socket answered, one after the other, and entered in the journal?"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from typing_extensions import override

from weir_server.fake_upstream.exchange import ClientGoneError, Ending, Exchange
from weir_server.fake_upstream.http1 import MalformedRequestError, RequestHead
from weir_server.fake_upstream.journal import Attempt, ConnectionRecord, Journal, Outcome
from weir_server.fake_upstream.link import Link
from weir_server.fake_upstream.sending import encode_head

# A big piece goes out in writes of this size, so that `bytes_sent` follows a slow reader.
_WRITE_BYTES = 64 * 1024


class Connection:
    """Serves one link: reads requests, gives each to `answer`, keeps the journal."""

    def __init__(
        self,
        link: Link,
        *,
        journal: Journal,
        answer: Callable[["LiveExchange"], Awaitable[None]],
        on_crash: Callable[[Exception], None],
    ) -> None:
        self.link = link
        self._journal = journal
        self._answer = answer
        self._on_crash = on_crash
        self._latest: Attempt | None = None
        self._record = ConnectionRecord(
            number=journal.next_connection_number,
            opened_at=time.monotonic(),
            client_port=link.client_port,
        )
        journal.add_connection(self._record)

    async def serve(self) -> None:
        """Answer requests until one side closes."""
        try:
            while await self._serve_one():
                pass
        except ClientGoneError:
            pass  # between two requests a client may leave as it likes
        finally:
            self.link.close()

    def link_changed(self) -> None:
        """Enter what has become of the socket."""
        self._record.client_closed_at = self.link.client_closed_at
        if self._latest is not None:
            self._latest.client_closed_at = self.link.client_closed_at
            self._latest.write_blocked_at = self.link.write_blocked_at
        self._journal.changed()

    async def _serve_one(self) -> bool:
        """Serve one request; returns whether another may follow."""
        try:
            head = await self.link.read(self.link.reader.next_head)
        except MalformedRequestError as error:
            self._refuse(error)
            return False
        attempt = self._enter(head)
        exchange = LiveExchange(link=self.link, head=head, attempt=attempt, journal=self._journal)
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
            self.link.close(reset=True)
        else:
            if attempt.outcome is Outcome.RUNNING:
                attempt.outcome = Outcome.COMPLETED
        finally:
            self._journal.finished(attempt)
        return attempt.outcome is Outcome.COMPLETED and exchange.keeps_alive

    def _enter(self, head: RequestHead) -> Attempt:
        attempt = Attempt(
            number=self._journal.next_number,
            connection=self._record,
            method=head.method,
            target=head.target,
            headers=head.headers,
            started_at=self.link.first_byte_at or time.monotonic(),
            client_closed_at=self.link.client_closed_at,
        )
        self._latest = attempt
        self._journal.add(attempt)
        return attempt

    def _refuse(self, error: MalformedRequestError) -> None:
        headers = (("content-length", "0"), ("connection", "close"))
        self.link.write(encode_head(error.status, headers))
        self.link.close()


class LiveExchange(Exchange):
    """The exchange over a real socket."""

    def __init__(
        self, *, link: Link, head: RequestHead, attempt: Attempt, journal: Journal
    ) -> None:
        self._link = link
        self._head = head
        self._attempt = attempt
        self._journal = journal
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
        if self._head.expects_continue:
            self._link.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._journal.body_arrived(
            self._attempt, await self._link.read(self._link.reader.next_body)
        )
        self._link.request_read()

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
                    await self._link.gone()
            except TimeoutError:
                return
        self._stop_if_gone()

    @override
    def close_when_done(self) -> None:
        self._keeps_alive = False

    @override
    async def end(self, ending: Ending) -> None:
        if ending is Ending.STALL:
            await self._link.gone()
        self._stop_if_gone()
        if ending is Ending.EOF:
            self._attempt.outcome = Outcome.CUT
            self._link.close()
        elif ending is Ending.RESET:
            self._attempt.outcome = Outcome.RESET
            self._link.close(reset=True)

    async def _send_piece(self, piece: memoryview) -> None:
        before = self._attempt.bytes_sent
        self._link.write(piece)
        self._attempt.bytes_sent = before + len(piece) - self._link.unsent_bytes
        self._journal.changed()
        await self._link.writable()
        self._stop_if_gone()
        self._attempt.bytes_sent = before + len(piece)

    def _stop_if_gone(self) -> None:
        if self._link.is_gone:
            raise ClientGoneError
