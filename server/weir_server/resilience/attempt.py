"""How does one attempt go, up to the first of its answer? Opened, waited for, and told of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from weir.v1.error_pb2 import ErrorReason
from weir_server.core.call import Call
from weir_server.core.errors import UpstreamStreamBroken, UpstreamTimeout
from weir_server.core.handler import Batch, Handler, Request
from weir_server.resilience.turns import Turn, Turns

_TIMED_OUT = ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT


class Attempt:
    """An attempt whose answer has begun; `end` closes it and gives its turn back."""

    __slots__ = ("_ended", "_turns", "batches", "call", "first", "opened", "turn")

    def __init__(
        self,
        turns: Turns,
        turn: Turn,
        call: Call,
        opened: AbstractAsyncContextManager[AsyncIterator[Batch]],
        batches: AsyncIterator[Batch],
        first: Batch,
    ) -> None:
        self._turns = turns
        self.turn = turn
        self.call = call
        self.opened = opened
        self.batches = batches
        self.first = first
        """The first batch; until someone has it, nothing of the answer was given."""
        self._ended = False

    async def end(self, error: BaseException | None) -> None:
        """Close what the attempt holds upstream; `error` is what ended it, None a whole answer.

        Only the first time counts: what was cut and gone on with has ended already.
        """
        if self._ended:
            return
        self._ended = True
        kind = None if error is None else type(error)
        try:
            await self.opened.__aexit__(kind, error, None)
        finally:
            self._turns.give_back(self.turn, error, streaming=self.call.streaming)


async def begin(
    handler: Handler,
    turns: Turns,
    turn: Turn,
    call: Call,
    request: Request,
    *,
    first_within_s: float | None,
) -> Attempt:
    """Ask the turn's target and wait for the first batch of its answer.

    call: aimed at that target. first_within_s: how long that may take; None: as the call has.
    Raises the attempt's WeirError, UpstreamTimeout for silence; the turn is then given back.
    """
    try:
        opened = handler.open(call, request)
        if first_within_s is None:
            batches, first = await _first(opened)
        else:
            batches, first = await _first_within(opened, call, turn, first_within_s)
    except BaseException as error:
        turns.give_back(turn, error, streaming=call.streaming)
        raise
    turns.answered(turn, streaming=call.streaming)
    return Attempt(turns, turn, call, opened, batches, first)


async def _first_within(
    opened: AbstractAsyncContextManager[AsyncIterator[Batch]],
    call: Call,
    turn: Turn,
    limit_s: float,
) -> tuple[AsyncIterator[Batch], Batch]:
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            return await _first(opened)
    except TimeoutError as late:
        if not limit.expired():
            raise
        _blame(call, turn)
        raise UpstreamTimeout(
            metadata={"provider": turn.target.provider}, usage=call.progress.usage
        ) from late


def _blame(call: Call, turn: Turn) -> None:
    """Say in the list of attempts what its cancellation meant: the provider could not know."""
    target = turn.target
    for attempt in reversed(call.progress.attempts):
        if attempt.provider == target.provider and attempt.model == target.vendor_model:
            attempt.reason = _TIMED_OUT
            return


async def _first(
    opened: AbstractAsyncContextManager[AsyncIterator[Batch]],
) -> tuple[AsyncIterator[Batch], Batch]:
    batches = await opened.__aenter__()
    try:
        try:
            return batches, await batches.__anext__()
        except StopAsyncIteration as empty:
            raise UpstreamStreamBroken(metadata={"cause": "cut"}) from empty
    except BaseException as error:
        await opened.__aexit__(type(error), error, None)
        raise
