"""Whose turn is it? A place at one target: its circuit, its credential, its provider's slot."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from weir.v1.error_pb2 import AttemptKind
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import (
    CircuitOpen,
    DeadlineExceeded,
    GatewayOverloaded,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamSilent,
)
from weir_server.core.slots import NoSlot, Slots
from weir_server.core.target import Target
from weir_server.resilience.breaker import Circuit, Outcome, Permit
from weir_server.resilience.credentials import CredentialUse
from weir_server.resilience.lines import first_place
from weir_server.resilience.upstreams import TargetState, Upstreams
from weir_server.resilience.verdicts import TIMED_OUT, Rest, verdict_of

PARKED_S = 30.0
"""How long a credential rests that the provider refuses, or whose quota is used up."""
SILENCE_MIN_S = 1.0
"""An attempt that was given up sooner than this says nothing about its target."""
SILENCE_FACTOR = 3.0
"""One that was given up before the server's own limit counts as failed only after so many times
what is usual: a caller in a hurry must not open a circuit for all others."""
OVERLOADED_RETRY_S = 0.5
"""When to come again to a full queue, give or take a half."""

_OK, _SLOW, _NEUTRAL = Outcome.OK, Outcome.SLOW, Outcome.NEUTRAL
_FAILED, _FAILED_SLOW = Outcome.FAILED, Outcome.FAILED_SLOW
_FIRST = AttemptKind.ATTEMPT_KIND_FIRST


class Turn:
    """One attempt's place at a target; it is given back exactly once."""

    __slots__ = (
        "begun_s",
        "given_back",
        "kind",
        "permit",
        "state",
        "target",
        "waited_s",
        "was_parked",
    )

    def __init__(
        self,
        state: TargetState,
        target: Target,
        permit: Permit,
        kind: AttemptKind.ValueType,
        begun_s: float,
    ) -> None:
        self.state = state
        self.target = target
        """The target with the credential to use."""
        self.permit = permit
        self.kind = kind
        self.begun_s = begun_s
        self.waited_s: float | None = None
        """How long the first of the answer took; None: it has not come."""
        self.given_back = False
        self.was_parked = False
        """Whether the credential was parked when it was taken, for there was no other."""


class Turns:
    """Gives turns at targets, and hears how they went."""

    def __init__(
        self, upstreams: Upstreams, *, clock: Clock, rng: Random, first_token_timeout_s: float
    ) -> None:
        self.upstreams = upstreams
        self._clock = clock
        self._rng = rng
        self._first_token_timeout_s = first_token_timeout_s

    def take(
        self,
        call: Call,
        target: Target,
        kind: AttemptKind.ValueType = _FIRST,
        *,
        last_resort: bool = False,
    ) -> Turn | None:
        """Return a turn if there is one now: nothing is waited for."""
        state = self.upstreams.state(target)
        if not state.breaker.admits(last_resort=last_resort):
            return None
        if not state.provider.slots.try_acquire(call.priority):
            return None
        turn = self._seat(state, target, kind, last_resort=last_resort)
        if turn is None:
            state.provider.slots.release()
        return turn

    async def wait(self, call: Call, targets: Sequence[Target]) -> Turn:
        """Return the first turn there is at any of `targets`, waiting where that makes sense.

        Raises GatewayOverloaded when too many wait already, UpstreamRateLimited when every
        credential rests for longer than the call has, CircuitOpen when all are left alone.
        """
        call.progress.waits()  # a call that waits for a provider does not hold others up
        while True:
            for target in targets:
                if (turn := self.take(call, target)) is not None:
                    return turn
            open_to_calls = [
                target for target in targets if self.upstreams.state(target).breaker.admits()
            ]
            if not open_to_calls:
                return self._last_resort(call, targets)
            rested = [t for t in open_to_calls if self._soonest_s(t) <= 0.0]
            if rested:
                turn = await self._queue(call, rested)
                if turn is not None:
                    return turn
                continue
            if (turn := self._parked(call, open_to_calls)) is not None:
                return turn
            await self._cool_down(call, open_to_calls)

    def answered(self, turn: Turn, *, streaming: bool) -> None:
        """Note that the first of an answer has come: a trial has then succeeded."""
        now_s = self._clock.monotonic_s()
        turn.waited_s = waited_s = now_s - turn.begun_s
        state = turn.state
        state.answered_s = now_s
        state.times(streaming=streaming).add(waited_s)
        # The sign of a provider that keeps up is when an answer begins, not how long it is.
        provider = state.provider
        provider.aimd.succeeded(provider.slots.in_flight)
        if turn.permit.is_trial:
            state.breaker.settle(turn.permit, self._speed(turn, streaming=streaming))
            self.upstreams.told()

    def give_back(self, turn: Turn, error: BaseException | None, *, streaming: bool) -> None:
        """Give a turn back, with what ended it; None: the answer is whole."""
        if turn.given_back:
            return
        turn.given_back = True
        state = turn.state
        provider = state.provider
        state.in_flight -= 1
        if error is None:
            outcome = self._speed(turn, streaming=streaming)
            provider.retries.succeeded()
            state.credentials.succeeded(turn.target.credential)
            if turn.was_parked:
                state.credentials.unpark(turn.target.credential)
        else:
            outcome = self._failed(turn, error, streaming=streaming)
        if turn.permit.is_trial and turn.waited_s is not None and error is not None:
            # Its trial succeeded when the answer began; that it broke later is a fault of its own.
            if (permit := state.breaker.acquire()) is not None:
                state.breaker.settle(permit, outcome)
        else:
            state.breaker.settle(turn.permit, outcome)
        provider.slots.release()
        self.upstreams.told()

    # --- taking -----------------------------------------------------------------------------------

    def _seat(
        self,
        state: TargetState,
        target: Target,
        kind: AttemptKind.ValueType,
        *,
        last_resort: bool = False,
        credential: str | None = None,
    ) -> Turn | None:
        """Return a turn of a call that holds its provider's slot, or None and keep nothing."""
        if credential is None:
            credential = state.credentials.pick(only=_pinned(target))
            if credential is None:
                # One that came with a later configuration is not known yet.
                state.credentials.learn(target.credentials)
                credential = state.credentials.pick(only=_pinned(target))
            if credential is None:
                return None
        permit = state.breaker.acquire(last_resort=last_resort)
        if permit is None:
            return None
        if credential != target.credential:
            target = replace(target, credential=credential)
        state.in_flight += 1
        state.attempts += 1
        return Turn(state, target, permit, kind, self._clock.monotonic_s())

    async def _queue(self, call: Call, targets: Sequence[Target]) -> Turn | None:
        """Wait for a slot at any of the targets' providers. Raises GatewayOverloaded."""
        # Of targets at the same provider the first; each provider has a line of its own.
        by_line: dict[Slots, Target] = {}
        for target in targets:
            by_line.setdefault(self.upstreams.state(target).provider.slots, target)
        until_s = call.deadline.work_until_s - ATTEMPT_MIN_S
        try:
            slots = await first_place(tuple(by_line), call.priority, until_s=until_s)
        except NoSlot as refused:
            cause = "queue" if refused.why == "full" else "deadline"
            raise GatewayOverloaded(
                metadata={"cause": cause, "provider": targets[0].provider},
                retry_after_s=OVERLOADED_RETRY_S * self._rng.uniform(0.5, 1.5),
            ) from refused
        target = by_line[slots]
        turn = self._seat(self.upstreams.state(target), target, _FIRST)
        if turn is None:
            slots.release()
        return turn

    def _last_resort(self, call: Call, targets: Sequence[Target]) -> Turn:
        """Return a trial at a target that is left alone, for the call has no other.

        Raises CircuitOpen when there were enough trials.
        """
        for target in targets:
            if (turn := self.take(call, target, last_resort=True)) is not None:
                return turn
        waits = [self.upstreams.state(target).breaker.retry_after_s() for target in targets]
        soonest_s = min(waits)
        raise CircuitOpen(
            metadata={"model": targets[0].model},
            retry_after_s=soonest_s if math.isfinite(soonest_s) else None,
        )

    def _parked(self, call: Call, targets: Iterable[Target]) -> Turn | None:
        """Return a turn with a parked credential: refused lately is better than no answer."""
        for target in targets:
            state = self.upstreams.state(target)
            parked = [
                each.name
                for each in state.credentials.states()
                if each.state is CredentialUse.PARKED and each.name in target.credentials
            ]
            if parked and state.provider.slots.try_acquire(call.priority):
                turn = self._seat(state, target, _FIRST, credential=parked[0])
                if turn is not None:
                    turn.was_parked = True
                    return turn
                state.provider.slots.release()
        return None

    async def _cool_down(self, call: Call, targets: Sequence[Target]) -> None:
        """Wait until a provider may be asked again. Raises UpstreamRateLimited if that is late."""
        target = min(targets, key=self._soonest_s)
        wait_s = self._soonest_s(target)
        # Those who wait for the same moment come one after another.
        wait_s += self._rng.uniform(0.0, min(0.05, wait_s / 10))
        if call.deadline.remaining_s(self._clock.monotonic_s()) < wait_s + ATTEMPT_MIN_S:
            raise UpstreamRateLimited(metadata={"provider": target.provider}, retry_after_s=wait_s)
        await asyncio.sleep(wait_s)

    def _soonest_s(self, target: Target) -> float:
        """Return when a credential of the target may be used, in seconds from now."""
        return self.upstreams.state(target).credentials.soonest_s(only=_pinned(target))

    # --- giving back ------------------------------------------------------------------------------

    def _speed(self, turn: Turn, *, streaming: bool) -> Outcome:
        waited_s = turn.waited_s
        if not streaming or waited_s is None:
            return _OK
        return _SLOW if waited_s > self.upstreams.settings.breaker.slow_after_s else _OK

    def _failed(self, turn: Turn, error: BaseException, *, streaming: bool) -> Outcome:
        """Note a failure; return what the breaker hears of it."""
        state, provider = turn.state, turn.state.provider
        if not isinstance(error, UpstreamError):
            is_late = isinstance(error, DeadlineExceeded | asyncio.CancelledError)
            return self._of_silence(turn, streaming=streaming) if is_late else _NEUTRAL
        verdict = verdict_of(error)
        state.last_error, state.last_error_ns = error.reason, self._clock.wall_ns()
        if verdict.rest is Rest.COOL:
            state.credentials.cool(turn.target.credential, error.retry_after_s)
        elif verdict.rest is Rest.PARK:
            state.credentials.park(turn.target.credential, PARKED_S)
        outcome = verdict.outcome
        if verdict is TIMED_OUT and not isinstance(error, UpstreamSilent):
            outcome = self._of_silence(turn, streaming=streaming)
        if verdict.overload and (outcome is not _NEUTRAL or verdict.rest is Rest.COOL):
            provider.aimd.overloaded()
        if outcome is not _NEUTRAL:
            provider.retries.failed()
        if verdict.overload and outcome is _FAILED and self._answers_others(state):
            return _NEUTRAL
        return outcome

    def _answers_others(self, state: TargetState) -> bool:
        """Say whether a target that refuses for load has answered of late.

        Then it bears fewer calls at a time than it gets, which the limit sees to; left alone it
        would answer nobody.
        """
        recent_s = self.upstreams.settings.breaker.open_s
        return self._clock.monotonic_s() - state.answered_s < recent_s

    def _of_silence(self, turn: Turn, *, streaming: bool) -> Outcome:
        """Judge an attempt that was given up before an answer began, by how long that took."""
        if turn.waited_s is not None:
            return _NEUTRAL
        waited_s = self._clock.monotonic_s() - turn.begun_s
        own_s = turn.state.attempt_timeout_s
        full_s = self._first_token_timeout_s if streaming else math.inf
        if own_s is not None:
            full_s = min(full_s, own_s)
        if waited_s >= 0.99 * full_s:
            return _FAILED_SLOW
        usual_s = turn.state.times(streaming=streaming).p95_s()
        if usual_s is not None and waited_s >= max(SILENCE_MIN_S, SILENCE_FACTOR * usual_s):
            return _FAILED_SLOW
        return _NEUTRAL


def _pinned(target: Target) -> str | None:
    """Return the one credential that a target may be asked with, or None for several."""
    return target.credentials[0] if len(target.credentials) == 1 else None


def is_closed(state: TargetState) -> bool:
    """Say whether calls go to a target as a matter of course."""
    return state.breaker.circuit in (Circuit.CLOSED, Circuit.FORCED_CLOSED)
