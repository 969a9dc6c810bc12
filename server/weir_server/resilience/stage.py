"""What if a provider is slow or down? The stage that asks again, elsewhere, or not at all."""

from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import AbstractAsyncContextManager
from random import Random
from types import TracebackType
from typing import Any

from typing_extensions import override

from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import WeirError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.route import Refusal
from weir_server.core.usage import summed
from weir_server.resilience.attempt import Attempt, begin
from weir_server.resilience.backoff import Backoff
from weir_server.resilience.continuation import Continuation, may_continue
from weir_server.resilience.hedging import race
from weir_server.resilience.tries import Tries
from weir_server.resilience.turns import Turn, Turns
from weir_server.resilience.verdicts import Verdict

_FIRST = AttemptKind.ATTEMPT_KIND_FIRST
_CONTENT_FILTER = FinishReason.FINISH_REASON_CONTENT_FILTER
_WITHHELD = Verdict(refusal=Refusal.CONTENT_FILTER)


class ResilienceStage(Handler):
    """Gives each call the attempts that make sense, and each caller one answer.

    An attempt has answered with its first batch: before it, a failure may go to another target or
    be repeated; from then on the answer is the caller's, and only a continuation that the caller
    asked for can mend it.
    """

    def __init__(
        self,
        next_stage: Handler,
        turns: Turns,
        *,
        clock: Clock,
        rng: Random,
        backoff: Backoff,
        first_token_timeout_s: float,
    ) -> None:
        self._next = next_stage
        self._turns = turns
        self._clock = clock
        self._rng = rng
        self._backoff = backoff
        self._first_token_timeout_s = first_token_timeout_s

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Answer the call. Raises the last attempt's error, CircuitOpen or GatewayOverloaded."""
        return Answer(self, call, request)

    async def first_attempt(self, call: Call, request: Request) -> tuple[Attempt, Tries | None]:
        """Return the first attempt that answers, and those before it if there were any."""
        turn = self._turns.take(call, call.targets[0])
        if turn is None:
            turn = await self._turns.wait(call, call.targets)
        state = turn.state
        state.provider.retries.first_attempt()
        state.provider.hedges.call()
        hedged = call.policy.hedge and len(call.targets) > 1
        tries = self.tries(call) if hedged else None
        try:
            if tries is not None:
                return await race(self, call, request, turn, tries), tries
            return await self.ask(call, request, turn, tries), None
        except WeirError as failure:
            if tries is None:
                tries = self.tries(call)
            return await self.further_attempt(call, request, tries, turn, failure), tries

    async def further_attempt(
        self, call: Call, request: Request, tries: Tries, turn: Turn, failure: WeirError
    ) -> Attempt:
        """Return the next attempt that answers. Raises the last failure when none is left."""
        while True:
            turn = await tries.after(turn, failure)
            try:
                return await self.ask(call, request, turn, tries)
            except WeirError as again:
                failure = again

    def ask(
        self, call: Call, request: Request, turn: Turn, tries: Tries | None
    ) -> Coroutine[Any, Any, Attempt]:
        """Make one attempt, to be awaited."""
        target = turn.target
        kind = call.kind if turn.kind == _FIRST else turn.kind
        if kind != call.kind or len(call.targets) > 1 or target is not call.targets[0]:
            aimed = call.aimed_at((target,), kind=kind)
        else:
            aimed = call
        call.progress.route = target
        # Not awaited here: a frame less for each call to go through.
        return begin(
            self._next,
            self._turns,
            turn,
            aimed,
            request,
            first_within_s=self.patience_s(call, turn, tries) if call.streaming else None,
        )

    async def begin_aside(
        self,
        call: Call,
        aimed: Call,
        request: Request,
        turn: Turn,
        tries: Tries,
        *,
        beside: str = "",
    ) -> Attempt:
        """Make an attempt of `call` that is aimed already, for it differs from the call.

        beside: name of another target that is being asked.
        """
        limit_s = self.patience_s(call, turn, tries, beside=beside) if aimed.streaming else None
        return await begin(self._next, self._turns, turn, aimed, request, first_within_s=limit_s)

    def tries(self, call: Call) -> Tries:
        """Begin to count the attempts of a call."""
        return Tries(call, self._turns, clock=self._clock, rng=self._rng, backoff=self._backoff)

    @property
    def turns(self) -> Turns:
        """Where turns are taken."""
        return self._turns

    def patience_s(
        self, call: Call, turn: Turn, tries: Tries | None, *, beside: str = ""
    ) -> float | None:
        """Return how long a streaming attempt may be silent; None: as long as the call has.

        What remains of the call is shared with the targets that stand by (contract 2.4).
        """
        limit_s = self._limit_s(call)
        remaining_s = call.deadline.remaining_s(self._clock.monotonic_s())
        if len(call.targets) > 1:
            tries = tries or self.tries(call)
            others = min(tries.untried(turn.target.name, beside), tries.left - 1)
            if others > 0:
                limit_s = min(limit_s, remaining_s / (others + 1))
        return limit_s if limit_s < remaining_s else None

    def _limit_s(self, call: Call) -> float:
        asked_s = call.policy.first_token_timeout_s
        own_s = self._first_token_timeout_s
        return own_s if asked_s is None else min(asked_s, own_s)

    async def unless_withheld(
        self, call: Call, request: Request, attempt: Attempt, tries: Tries | None
    ) -> Attempt:
        """Return another target's answer where a safety system withheld a whole one.

        If no other answers either, what the first one said stands.
        """
        tries = tries or self.tries(call)
        tries.note(attempt.turn.target, _WITHHELD)
        turn = tries.elsewhere(attempt.turn.target, _WITHHELD) if tries.left > 0 else None
        if turn is None:
            return attempt
        try:
            other = await self.ask(call, request, turn, tries)
        except WeirError:
            call.progress.route = attempt.turn.target
            return attempt
        except BaseException as error:
            await attempt.end(error)
            raise
        await attempt.end(None)
        return other


class Answer(AbstractAsyncContextManager[AsyncIterator[Batch]], AsyncIterator[Batch]):
    """The answer of one call: the attempt that gave it, from its first batch on."""

    __slots__ = ("_attempt", "_call", "_first", "_next", "_request", "_stage", "spent")

    _attempt: Attempt

    def __init__(self, stage: ResilienceStage, call: Call, request: Request) -> None:
        self._stage = stage
        self._call = call
        self._request = request
        self._first: Batch | None = None
        self.spent: TokenUsage | None = None
        """What attempts used whose answers were cut and gone on with."""

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        call, request, stage = self._call, self._request, self._stage
        attempt, tries = await stage.first_attempt(call, request)
        policy = call.policy
        if Refusal.CONTENT_FILTER in policy.fallback_on and _is_withheld(attempt.first):
            attempt = await stage.unless_withheld(call, request, attempt, tries)
        self._attempt = attempt
        self._first = attempt.first
        self._next = attempt.batches.__anext__
        if policy.continue_on_break and may_continue(call, request):
            return Continuation(stage, call, request, self, tries)
        return self

    @override
    def __anext__(self) -> Awaitable[Batch]:
        first = self._first
        if first is None:
            return self._next()
        self._first = None
        return _given(first)

    def go_on_with(self, attempt: Attempt) -> None:
        """Take another attempt's batches from now on; the one before has ended."""
        self._attempt = attempt
        self._first = attempt.first
        self._next = attempt.batches.__anext__

    @property
    def attempt(self) -> Attempt:
        """The attempt that answers now."""
        return self._attempt

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        attempt = self._attempt
        try:
            await attempt.end(error)
        finally:
            progress = attempt.call.progress
            own = self._call.progress
            if progress is not own:
                own.usage, own.usage_now = progress.usage, None
            if (spent := self.spent) is not None:
                if isinstance(error, WeirError):
                    own.usage = error.usage = summed(spent, error.usage or own.usage)
                else:
                    own.usage = summed(spent, own.usage)


async def _given(batch: Batch) -> Batch:
    return batch


def _is_withheld(batch: Batch) -> bool:
    """Say whether an answer is whole and a safety system let nothing of it through."""
    return (
        isinstance(batch, list)
        and batch[-1].end.finish_reason == _CONTENT_FILTER
        and not any(event.HasField("part_start") for event in batch)
    )
