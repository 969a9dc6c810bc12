"""What if a provider cannot be reached? Nothing was sent, so it is safe to try again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from random import Random
from types import TracebackType

from typing_extensions import override

from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import UpstreamConnectFailed
from weir_server.core.handler import Batch, Handler, Request
from weir_server.resilience.backoff import Backoff

RETRYABLE_CAUSES = frozenset({"dns", "refused", "timeout", "stale"})
"""A certificate or an address that is refused will be refused again."""


class ConnectRetryStage(Handler):
    """Asks the first target, again while it cannot be reached and time and attempts are left."""

    def __init__(self, next_stage: Handler, *, clock: Clock, rng: Random, backoff: Backoff) -> None:
        self._next = next_stage
        self._clock = clock
        self._rng = rng
        self._backoff = backoff

    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the call at its first target. Raises the last attempt's error."""
        if len(call.targets) > 1:
            call = call.aimed_at(call.targets[:1])
        return _Attempts(self, call, request)

    async def reach(self, call: Call, request: Request) -> "_Reached":
        """Return the first attempt that reached the provider, and the batches it gives."""
        retry = 0
        while True:
            attempt = self._next.open(call, request)
            try:
                return attempt, await attempt.__aenter__()
            except UpstreamConnectFailed as failure:
                if retry >= call.target.max_retries:
                    raise
                cause = failure.metadata.get("cause")
                if cause not in RETRYABLE_CAUSES:
                    raise
                # The provider is there, it only closed a connection that had been idle.
                is_stale = cause == "stale" and retry == 0
                delay_s = 0.0 if is_stale else self._backoff.delay_s(retry, self._rng)
                remaining_s = call.deadline.remaining_s(self._clock.monotonic_s())
                if remaining_s < delay_s + ATTEMPT_MIN_S:
                    raise
            call.progress.phase = Phase.PHASE_RETRYING
            await asyncio.sleep(delay_s)
            retry += 1


_Reached = tuple[AbstractAsyncContextManager[AsyncIterator[Batch]], AsyncIterator[Batch]]


class _Attempts(AbstractAsyncContextManager[AsyncIterator[Batch]]):
    """The attempts of one call; once one has reached the provider, this is that one."""

    __slots__ = ("_call", "_reached", "_request", "_stage")

    _reached: AbstractAsyncContextManager[AsyncIterator[Batch]]

    def __init__(self, stage: ConnectRetryStage, call: Call, request: Request) -> None:
        self._stage = stage
        self._call = call
        self._request = request

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        self._reached, batches = await self._stage.reach(self._call, self._request)
        return batches

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._reached.__aexit__(kind, error, trace)
