"""How does one request go over one pooled connection, and its answer come back?

aiohttp's pool, resolver, TLS and response parser are used; its session, which would spend more on
a request than all of those, is not. Nothing of that lower level is promised to stay: all contact
with it is in this module, and a test compares what is used here with what is installed, so that
an upgrade cannot break it silently.
"""

import functools
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from typing_extensions import override
from yarl import URL

ONE_WRITE_BYTES = 64 * 1024
"""A request up to this size is one write; of a larger one as much again follows whenever the
connection has taken what came before."""
ConnectionLost = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
"""What a connection that ends before the answer's headers raises."""
NotHttp = HttpProcessingError
"""What an answer that cannot be parsed raises."""
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """What an answer's head may hold, and how much of its body is read ahead."""

    field_bytes: int
    fields: int
    read_ahead_bytes: int


class WireProtocol(ResponseHandler):
    """A connection that knows whether anything came, and asks for more when it can send."""

    heard = False
    """Whether any byte came since the last answer's end."""
    on_writable: Callable[[], None] | None = None
    """Called when the connection has taken what it was given; None: everything was given."""

    @override
    def data_received(self, data: bytes) -> None:
        if data:  # aiohttp calls it with nothing when it goes on parsing
            self.heard = True
        super().data_received(data)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()


class Origin:
    """Where an endpoint's connections lead, in the form in which the pool knows it."""

    __slots__ = ("key", "request")

    def __init__(self, url: str) -> None:
        """Make it inside the event loop."""
        self.request = aiohttp.ClientRequest("POST", URL(url, encoded=True))
        self.key: ConnectionKey = self.request.connection_key


class WireConnector(aiohttp.TCPConnector):
    """A pool that tells connections used before from new ones."""

    def __init__(
        self,
        *,
        resolver: AbstractResolver,
        tls: ssl.SSLContext,
        socket_factory: Callable[[AddrInfoType], socket.socket],
        keepalive_s: float,
        limits: AnswerLimits,
    ) -> None:
        super().__init__(
            resolver=resolver,
            use_dns_cache=False,  # the resolver keeps answers, so that each use is judged
            ssl=tls,
            limit=0,
            keepalive_timeout=keepalive_s,
            socket_factory=socket_factory,
        )
        self._factory = cast(
            "functools.partial[ResponseHandler]", functools.partial(WireProtocol, loop=self._loop)
        )
        self._limits = limits

    async def pooled(self, origin: Origin) -> "Turn | None":
        """Take a connection that was used before; None: there is none."""
        while (connection := await super()._get(origin.key, [])) is not None:
            protocol = connection.protocol
            assert isinstance(protocol, WireProtocol)
            if not protocol.heard and not protocol.should_close:
                return Turn(connection, protocol, self._limits)
            # What came while nobody had asked must not pass for the next request's answer.
            connection.close()
        return None

    async def dial(self, origin: Origin) -> "Turn":
        """Make a new connection. Raises aiohttp.ClientError or OSError."""
        connection = await self.connect(origin.request, traces=[], timeout=_NO_TIMEOUT)
        protocol = connection.protocol
        assert isinstance(protocol, WireProtocol)
        return Turn(connection, protocol, self._limits)

    @override
    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        return None  # so `connect` always dials


class Turn:
    """One request and its answer on one connection. Whoever has one must end or close it."""

    __slots__ = (
        "_connection",
        "_limits",
        "_protocol",
        "_unsent",
        "closed",
        "content",
        "headers",
        "status",
    )

    status: int
    headers: Mapping[str, str]

    def __init__(
        self, connection: Connection, protocol: WireProtocol, limits: AnswerLimits
    ) -> None:
        self.closed = False
        """Whether the connection has been given back or cut."""
        self.content: aiohttp.StreamReader = aiohttp.EMPTY_PAYLOAD
        self._connection = connection
        self._protocol = protocol
        self._limits = limits
        self._unsent = memoryview(b"")

    @property
    def heard(self) -> bool:
        """Whether any byte of an answer came."""
        return self._protocol.heard

    def send(self, head: bytes, body: bytes) -> None:
        """Send a request; a large one goes on while the answer is waited for and read.

        Raises aiohttp.ClientError where the connection has gone.
        """
        protocol, limits = self._protocol, self._limits
        protocol.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=limits.read_ahead_bytes,
            max_line_size=limits.field_bytes,
            max_field_size=limits.field_bytes,
            max_headers=limits.fields,
        )
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ServerDisconnectedError
        if len(body) <= ONE_WRITE_BYTES:
            transport.write(head + body)
            return
        transport.write(head)
        self._unsent = memoryview(body)
        protocol.on_writable = self._send_more
        self._send_more()

    async def begin(self) -> None:
        """Wait for the answer's status and headers, passing over interim answers.

        Raises ConnectionLost or NotHttp.
        """
        protocol = self._protocol
        while True:
            message, content = await protocol.read()
            status = message.code
            if status >= 200 or status == 101:
                break
        self.status = status
        self.headers = message.headers
        self.content = content
        content.on_eof(self._end)

    def close(self) -> None:
        """Cut the connection at once, whatever is unsent or unread; reading fails from now on.

        Closing politely would first send the rest of the request, and TLS would wait for the other
        side: an upstream that hangs would keep working for a caller who has left.
        """
        if self.closed:
            return
        if self.content.exception() is None:
            # Otherwise a body without a length would seem to have ended.
            self.content.set_exception(aiohttp.ClientConnectionError("The connection was cut."))
        self._cut()

    def _end(self) -> None:
        """Give the connection back at the end of the body, if it can serve again."""
        if self.closed:
            return
        if self._protocol.on_writable is not None:
            self._cut()  # the answer did not wait for the rest of the request
            return
        self.closed = True
        self._protocol.heard = False
        self._connection.release()

    def _cut(self) -> None:
        self.closed = True
        self._protocol.on_writable = None
        transport = self._protocol.transport
        if transport is not None:
            transport.abort()
        self._connection.close()

    def _send_more(self) -> None:
        protocol = self._protocol
        transport = protocol.transport
        while self._unsent and not protocol.writing_paused:
            if transport is None or transport.is_closing():
                return
            transport.write(self._unsent[:ONE_WRITE_BYTES])
            self._unsent = self._unsent[ONE_WRITE_BYTES:]
        if not self._unsent:
            protocol.on_writable = None
