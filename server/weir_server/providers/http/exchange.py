"""How does one request to a provider go? Sent, answered within limits, and closed at once."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp

from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Progress
from weir_server.core.errors import (
    UpstreamConnectFailed,
    UpstreamError,
    UpstreamProtocolError,
    WeirError,
)
from weir_server.providers.http import failures
from weir_server.providers.http.closing import Lingering
from weir_server.providers.http.connect import DIALLER, GuardedConnector
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.inflate import Inflater
from weir_server.providers.http.watchdog import HttpLimits, Watchdog
from weir_server.providers.http.wire_connection import ConnectionLost, NotHttp, Origin, Turn

PIECE_BYTES = 32 * 1024
"""What one read gives at most."""
STALE_S = 0.05
"""A connection used before that breaks so soon after a request, with no byte of an answer, was most
likely closed by the other side just then; later, the request may have been worked on."""
# Looking an enum's value up by name costs more than a microsecond.
_CONNECTING = Phase.PHASE_CONNECTING
_WAITING = Phase.PHASE_WAITING_FIRST_TOKEN
_YIELD_EVERY_BYTES = 512 * 1024


class UpstreamExchange:
    """One request and its answer, as an async context manager around the reading of it.

    Entering sends the request and waits for the answer's headers. Leaving closes the socket at
    once unless the answer was read to its end; then the connection is used again. Both raise
    WeirError, as does reading.
    """

    __slots__ = (
        "_body",
        "_connector",
        "_content",
        "_ends_at_deadline",
        "_head",
        "_idle_since_s",
        "_inflater",
        "_limits",
        "_lingering",
        "_loop",
        "_offset",
        "_origin",
        "_progress",
        "_quiet_reads",
        "_rest",
        "_streaming",
        "_timeout_s",
        "_turn",
        "_watchdog",
        "answered",
        "body_bytes",
        "endpoint",
    )

    _watchdog: Watchdog
    _turn: Turn
    _content: aiohttp.StreamReader

    def __init__(
        self,
        connector: GuardedConnector,
        limits: HttpLimits,
        lingering: Lingering,
        *,
        endpoint: Endpoint,
        origin: Origin,
        head: bytes,
        body: bytes,
        progress: Progress,
        timeout_s: float,
        ends_at_deadline: bool,
        streaming: bool,
    ) -> None:
        self.endpoint = endpoint
        self.answered = False
        """Whether the answer is complete though its body may not have ended; the reader sets it."""
        self.body_bytes = 0
        """What was read of the body, after decompression."""
        self._connector = connector
        self._limits = limits
        self._lingering = lingering
        self._origin = origin
        self._head = head
        self._body = body
        self._progress = progress
        self._timeout_s = timeout_s
        self._ends_at_deadline = ends_at_deadline
        self._streaming = streaming
        self._loop = asyncio.get_running_loop()
        self._idle_since_s = 0.0
        self._quiet_reads = 0
        self._rest = b""
        self._offset = 0
        self._inflater: Inflater | None = None

    async def __aenter__(self) -> Self:
        self._progress.phase = _CONNECTING
        self._watchdog = Watchdog(self._limits, timeout_s=self._timeout_s)
        try:
            self._turn = await self._send()
        except BaseException:
            self._watchdog.stop()
            raise
        self._content = self._turn.content
        self._watchdog.answered(self._cut)
        try:
            self._judge_headers()
        except WeirError:
            self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def status(self) -> int:
        """The answer's status."""
        return self._turn.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's header fields, names in lower case."""
        return {name.lower(): value for name, value in self._turn.headers.items()}

    @property
    def media_type(self) -> str:
        """The answer's media type in lower case without parameters; empty where it has none."""
        return self._turn.headers.get("content-type", "").partition(";")[0].strip().lower()

    def progressed(self) -> None:
        """Hear from the reader that the last read brought something."""
        self._quiet_reads = 0

    async def read(self) -> bytes:
        """Return what one read brings, at most PIECE_BYTES; nothing at the end of the body."""
        if self._inflater is not None:
            return self._counted(await self._read_inflated(self._inflater))
        if not self._rest:
            data = await self._receive()
            if len(data) <= PIECE_BYTES:
                return self._counted(data)
            self._rest = data
        piece = self._rest[self._offset : self._offset + PIECE_BYTES]
        self._offset += PIECE_BYTES
        if self._offset >= len(self._rest):
            self._rest, self._offset = b"", 0
        return self._counted(piece)

    async def read_bounded(self, max_bytes: int) -> bytes:
        """Return the beginning of the body: what comes of it, up to `max_bytes`.

        It is for the bodies of errors: one that is cut or too large still has a status.
        """
        pieces: list[bytes] = []
        left_bytes = max_bytes
        try:
            while left_bytes > 0 and (piece := await self.read()):
                pieces.append(piece[:left_bytes])
                left_bytes -= len(piece)
        except UpstreamError:
            return b"".join(pieces)
        return b"".join(pieces)

    async def _send(self) -> Turn:
        try:
            turn = await self._connector.pooled(self._origin)
            if turn is not None:
                sent_s = self._loop.time()
                try:
                    return await self._ask(turn)
                except ConnectionLost:
                    if turn.heard or self._loop.time() - sent_s > STALE_S:
                        raise
                # Whether it is sent again is for resilience to say: there is one retry layer.
                raise UpstreamConnectFailed(metadata={"cause": "stale"})
            return await self._ask(await self._dial())
        except asyncio.CancelledError:
            if not self._watchdog.cancelled_by_me():
                raise
            raise self._overrun() from None
        except NotHttp as error:
            # Not chained: it quotes what came, and who knows what that repeats.
            raise failures.before_headers(error) from None
        except (aiohttp.ClientError, OSError) as error:
            raise failures.before_headers(error) from error

    async def _dial(self) -> Turn:
        token = DIALLER.set(self)
        try:
            return await self._connector.dial(self._origin)
        finally:
            DIALLER.reset(token)

    async def _ask(self, turn: Turn) -> Turn:
        """Send the request and wait for the answer's headers."""
        self._progress.phase = _WAITING
        self._watchdog.connected(streaming=self._streaming)
        try:
            turn.send(self._head, self._body)
            self._progress.sent()
            await turn.begin()
        except BaseException:
            turn.close()
            raise
        return turn

    def _judge_headers(self) -> None:
        turn = self._turn
        if 300 <= turn.status < 400:
            raise UpstreamProtocolError(metadata={"cause": "redirect"})
        if turn.status < 200:  # 101: what follows is no HTTP
            raise UpstreamProtocolError(metadata={"cause": "malformed"})
        length = turn.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.max_body_bytes:
            raise UpstreamProtocolError(metadata={"cause": "too_large"})
        coding = turn.headers.get("content-encoding", "").strip().lower()
        if coding not in ("", "identity"):
            self._inflater = Inflater(coding)

    async def _receive(self) -> bytes:
        """Read once from the connection; nothing at the end of the body."""
        watchdog = self._watchdog
        if self._quiet_reads < self._limits.max_quiet_reads:
            self._idle_since_s = self._loop.time()
        self._quiet_reads += self._streaming
        watchdog.reading_since_s = self._idle_since_s
        try:
            data = await self._content.readany()
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            if watchdog.overrun is not None:
                raise self._overrun() from None
            raise failures.in_body(error) from error
        watchdog.reading_since_s = None
        return data

    async def _read_inflated(self, inflater: Inflater) -> bytes:
        while True:
            piece = inflater.take(PIECE_BYTES)
            if piece:
                if self.body_bytes % _YIELD_EVERY_BYTES < PIECE_BYTES:
                    await asyncio.sleep(0)  # a bomb must not hold the event loop
                return piece
            data = await self._receive()
            if not data:
                inflater.finish()
                return b""
            inflater.feed(data)

    def _counted(self, piece: bytes) -> bytes:
        self.body_bytes += len(piece)
        if self.body_bytes > self._limits.max_body_bytes:
            raise UpstreamProtocolError(metadata={"cause": "too_large"})
        return piece

    def _overrun(self) -> WeirError:
        assert self._watchdog.overrun is not None
        return failures.overrun(
            self._watchdog.overrun,
            ends_at_deadline=self._ends_at_deadline,
            body_begun=self.body_bytes > 0,
            phase=self._progress.phase,
        )

    def _cut(self) -> None:
        self._turn.close()

    def _close(self) -> None:
        self._watchdog.stop()
        if self._turn.closed:
            return  # read to its end, or cut
        if self.answered:
            self._lingering.add(self._turn, self._limits.linger_s)
        else:
            self._cut()
