"""May this call be paid for? The stage that reserves what a call may cost, and books what it did.

The order is the promise: the hold is durable before a provider is asked, and the entry is durable
before the last message is handed on, so that no caller has a whole answer that nobody booked. On
every other way out the entry is posted at once and not waited for; should Weir die before it is
written, the hold is still there, and its lease ends.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from typing_extensions import override

from weir.v1.generation_pb2 import FinishReason, GenerationEvent
from weir.v1.usage_pb2 import TokenUsage
from weir_server.admission.booking import entry_of, reason_of
from weir_server.admission.planning import Plan, Planner
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import WeirError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.ledger import Hold, Ledger

LOOK_AGAIN_CHARS = 1_024
"""How much a stream under a hard budget may say before its cost is looked at again."""


class MoneyStage(Handler):
    """Reserves, extends and settles. Raises BudgetExceeded, PriceUnknown, LedgerUnavailable."""

    def __init__(
        self,
        next_stage: Handler,
        *,
        ledger: Ledger,
        planner: Planner,
        clock: Clock,
    ) -> None:
        self._next = next_stage
        self.ledger = ledger
        self.planner = planner
        self.clock = clock

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the call once what it may cost is reserved."""
        return _Booked(self, call, request)

    def go_on(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the next stage."""
        return self._next.open(call, request)


class _Booked(AbstractAsyncContextManager[AsyncIterator[Batch]]):
    """One call with its hold: entered, it is reserved; left, it is booked."""

    __slots__ = ("_call", "_inner", "_request", "_stage", "first_part_s", "hold", "settled")

    _inner: AbstractAsyncContextManager[AsyncIterator[Batch]]
    hold: Hold

    def __init__(self, stage: MoneyStage, call: Call, request: Request) -> None:
        self._stage = stage
        self._call = call
        self._request = request
        self.first_part_s: float | None = None
        self.settled = False

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        stage, call = self._stage, self._call
        plan = stage.planner.plan(call, self._request)
        self.hold = plan.hold
        held = stage.ledger.hold(plan.hold)
        try:
            await held
        except WeirError:
            raise  # refused: there is nothing to book
        except BaseException as error:
            # Interrupted, and the hold may be on its way: it is freed after it.
            self._book_end(error)
            raise
        try:
            self._inner = stage.go_on(call, plan.request)
            batches = await self._inner.__aenter__()
        except BaseException as error:
            self._book_end(error)
            raise
        return _Batches(self, stage, call, plan, batches)

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._inner.__aexit__(kind, error, trace)
        except BaseException as later:
            self._book_end(later)
            raise
        finally:
            self._book_end(error)

    async def settle(self, usage: TokenUsage, finish_reason: FinishReason.ValueType) -> None:
        """Book a whole answer, and wait until that is durable."""
        stage = self._stage
        entry = entry_of(
            self._call,
            self.hold,
            usage=usage,
            now_s=stage.clock.monotonic_s(),
            first_part_s=self.first_part_s,
            finish_reason=finish_reason,
        )
        booked = stage.ledger.settle(entry)
        self.settled = True
        await booked

    def _book_end(self, error: BaseException | None) -> None:
        """Book a call that ended without a whole answer, without waiting; once."""
        if self.settled:
            return
        self.settled = True
        stage, call = self._stage, self._call
        now_s = stage.clock.monotonic_s()
        usage = error.usage if isinstance(error, WeirError) else None
        stage.ledger.settle(
            entry_of(
                call,
                self.hold,
                usage=usage or call.progress.usage,
                now_s=now_s,
                first_part_s=self.first_part_s,
                reason=reason_of(call, error, now_s),
            )
        )


class _Batches(AsyncIterator[Batch]):
    """The next stage's batches: the last one is booked before it is handed on."""

    __slots__ = ("_booked", "_call", "_held_nanos", "_next", "_plan", "_said_chars", "_stage")

    def __init__(
        self,
        booked: _Booked,
        stage: MoneyStage,
        call: Call,
        plan: Plan,
        batches: AsyncIterator[Batch],
    ) -> None:
        self._booked = booked
        self._stage = stage
        self._call = call
        self._plan = plan
        self._next = batches.__anext__
        self._held_nanos = plan.hold.amount_nanos
        self._said_chars = 0

    @override
    async def __anext__(self) -> Batch:
        batch = await self._next()
        booked = self._booked
        if not isinstance(batch, list):
            await booked.settle(batch.usage, FinishReason.FINISH_REASON_STOP)
            return batch
        if booked.first_part_s is None:
            booked.first_part_s = self._stage.clock.monotonic_s()
        last = batch[-1]
        if last.HasField("end"):
            await booked.settle(last.end.usage, last.end.finish_reason)
        elif self._plan.grows:
            await self._keep_held(batch)
        return batch

    async def _keep_held(self, batch: list[GenerationEvent]) -> None:
        """Reserve more before the answer goes past what is reserved. Raises BudgetExceeded."""
        for event in batch:
            delta = event.part_delta
            self._said_chars += len(delta.text) + len(delta.arguments_json)
        usage_now = self._call.progress.usage_now
        if self._said_chars < LOOK_AGAIN_CHARS or usage_now is None:
            return
        self._said_chars = 0
        more_nanos = self._stage.planner.more_nanos(self._plan, usage_now(), self._held_nanos)
        if more_nanos > 0:
            await self._stage.ledger.extend(self._plan.hold, more_nanos)
            self._held_nanos += more_nanos
