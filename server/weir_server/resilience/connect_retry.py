"""What if a provider cannot be reached? Nothing was sent, so it is safe to try again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from random import Random

from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import UpstreamConnectFailed
from weir_server.core.handler import Batch, Handler, Request

RETRYABLE_CAUSES = frozenset({"dns", "refused", "timeout"})
"""A certificate or an address that is refused will be refused again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait between attempts: full jitter over an exponentially growing span."""

    base_s: float = 0.25
    cap_s: float = 8.0

    def delay_s(self, retry: int, rng: Random) -> float:
        """Return the wait before retry number `retry`, counted from 0."""
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2.0**retry))


class ConnectRetryStage(Handler):
    """Asks the first target, again while it cannot be reached and time and attempts are left."""

    def __init__(self, next_stage: Handler, *, clock: Clock, rng: Random, backoff: Backoff) -> None:
        self._next = next_stage
        self._clock = clock
        self._rng = rng
        self._backoff = backoff

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        """Open the call at its target. Raises the last attempt's error."""
        if len(call.targets) > 1:
            call = replace(call, targets=call.targets[:1])
        async with AsyncExitStack() as attempt:
            yield await self._reach(attempt, call, request)

    async def _reach(
        self, attempt: AsyncExitStack, call: Call, request: Request
    ) -> AsyncIterator[Batch]:
        retry = 0
        while True:
            try:
                return await attempt.enter_async_context(self._next.open(call, request))
            except UpstreamConnectFailed as failure:
                if retry >= call.target.max_retries:
                    raise
                if failure.metadata.get("cause") not in RETRYABLE_CAUSES:
                    raise
                delay_s = self._backoff.delay_s(retry, self._rng)
                remaining_s = call.deadline.remaining_s(self._clock.monotonic_s())
                if remaining_s < delay_s + ATTEMPT_MIN_S:
                    raise
            call.progress.phase = Phase.PHASE_RETRYING
            await asyncio.sleep(delay_s)
            retry += 1
