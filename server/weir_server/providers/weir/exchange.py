"""How does one call to the far Weir go? Begun, read one message at a time, and closed at once."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import grpc
import grpc.aio

from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import (
    DeadlineTooShort,
    UpstreamConnectFailed,
    UpstreamSilent,
    UpstreamStreamBroken,
    WeirError,
)
from weir_server.providers.http.connect import AddressRefused
from weir_server.providers.http.watchdog import HttpLimits, Overrun, Watchdog
from weir_server.providers.weir.asking import Ask, pairs_of
from weir_server.providers.weir.failures import FarFailure, of_status, to_error
from weir_server.providers.weir.link import Connection, FarCall, Link

_NO_LIMITS = HttpLimits()
STATUS_S = 0.25
"""How long the status may take that follows an answer's own end."""
_CONNECTING = Phase.PHASE_CONNECTING
_WAITING = Phase.PHASE_WAITING_FIRST_TOKEN
_LATE: int = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
_CANCELLED: int = grpc.StatusCode.CANCELLED.value[0]


class FarExchange:
    """One RPC and its messages, as an async context manager around the reading of them.

    Entering connects and sends; leaving cancels what has not ended, so that the far Weir closes its
    own upstream. Both raise WeirError, as does reading.
    """

    __slots__ = (
        "_ask",
        "_call",
        "_clock",
        "_connection",
        "_fixed",
        "_limits",
        "_link",
        "_rpc",
        "_timeout_s",
        "_watchdog",
        "answered",
        "ends_at_deadline",
        "failed",
    )

    _connection: Connection
    _rpc: FarCall
    _watchdog: Watchdog

    def __init__(
        self,
        link: Link,
        clock: Clock,
        ask: Ask,
        *,
        call: Call,
        fixed: Sequence[tuple[str, str]],
        attempt_timeout_s: float | None,
        limits: HttpLimits | None,
    ) -> None:
        """`limits`: how long it may bring no message, as `idle_s`; None: as long as it has.

        fixed: metadata of every call. Raises DeadlineTooShort when there is no time for it.
        """
        remaining_s = call.deadline.remaining_s(clock.monotonic_s())
        if remaining_s < ATTEMPT_MIN_S:
            left_ms = max(0, int(remaining_s * 1000))
            raise DeadlineTooShort(metadata={"remainingMs": str(left_ms)})
        self.ends_at_deadline = attempt_timeout_s is None or remaining_s <= attempt_timeout_s
        self._timeout_s = remaining_s if self.ends_at_deadline else attempt_timeout_s or 0.0
        self._link = link
        self._clock = clock
        self._ask = ask
        self._call = call
        self._fixed = fixed
        self._limits = limits
        self.answered = False
        """Whether a part of an answer has begun; the reader sets it."""
        self.failed: FarFailure | None = None
        """How the call failed, once it has."""

    async def __aenter__(self) -> Self:
        progress = self._call.progress
        begun_s = self._clock.monotonic_s()
        progress.phase = _CONNECTING
        connection = self._link.now
        if connection is None:
            connection = await self._connect()
        else:
            connection.enter()
        self._connection = connection
        waited_s = self._clock.monotonic_s() - begun_s
        timeout_s = max(self._timeout_s - waited_s, 0.001)
        try:
            self._rpc = connection.begin(
                self._ask.method,
                self._ask.message,
                timeout_s=timeout_s,
                metadata=pairs_of(self._call, self._fixed),
            )
        except grpc.aio.UsageError as closed:  # this server stops
            await connection.leave()
            raise UpstreamConnectFailed(metadata={"cause": "closed"}) from closed
        self._watchdog = Watchdog(self._limits or _NO_LIMITS, timeout_s=timeout_s)
        self._watchdog.answered(self._cut)
        progress.phase = _WAITING
        progress.sent()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.stop()
        self._rpc.cancel()
        await self._connection.leave()

    async def read(self) -> bytes | None:
        """Return the next message; None: the call has ended well. Raises WeirError.

        One message at a time: what is not read stays with the far Weir.
        """
        watchdog = self._watchdog
        if self._limits is not None:
            watchdog.reading_since_s = asyncio.get_running_loop().time()
        try:
            message = await self._rpc.read()
        except grpc.aio.AioRpcError as error:
            trailers = error.trailing_metadata() or ()
            raise self.fail(
                of_status(error.code().value[0], error.details() or "", tuple(trailers))
            ) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Only the far call was cancelled: by its watchdog, or with the channel.
            raise self._cut_short(watchdog.overrun) from None
        watchdog.reading_since_s = None
        return message if isinstance(message, bytes) else None

    async def read_reply(self) -> bytes:
        """Return the one message of a unary call, which counts only with a good status."""
        reply = await self.read()
        if reply is None or await self.read() is not None:
            raise UpstreamStreamBroken(metadata={"cause": "cut"})
        return reply

    async def read_status(self) -> None:
        """Wait a moment for the status that follows an answer's end, so that leaving cancels
        nothing. The end has said all: a status that comes late or denies it changes nothing.
        """
        try:
            async with asyncio.timeout(STATUS_S):
                await self.read()
        except (TimeoutError, WeirError):
            return

    def fail(self, far: FarFailure) -> WeirError:
        """Note how the call failed; return the error that it is."""
        self.failed = far
        return to_error(far, answered=self.answered, ends_at_deadline=self.ends_at_deadline)

    async def _connect(self) -> Connection:
        limit_s = min(self._link.limits.connect_s, self._timeout_s)
        entered: Connection | None = None
        try:
            async with asyncio.timeout(limit_s):
                connection = await self._link.connection()
                connection.enter()
                entered = connection
                await connection.ready()
                entered = None
        except TimeoutError:
            if limit_s >= self._timeout_s:
                raise self.fail(FarFailure(code=_LATE)) from None
            raise UpstreamConnectFailed(metadata={"cause": "timeout"}) from None
        except AddressRefused as error:
            raise UpstreamConnectFailed(metadata={"cause": "guard"}) from error
        except OSError as error:
            raise UpstreamConnectFailed(metadata={"cause": "dns"}) from error
        finally:
            if entered is not None:
                await entered.leave()
        return connection

    def _cut(self) -> None:
        self._rpc.cancel()

    def _cut_short(self, limit: Overrun | None) -> WeirError:
        if limit is None:
            return self.fail(FarFailure(code=_CANCELLED))
        if limit is Overrun.END:
            return self.fail(FarFailure(code=_LATE))
        if self.answered:
            return UpstreamStreamBroken(metadata={"cause": "stalled"})
        return UpstreamSilent()
