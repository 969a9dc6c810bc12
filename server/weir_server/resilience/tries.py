"""Who is asked next, after an attempt failed? Another target first, the same one in good time."""

import asyncio
from random import Random

from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import WeirError
from weir_server.core.route import attempts_at_most
from weir_server.core.target import Target
from weir_server.resilience.backoff import Backoff
from weir_server.resilience.turns import Turn, Turns, is_closed
from weir_server.resilience.verdicts import Rest, Verdict, verdict_of

_RETRY = AttemptKind.ATTEMPT_KIND_RETRY
_FALLBACK = AttemptKind.ATTEMPT_KIND_FALLBACK
_RETRYING = Phase.PHASE_RETRYING


class Tries:
    """The attempts of one call that failed, and what they leave open."""

    __slots__ = (
        "_asked",
        "_backoff",
        "_call",
        "_clock",
        "_due_s",
        "_made",
        "_most",
        "_repeats",
        "_rng",
        "_stale",
        "_turns",
    )

    def __init__(
        self, call: Call, turns: Turns, *, clock: Clock, rng: Random, backoff: Backoff
    ) -> None:
        self._call = call
        self._turns = turns
        self._clock = clock
        self._rng = rng
        self._backoff = backoff
        self._most = attempts_at_most(
            call.policy, call.targets, turns.upstreams.settings.max_attempts
        )
        self._made = 0
        self._repeats = 0
        self._stale = False
        self._asked: dict[str, tuple[int, Verdict]] = {}
        """By the target's name: how often it was asked, and what its last failure meant."""
        self._due_s: dict[str, float] = {}
        """By the same, on the clock's monotonic scale: not to be asked again before, it said."""

    @property
    def left(self) -> int:
        """How many attempts the call may still make."""
        return self._most - self._made

    def untried(self, *but: str) -> int:
        """Return how many targets stand by that calls go to and were not asked yet.

        but: names of those that are being asked.
        """
        upstreams = self._turns.upstreams
        return sum(
            target.name not in but
            and target.name not in self._asked
            and upstreams.state(target).breaker.admits()
            for target in self._call.targets
        )

    def note(self, target: Target, verdict: Verdict) -> None:
        """Count an attempt at a target, and what its failure means."""
        self._made += 1
        times = self._asked.get(target.name, (0, verdict))[0] + 1
        self._asked[target.name] = (times, verdict)

    def let_go(self) -> None:
        """Count an attempt that was given up for another's sake: nothing is known against it."""
        self._made += 1

    async def after(self, failed: Turn, failure: WeirError) -> Turn:
        """Return the next turn; raises `failure` where no further attempt is allowed."""
        verdict = verdict_of(failure)
        self.note(failed.target, verdict)
        if failure.retry_after_s:
            self._due_s[failed.target.name] = self._clock.monotonic_s() + failure.retry_after_s
        if self.left <= 0 or not self._is_time(0.0):
            raise failure
        if verdict.at_once and not self._stale:
            # The provider is there, it only closed a connection that had been idle.
            self._stale = True
            if failed.target.max_retries and (turn := self._again(failed.target)) is not None:
                return turn
        if (turn := self.elsewhere(failed.target, verdict)) is not None:
            self._call.progress.phase = _RETRYING
            return turn
        for target in self._repeatable():
            turn = await self._repeat(target)
            if turn is not None:
                return turn
        raise failure

    def elsewhere(self, failed: Target, verdict: Verdict) -> Turn | None:
        """Return a turn at a target that was not asked yet, if the failure may go there."""
        named = verdict.refusal is not None and verdict.refusal in self._call.policy.fallback_on
        if not (verdict.elsewhere or named):
            return None
        for target in self._call.targets:
            if target.name in self._asked:
                continue
            if verdict.larger_only and not named and not _is_larger(target, failed):
                continue
            if (turn := self._turns.take(self._call, target, _FALLBACK)) is not None:
                return turn
        return None

    def _repeatable(self) -> list[Target]:
        """Return the targets that may be asked again, the least asked first."""
        found: dict[str, tuple[int, Target]] = {}
        for target in self._call.targets:
            times, verdict = self._asked.get(target.name, (0, None))
            if verdict is not None and times <= min(target.max_retries, verdict.repeats):
                found.setdefault(target.name, (times, target))
        return [target for _, target in sorted(found.values(), key=lambda each: each[0])]

    async def _repeat(self, target: Target) -> Turn | None:
        """Return another turn at a target that failed, after the wait that it needs."""
        state = self._turns.upstreams.state(target)
        if not state.breaker.admits():
            return None
        only = target.credentials[0] if len(target.credentials) == 1 else None
        rest_s = state.credentials.soonest_s(only=only)
        verdict = self._asked[target.name][1]
        if verdict.rest is Rest.PARK:
            if rest_s > 0.0:
                return None  # no other credential is left
            delay_s = 0.0
        elif verdict.rest is Rest.COOL:
            delay_s = rest_s
        else:
            due_s = self._due_s.get(target.name, 0.0) - self._clock.monotonic_s()
            delay_s = max(rest_s, due_s, self._backoff.delay_s(self._repeats, self._rng))
        usual_s = state.times(streaming=self._call.streaming).median_s() or 0.0
        if not self._is_time(delay_s, 2.0 * usual_s) or not state.provider.retries.try_spend():
            return None
        self._repeats += 1
        progress = self._call.progress
        progress.phase = _RETRYING
        if delay_s > 0.0:
            progress.waits()  # a call that waits for a provider does not hold others up
            await asyncio.sleep(delay_s)
        return self._again(target)

    def _again(self, target: Target) -> Turn | None:
        self._call.progress.phase = _RETRYING
        return self._turns.take(self._call, target, _RETRY)

    def _is_time(self, delay_s: float, usual_s: float = 0.0) -> bool:
        remaining_s = self._call.deadline.remaining_s(self._clock.monotonic_s())
        return remaining_s >= delay_s + max(ATTEMPT_MIN_S, usual_s)

    def hedge_target(self, first: Target) -> Target | None:
        """Return the target to ask beside a silent one: another, whose circuit is closed."""
        for target in self._call.targets:
            state = self._turns.upstreams.state(target)
            if target.name != first.name and is_closed(state):
                return target
        return None


def _is_larger(target: Target, than: Target) -> bool:
    """Say whether a target is known to take longer prompts."""
    return target.context_window_tokens > than.context_window_tokens > 0
