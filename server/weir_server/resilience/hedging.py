"""What if the first target is silent? A second one is asked beside it; the first answer wins."""

import asyncio
from typing import TYPE_CHECKING

from weir.v1.error_pb2 import AttemptKind
from weir_server.core.call import Call, Progress
from weir_server.core.errors import WeirError
from weir_server.core.handler import Request
from weir_server.resilience.attempt import Attempt
from weir_server.resilience.tries import Tries
from weir_server.resilience.turns import Turn, is_closed
from weir_server.resilience.verdicts import verdict_of

if TYPE_CHECKING:
    from weir_server.resilience.stage import ResilienceStage

_FIRST = AttemptKind.ATTEMPT_KIND_FIRST
_HEDGE = AttemptKind.ATTEMPT_KIND_HEDGE
_Outcome = Attempt | WeirError
_LOST = asyncio.CancelledError("another target answered first")


async def race(
    stage: "ResilienceStage", call: Call, request: Request, turn: Turn, tries: Tries
) -> Attempt:
    """Return the attempt that answers first: the turn's own, or a hedge begun after a while.

    The loser is closed before this returns. Raises the failure of the turn's own attempt where
    none answers. Whichever of the two does not go on is counted among the tries.
    """
    call.progress.route = turn.target
    racers: list[tuple[asyncio.Task[_Outcome], Turn]] = []
    try:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(_outcome(stage, call, request, turn, tries))
            racers.append((first, turn))
            await asyncio.wait({first}, timeout=_delay_s(stage, call, turn))
            if first.done() or (beside := _hedge(stage, call, turn, tries)) is None:
                outcome = await first
            else:
                second = group.create_task(
                    _outcome(stage, call, request, beside, tries, turn.target.name)
                )
                racers.append((second, beside))
                outcome = await _winner(first, second)
                for racer, its_turn in racers:
                    _count(stage, call, tries, racer, its_turn, outcome)
    except BaseException as error:
        # The group has seen both end. What needs no waiting first: this may be cancelled again.
        for racer, its_turn in racers:
            if racer.cancelled():
                stage.turns.give_back(its_turn, error, streaming=call.streaming)
        for racer, _ in racers:
            await _let_go(racer, error)
        if isinstance(error, BaseExceptionGroup):
            raise error.exceptions[0] from None  # a fault of Weir's own: it is told as itself
        raise
    if isinstance(outcome, WeirError):
        raise outcome
    _adopt(call, outcome)
    return outcome


def _count(
    stage: "ResilienceStage",
    call: Call,
    tries: Tries,
    racer: asyncio.Task[_Outcome],
    turn: Turn,
    outcome: _Outcome,
) -> None:
    """Count an attempt that is over among the tries, unless its outcome is the race's."""
    if racer.cancelled():
        # If it was let go before its first step, it has given nothing back itself.
        stage.turns.give_back(turn, _LOST, streaming=call.streaming)
        tries.let_go()
    elif (own := racer.result()) is not outcome:
        if isinstance(own, WeirError):
            tries.note(turn.target, verdict_of(own))
        else:
            tries.let_go()


async def _winner(first: asyncio.Task[_Outcome], second: asyncio.Task[_Outcome]) -> _Outcome:
    """Return the first that answers, having closed the other; else the first one's failure."""
    pending = {first, second}
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        # Where both have answered in the same moment, the one asked first wins.
        for task in sorted(done, key=lambda each: each is second):
            outcome = task.result()
            if isinstance(outcome, Attempt):
                other = second if task is first else first
                await _let_go(other, _LOST)
                return outcome
    return first.result()


async def _let_go(loser: asyncio.Task[_Outcome], why: BaseException) -> None:
    """Close an attempt that is not wanted, whether or not it has just answered."""
    if not loser.done():
        loser.cancel()
        await asyncio.wait({loser})
    if loser.cancelled() or loser.exception() is not None:
        return  # its group tells of the error
    if isinstance(late := loser.result(), Attempt):
        await late.end(why)


async def _outcome(
    stage: "ResilienceStage",
    call: Call,
    request: Request,
    turn: Turn,
    tries: Tries,
    beside: str = "",
) -> _Outcome:
    """Return the attempt or its failure, for an error would cancel its sibling."""
    try:
        aimed = _aside(call, turn)
        return await stage.begin_aside(call, aimed, request, turn, tries, beside=beside)
    except WeirError as failure:
        return failure


def _aside(call: Call, turn: Turn) -> Call:
    """Return the call as one attempt among several at once: only lists are shared."""
    told = call.progress
    progress = Progress(attempts=told.attempts, spent=told.spent, warnings=told.warnings)
    kind = call.kind if turn.kind == _FIRST else turn.kind
    return call.aimed_at((turn.target,), progress=progress, kind=kind)


def _adopt(call: Call, winner: Attempt) -> None:
    """Let the call's own progress go on where the winner's stands."""
    told, own = winner.call.progress, call.progress
    own.route = winner.turn.target
    own.phase = told.phase
    own.usage, own.usage_now = told.usage, told.usage_now


def _delay_s(stage: "ResilienceStage", call: Call, turn: Turn) -> float:
    """Return how long the first may be silent: longer than nearly all that answer."""
    usual_s = turn.state.times(streaming=call.streaming).p95_s() or 0.0
    return max(stage.turns.upstreams.settings.hedge_delay_min_s, usual_s)


def _hedge(stage: "ResilienceStage", call: Call, turn: Turn, tries: Tries) -> Turn | None:
    """Return a turn beside the first one, if circuits, budgets and attempts allow it."""
    target = tries.hedge_target(turn.target)
    provider = turn.state.provider
    if target is None or tries.left < 2 or not is_closed(turn.state):
        return None
    if not provider.hedges.try_spend() or not provider.retries.try_spend():
        return None
    return stage.turns.take(call, target, _HEDGE)
