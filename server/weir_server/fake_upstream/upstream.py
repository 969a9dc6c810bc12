"""How does a test get an upstream? A real HTTP/1.1 server on loopback, scripted per attempt.

async with FakeUpstream() as upstream:
    upstream.script(Reply(status=503), OpenAiService())   # fail once, then answer
    ...                                                   # talk to upstream.url
    assert upstream.journal[0].outcome is Outcome.COMPLETED
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from weir_server.fake_upstream.connection import Connection, LiveExchange
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.journal import Attempt, Journal
from weir_server.fake_upstream.link import Link
from weir_server.fake_upstream.memory import Memory
from weir_server.fake_upstream.openai_service import OpenAiService

Step = Behaviour | Callable[[Attempt], Behaviour]
"""A behaviour, or a function that picks one after looking at the request."""


def loopback(host: str) -> str:
    """Return the address of a host on this machine's loopback; raises ValueError for any other."""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if host == "localhost":
        return "127.0.0.1"
    if not is_loopback:
        raise ValueError(
            f"{host} is not on this machine's loopback; the fake upstream is a test tool that asks "
            "for no key, so it listens on 127.0.0.1, ::1 or localhost only"
        )
    return host


class FakeUpstream:
    """A server on a free port of 127.0.0.1 that answers as its script says.

    Without a script it is a plausible OpenAI. Closing it resets whatever is still open and raises
    what a behaviour or a picking function raised, so that a broken test cannot look green.

    `tls` serves HTTPS with that context. `send_buffer_bytes` shrinks the kernel's buffer, so that a
    client that stops reading is felt after few bytes. `journal` is one that forgets old rows, or
    tells of each attempt as it ends; `host` is an address of this machine's loopback.
    """

    def __init__(
        self,
        *steps: Step,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        send_buffer_bytes: int | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.journal = Journal() if journal is None else journal
        self._steps: tuple[Step, ...] = steps or (OpenAiService(),)
        self._taken = 0
        self._host = loopback(host)
        self._port = port
        self._tls = tls
        self._send_buffer_bytes = send_buffer_bytes
        self._reservation: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: dict[Link, Connection] = {}
        self._serving: dict[Link, asyncio.Task[None]] = {}
        self._crashes: list[Exception] = []

    async def __aenter__(self) -> Self:
        if self._port:
            self._check_free()
        # A second socket that is bound and never listens keeps the port ours while the listener
        # is away (`refusing_connections`).
        self._reservation = self._bound_socket(self._port)
        self._port = self._reservation.getsockname()[1]
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_listening()
        await self.drop_connections()
        if self._reservation is not None:
            self._reservation.close()
        if self._crashes and error is None:
            raise ExceptionGroup("behaviours of the fake upstream raised", self._crashes)

    @property
    def origin(self) -> str:
        """Scheme, host and port: `http://127.0.0.1:40123`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'http' if self._tls is None else 'https'}://{host}:{self._port}"

    @property
    def url(self) -> str:
        """The base URL an OpenAI client is given: the origin and `/v1`."""
        return f"{self.origin}/v1"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    def script(self, *steps: Step) -> None:
        """Answer the next attempts by these steps, one each; the last one answers all that follow.

        So `script(a)` always plays a, and `script(fail, fail, ok)` fails the first two. What
        behaviours remembered of earlier attempts is forgotten, and their time begins now.
        """
        if not steps:
            raise ValueError("a script needs at least one step")
        self._steps = steps
        self._taken = 0
        self.journal.memory = Memory()

    async def wait_for_attempts(self, count: int, *, timeout_s: float = 5.0) -> list[Attempt]:
        """Return the attempts as soon as there are at least `count` whose body has arrived."""
        await self.journal.wait_until(lambda: self.journal.arrived >= count, timeout_s=timeout_s)
        return list(self.journal)

    async def wait_finished(self, attempt: Attempt, *, timeout_s: float = 5.0) -> Attempt:
        """Return as soon as the attempt has ended, in whatever way."""
        await self.journal.wait_until(lambda: attempt.finished_at is not None, timeout_s=timeout_s)
        return attempt

    async def wait_closed(self, attempt: Attempt, *, timeout_s: float = 5.0) -> float:
        """Return the monotonic time at which the client closed its socket, once it has."""
        await self.journal.wait_until(
            lambda: attempt.client_closed_at is not None, timeout_s=timeout_s
        )
        assert attempt.client_closed_at is not None
        return attempt.client_closed_at

    async def wait_blocked(self, attempt: Attempt, *, timeout_s: float = 5.0) -> float:
        """Return since when the client has not been reading, once the kernel's buffers are full."""
        await self.journal.wait_until(
            lambda: attempt.write_blocked_at is not None, timeout_s=timeout_s
        )
        assert attempt.write_blocked_at is not None
        return attempt.write_blocked_at

    @property
    def open_connections(self) -> int:
        """Sockets that are open now, the idle ones included."""
        return len(self._connections)

    async def wait_idle(self, *, timeout_s: float = 5.0) -> None:
        """Return as soon as no socket is open."""
        await self.journal.wait_until(lambda: not self._connections, timeout_s=timeout_s)

    async def drop_connections(self) -> None:
        """Reset every open socket, as a crashing server does."""
        for link in list(self._connections):
            link.close(reset=True)
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the sockets are closed in the event loop's next turn

    @asynccontextmanager
    async def refusing_connections(self) -> AsyncIterator[None]:
        """Within the block new connections get ECONNREFUSED; open ones stay as they are."""
        self._stop_listening()
        try:
            yield
        finally:
            await self._listen()

    async def _listen(self) -> None:
        listener = self._bound_socket(self._port)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Link(on_open=self._serve, on_change=self._link_changed),
            sock=listener,
            ssl=self._tls,
            backlog=1024,
        )

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _check_free(self) -> None:
        # Our own sockets share the port, and would share it with another fake as well.
        with socket.socket(self._family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((self._host, self._port))

    @property
    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self._host else socket.AF_INET

    def _bound_socket(self, port: int) -> socket.socket:
        made = socket.socket(self._family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._send_buffer_bytes is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer_bytes)
        made.bind((self._host, port))
        return made

    def _serve(self, link: Link) -> None:
        connection = Connection(
            link, journal=self.journal, answer=self._answer, on_crash=self._crashes.append
        )
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._connections[link] = connection
        self._serving[link] = task
        task.add_done_callback(lambda task: self._served(link, task))

    def _served(self, link: Link, task: asyncio.Task[None]) -> None:
        del self._serving[link]
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._crashes.append(error)

    def _link_changed(self, link: Link) -> None:
        connection = self._connections[link]
        if link.is_gone:
            del self._connections[link]
        connection.link_changed()

    async def _answer(self, exchange: LiveExchange) -> None:
        step = self._steps[min(self._taken, len(self._steps) - 1)]
        self._taken += 1
        if not (isinstance(step, Behaviour) and step.answers_early):
            await exchange.read_body()
        behaviour = step if isinstance(step, Behaviour) else step(exchange.attempt)
        await behaviour.play(exchange)
