"""Has Weir room for this call? The stage that turns calls away before they cost anything.

What is limited is calls *being started*: from their arrival here until a provider has been sent the
request. That is where Weir itself works; calls that wait for a vendor, or stream from one, only
count among all open calls. The least important are turned away first, and a call that gRPC has sent
again does not wait in line: within its class it is the first that finds no room.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from types import TracebackType

from typing_extensions import override

from weir_server.admission.files import FileWatch
from weir_server.admission.gradient import Gradient
from weir_server.admission.lag import LagWatch
from weir_server.admission.trouble import Trouble
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import GatewayOverloaded
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.priority import Priority
from weir_server.core.slots import NoSlot, Slots
from weir_server.settings.admission import AdmissionSettings

_INTERACTIVE = Priority.INTERACTIVE


class GateStage(Handler):
    """Lets calls through while there is room; else raises GatewayOverloaded with a time to wait.

    `cause` is `lag` or `files` for trouble of the process, `open_calls` for too many calls in all,
    `queue` for too many that wait to be started, `deadline` for one that waited in vain.
    """

    def __init__(
        self,
        next_stage: Handler,
        settings: AdmissionSettings,
        *,
        lag: LagWatch,
        files: FileWatch,
        clock: Clock,
        rng: Random,
    ) -> None:
        self.gradient = Gradient(minimum=settings.start_limit_min, maximum=settings.start_limit_max)
        self.starting = Slots(
            limit=lambda: self.gradient.limit,
            clock=clock,
            reserve_share=settings.reserve_share,
            queue_share=settings.queue_share,
        )
        """Calls being started."""
        self.open_calls = Slots(
            limit=lambda: settings.open_calls_max,
            clock=clock,
            reserve_share=settings.reserve_share,
        )
        """All calls that were let in."""
        self._next = next_stage
        self._clock = clock
        self._rng = rng
        self._retry_after_s = settings.retry_after_s
        self._lag = lag
        self._troubles: Sequence[Trouble] = (lag, files)

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the call once there is room for it. Raises GatewayOverloaded."""
        return _Admitted(self, call, request)

    def enter(self, call: Call) -> None:
        """Count the call among the open ones. Raises GatewayOverloaded, and then it is not."""
        now_s = self._clock.monotonic_s()
        for trouble in self._troubles:
            if trouble.is_on(now_s) and (
                call.priority < _INTERACTIVE or call.retried or trouble.lasts(now_s)
            ):
                raise self._refusal(trouble.cause)
        if not self.open_calls.try_acquire(call.priority):
            raise self._refusal("open_calls")

    async def wait(self, call: Call) -> None:
        """Wait for a place among the calls being started. Raises GatewayOverloaded."""
        if call.retried:
            raise self._refusal("queue")
        try:
            await self.starting.acquire(
                call.priority, until_s=call.deadline.work_until_s - ATTEMPT_MIN_S
            )
        except NoSlot as refusal:
            raise self._refusal("queue" if refusal.why == "full" else "deadline") from refusal

    def begin(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the call at the next stage."""
        return self._next.open(call, request)

    def learn(self, call: Call) -> None:
        """Note how long the call took from its arrival until its request was sent."""
        now_s = self._clock.monotonic_s()
        self.gradient.sample(
            now_s - call.arrived_s + self._lag.lag_s,
            in_flight=self.starting.in_flight,
            now_s=now_s,
        )

    def _refusal(self, cause: str) -> GatewayOverloaded:
        # Spread out, or all who were turned away would come back together.
        wait_s = self._retry_after_s * self._rng.uniform(0.5, 1.5)
        return GatewayOverloaded(metadata={"cause": cause}, retry_after_s=wait_s)


class _Admitted(AbstractAsyncContextManager[AsyncIterator[Batch]]):
    """One call with its places; the batches it gives are the next stage's own."""

    __slots__ = ("_call", "_inner", "_request", "_stage", "_starting")

    _inner: AbstractAsyncContextManager[AsyncIterator[Batch]]

    def __init__(self, stage: GateStage, call: Call, request: Request) -> None:
        self._stage = stage
        self._call = call
        self._request = request
        self._starting = False

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        stage, call = self._stage, self._call
        stage.enter(call)
        try:
            if not stage.starting.try_acquire(call.priority):
                await stage.wait(call)
            self._starting = True
            call.progress.on_sent = self._sent
            try:
                self._inner = stage.begin(call, self._request)
                return await self._inner.__aenter__()
            finally:
                call.progress.on_sent = None
                self._started()
        except BaseException:
            stage.open_calls.release()
            raise

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._inner.__aexit__(kind, error, trace)
        finally:
            self._stage.open_calls.release()

    def _sent(self) -> None:
        """Hear that a provider has been sent the request; the first of several attempts counts."""
        if self._starting:
            self._stage.learn(self._call)
            self._started()

    def _started(self) -> None:
        if self._starting:
            self._starting = False
            self._stage.starting.release()
