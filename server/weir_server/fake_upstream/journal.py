"""What happened upstream, and when? The journal that the promises are proven from.

All times are seconds of the monotonic clock of this process, the one `time.monotonic` reads, so
that a test can subtract its own readings from them.
"""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, overload

from typing_extensions import override

from weir_server.fake_upstream.http1 import Headers
from weir_server.fake_upstream.memory import Memory


class Outcome(Enum):
    """How an attempt ended, as the upstream saw it."""

    RUNNING = "running"
    COMPLETED = "completed"
    """The whole answer was handed to the kernel."""
    CLIENT_CLOSED = "client_closed"
    """The client closed its socket before the answer was whole."""
    CUT = "cut"
    """The upstream closed the socket (FIN) in the middle, on purpose."""
    RESET = "reset"
    """The upstream reset the socket (RST), on purpose."""
    MALFORMED = "malformed"
    """The client broke HTTP and was told so."""
    SHUT_DOWN = "shut_down"
    """The fake was closed while the attempt ran."""
    CRASHED = "crashed"
    """The behaviour raised; the fake raises it again when it is closed."""


@dataclass(slots=True, kw_only=True, eq=False)
class ConnectionRecord:
    """One accepted socket."""

    number: int
    opened_at: float
    client_port: int
    client_closed_at: float | None = None
    """When the client's FIN or RST arrived; None while open, or if the upstream closed first."""


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """One request and what became of it. It is filled in while it runs."""

    number: int
    """1 for the first request that arrived, over all connections."""
    connection: ConnectionRecord
    method: str
    target: str
    """The request target as sent, query and all."""
    headers: Headers
    started_at: float
    """When the first byte of the request arrived."""
    body: bytes = b""
    body_complete_at: float | None = None
    first_byte_at: float | None = None
    """When the first byte of the answer was handed to the kernel."""
    finished_at: float | None = None
    client_closed_at: float | None = None
    """When the client closed the socket under this attempt, be it before, within or after the
    answer; None if another request followed on the same socket or the upstream closed it first.
    """
    write_blocked_at: float | None = None
    """Since when the client has not been reading (the kernel's buffers are full), else None."""
    status: int | None = None
    """The status code of the answer, once it is chosen."""
    bytes_sent: int = 0
    """What the kernel has taken of the answer, header and framing included."""
    outcome: Outcome = Outcome.RUNNING
    rule: str | None = None
    """The rule of a script that answered; None if none did."""
    _parsed: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target's query without the question mark, or an empty string."""
        return self.target.partition("?")[2]

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises ValueError if it is none."""
        if self._parsed is None:
            try:
                parsed = json.loads(self.body)
            except RecursionError as error:
                raise ValueError("the request body is nested too deep") from error
            if not isinstance(parsed, dict):
                raise ValueError("the request body is not a JSON object")
            self._parsed = parsed
        return self._parsed

    @property
    def bearer(self) -> str | None:
        """The credential in `Authorization: Bearer`, or None."""
        scheme, _, credential = self.headers.get("authorization", "").partition(" ")
        return credential if scheme.lower() == "bearer" else None

    @property
    def credential(self) -> str | None:
        """The key in whichever header vendors read it from, or None."""
        return self.bearer or self.headers.get("x-api-key") or self.headers.get("api-key")

    @property
    def model(self) -> str | None:
        """The model that the body names, or None."""
        model = self._field("model")
        return model if isinstance(model, str) else None

    @property
    def is_stream(self) -> bool:
        """Whether the body asks for a stream."""
        return self._field("stream") is True

    def _field(self, name: str) -> object:
        try:
            return self.json.get(name)
        except ValueError:
            return None


class Journal(Sequence[Attempt]):
    """Every attempt in order of arrival, with waits that end on the event itself.

    - `keep` is how many rows are kept, the latest; None keeps all. `clear` forgets them all.
    - `on_finished` is told of each attempt when it ends.
    - `memory` is what behaviours know of earlier attempts; neither `keep` nor `clear` touches it.
    """

    def __init__(
        self, *, keep: int | None = None, on_finished: Callable[[Attempt], None] | None = None
    ) -> None:
        self.memory = Memory()
        self._keep = keep
        self._on_finished = on_finished
        self._attempts: list[Attempt] = []
        self._connections: list[ConnectionRecord] = []
        self._entered = 0
        self._accepted = 0
        self._cleared_through = 0
        self._arrived = 0
        self._running: set[Attempt] = set()
        self._waiters: set[asyncio.Future[None]] = set()

    @overload
    def __getitem__(self, index: int) -> Attempt: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Attempt]: ...
    @override
    def __getitem__(self, index: int | slice) -> Attempt | Sequence[Attempt]:
        return self._attempts[index]

    @override
    def __len__(self) -> int:
        return len(self._attempts)

    @override
    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._attempts)

    @property
    def connections(self) -> Sequence[ConnectionRecord]:
        """Every socket that was accepted, in order."""
        return self._connections

    @property
    def running(self) -> Collection[Attempt]:
        """The attempts that have begun and not ended."""
        return self._running

    @property
    def arrived(self) -> int:
        """How many attempts have arrived whole, body and all, since the last `clear`."""
        return self._arrived

    @property
    def next_number(self) -> int:
        """The number of the attempt that arrives next; it goes on counting after a `clear`."""
        return self._entered + 1

    @property
    def next_connection_number(self) -> int:
        """The number of the socket that is accepted next."""
        return self._accepted + 1

    def clear(self) -> None:
        """Forget all rows; what still runs goes on, without a row here."""
        self._attempts.clear()
        self._connections.clear()
        self._arrived = 0
        self._cleared_through = self._entered
        self.changed()

    def add(self, attempt: Attempt) -> None:
        """Enter an attempt that has just begun."""
        self._entered += 1
        self._attempts.append(attempt)
        if self._keep is not None:
            del self._attempts[: -self._keep or None]
        self._running.add(attempt)
        self.changed()

    def body_arrived(self, attempt: Attempt, body: bytes) -> None:
        """Enter an attempt's body."""
        attempt.body = body
        attempt.body_complete_at = time.monotonic()
        if attempt.number > self._cleared_through:
            self._arrived += 1
        self.changed()

    def finished(self, attempt: Attempt) -> None:
        """Enter an attempt's end; its outcome is already told."""
        attempt.finished_at = time.monotonic()
        self._running.discard(attempt)
        if self._on_finished is not None:
            self._on_finished(attempt)
        self.changed()

    def add_connection(self, connection: ConnectionRecord) -> None:
        """Enter a socket that has just been accepted."""
        self._accepted += 1
        self._connections.append(connection)
        if self._keep is not None:
            del self._connections[: -self._keep or None]
        self.changed()

    def changed(self) -> None:
        """Wake the waiters to look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_until(self, promise: Callable[[], bool], *, timeout_s: float = 5.0) -> None:
        """Return as soon as `promise` holds; it is asked again on every change of the journal.

        Raises TimeoutError, with the journal in words, after `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not promise():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiters.discard(waiter)
        except TimeoutError:
            raise TimeoutError(f"not within {timeout_s} s; the journal: {self}") from None

    @override
    def __str__(self) -> str:
        rows = (
            f"#{a.number} {a.method} {a.target} {a.outcome.value} {a.bytes_sent} bytes sent"
            for a in self._attempts
        )
        return f"{len(self._connections)} connections; " + ("; ".join(rows) or "no attempts")
