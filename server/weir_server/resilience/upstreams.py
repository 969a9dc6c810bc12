"""How are the targets doing? What is remembered of each target and of each provider."""

import asyncio
import math
import os
from collections.abc import Sequence
from random import Random

from google.protobuf.duration_pb2 import Duration
from typing_extensions import override

from weir.admin.v1.admin_service_pb2 import CircuitState, Credential, CredentialState
from weir.admin.v1.admin_service_pb2 import Target as TargetReport
from weir.v1.error_pb2 import ErrorReason
from weir_server.core.clock import Clock
from weir_server.core.errors import ModelNotFound
from weir_server.core.slots import Slots
from weir_server.core.target import Target
from weir_server.core.targets import TargetStates
from weir_server.resilience.aimd import AimdLimit, AimdPolicy
from weir_server.resilience.breaker import Breaker, BreakerPolicy, Circuit
from weir_server.resilience.credentials import Credentials, CredentialUse
from weir_server.resilience.hedging_budget import HedgeBudget
from weir_server.resilience.retry_budget import RetryBudget, RetryBudgetPolicy
from weir_server.resilience.ttft import RollingTimes
from weir_server.settings.resilience import ResilienceSettings

REMEMBERED_MAX = 4096
"""So many targets are remembered; callers may name vendor models freely, so there is a bound."""

UNBOUNDED = frozenset({"echo"})
"""Kinds of providers that answer in this very process and have nothing to be overloaded."""
OPEN_CALLS = 100_000

_CIRCUITS = {
    Circuit.CLOSED: CircuitState.CIRCUIT_STATE_CLOSED,
    Circuit.OPEN: CircuitState.CIRCUIT_STATE_OPEN,
    Circuit.HALF_OPEN: CircuitState.CIRCUIT_STATE_HALF_OPEN,
    Circuit.FORCED_OPEN: CircuitState.CIRCUIT_STATE_FORCED_OPEN,
    Circuit.FORCED_CLOSED: CircuitState.CIRCUIT_STATE_FORCED_CLOSED,
}
_FORCED = {
    CircuitState.CIRCUIT_STATE_FORCED_OPEN: Circuit.FORCED_OPEN,
    CircuitState.CIRCUIT_STATE_FORCED_CLOSED: Circuit.FORCED_CLOSED,
    CircuitState.CIRCUIT_STATE_CLOSED: None,
}
_USES = {
    CredentialUse.USED: CredentialState.CREDENTIAL_STATE_USED,
    CredentialUse.COOLING: CredentialState.CREDENTIAL_STATE_COOLING,
    CredentialUse.PARKED: CredentialState.CREDENTIAL_STATE_PARKED,
}


class ProviderState:
    """One provider: how many calls it gets at a time, and how many repeats and hedges."""

    __slots__ = ("aimd", "hedges", "retries", "slots", "target")

    def __init__(self, target: Target, settings: ResilienceSettings, clock: Clock) -> None:
        """`target`: one of the provider's."""
        self.target = target
        self.aimd = AimdLimit(aimd_policy(settings, target), clock=clock)
        self.slots = Slots(limit=self.limit, clock=clock)
        self.retries = RetryBudget(retry_policy(settings), clock=clock)
        self.hedges = HedgeBudget(settings.hedge_share, clock=clock)

    def limit(self) -> int:
        """Return how many calls it gets at a time."""
        return self.aimd.limit


class TargetState:
    """One target: its circuit, its credentials, its times, and its last failure."""

    __slots__ = (
        "answered_s",
        "attempt_timeout_s",
        "attempts",
        "breaker",
        "credentials",
        "first_token",
        "in_flight",
        "last_error",
        "last_error_ns",
        "models",
        "name",
        "provider",
        "target",
        "whole_answer",
    )

    def __init__(
        self,
        target: Target,
        provider: ProviderState,
        settings: ResilienceSettings,
        clock: Clock,
        rng: Random,
    ) -> None:
        self.target = target
        self.name = target.name
        self.provider = provider
        self.breaker = Breaker(breaker_policy(settings), clock=clock, rng=rng)
        self.credentials = Credentials(target.credentials, clock=clock)
        self.first_token = RollingTimes(clock)
        self.whole_answer = RollingTimes(clock)
        self.models: set[str] = set()
        self.attempt_timeout_s: float | None = None
        """The configuration's bound of an attempt; callers' own are shorter and say nothing."""
        self.answered_s = -math.inf
        """When an answer began last, on the clock's monotonic scale."""
        self.in_flight = 0
        self.attempts = 0
        self.last_error: ErrorReason.ValueType = ErrorReason.ERROR_REASON_UNSPECIFIED
        self.last_error_ns = 0

    def begin_anew(self, clock: Clock) -> None:
        """Forget failures and resting credentials; what an operator forced stays."""
        if self.breaker.circuit not in (Circuit.FORCED_OPEN, Circuit.FORCED_CLOSED):
            self.breaker.force(None)
        self.credentials = Credentials(self.target.credentials, clock=clock)

    def times(self, *, streaming: bool) -> RollingTimes:
        """Return how long calls of a kind usually wait for the first of an answer."""
        return self.first_token if streaming else self.whole_answer


class Upstreams(TargetStates):
    """Every target that was asked or is configured, with its provider."""

    def __init__(self, settings: ResilienceSettings, *, clock: Clock, rng: Random) -> None:
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._targets: dict[tuple[str, str], TargetState] = {}
        self._providers: dict[str, ProviderState] = {}
        self._watchers: set[asyncio.Future[None]] = set()

    @property
    def settings(self) -> ResilienceSettings:
        """The settings that hold now."""
        return self._settings

    def state(self, target: Target) -> TargetState:
        """Return what is remembered of a target, from now on if nothing was."""
        found = self._targets.get((target.provider, target.vendor_model))
        return found if found is not None else self._remember(target)

    def know(self, targets: Sequence[Target]) -> None:
        """List configured targets before they were ever asked."""
        for target in targets:
            state = self.state(target)
            state.models.add(target.model)
            state.credentials.learn(target.credentials)
            state.attempt_timeout_s = target.attempt_timeout_s

    def reload(
        self,
        settings: ResilienceSettings,
        targets: Sequence[Target],
        *,
        renewed: frozenset[str],
    ) -> None:
        """Take other settings and other configured targets; what was learnt stays where it holds.

        renewed: providers that were changed, added or removed, by resource name. Their circuits
        and credentials begin anew; what an operator forced stays. Targets that are named no longer
        are forgotten; calls under way keep what they hold.
        """
        self._settings = settings
        self._forget_unnamed(targets, renewed)
        for state in self._targets.values():
            state.breaker.policy = breaker_policy(settings)
            state.models.clear()
        for target in targets:
            state = self.state(target)
            state.target = state.provider.target = target
            if target.provider in renewed:
                state.begin_anew(self._clock)
        self.know(targets)
        for provider in self._providers.values():
            provider.aimd.policy = aimd_policy(settings, provider.target)
            provider.retries.policy = retry_policy(settings)
            provider.hedges.share = settings.hedge_share
            provider.slots.limit_changed()
        self.told()

    def _forget_unnamed(self, targets: Sequence[Target], renewed: frozenset[str]) -> None:
        named = {(target.provider, target.vendor_model) for target in targets}
        for key, state in list(self._targets.items()):
            if key not in named and (state.models or key[0] in renewed):
                del self._targets[key]
        for name in renewed - {target.provider for target in targets}:
            self._providers.pop(name, None)

    def _remember(self, target: Target) -> TargetState:
        if len(self._targets) >= REMEMBERED_MAX:
            self._forget_one()
        provider = self._providers.get(target.provider)
        if provider is None:
            provider = ProviderState(target, self._settings, self._clock)
            self._providers[target.provider] = provider
        state = TargetState(target, provider, self._settings, self._clock, self._rng)
        self._targets[target.provider, target.vendor_model] = state
        return state

    def _forget_one(self) -> None:
        """Forget the oldest target that nothing keeps: no call, no trouble, no configuration."""
        for key, state in self._targets.items():
            idle = not state.in_flight and state.breaker.circuit is Circuit.CLOSED
            if idle and not state.models:
                del self._targets[key]
                if not any(provider == key[0] for provider, _ in self._targets):
                    # Handles that callers brought in expire: nobody may come back to this one.
                    self._providers.pop(key[0], None)
                return

    # --- what operators see -----------------------------------------------------------------------

    @override
    def describe(self, target: Target) -> TargetReport:
        """Return how one target is doing; one that was never asked is CLOSED. Changes nothing."""
        found = self._targets.get((target.provider, target.vendor_model))
        if found is not None:
            return self._report(found)
        return TargetReport(
            name=target.name,
            provider=target.provider,
            vendor_model=target.vendor_model,
            circuit=CircuitState.CIRCUIT_STATE_CLOSED,
            process_id=os.getpid(),
        )

    @override
    def targets(self) -> Sequence[TargetReport]:
        """Return how every known target is doing, by name."""
        states = sorted(self._targets.values(), key=lambda state: state.name)
        return [self._report(state) for state in states]

    @override
    def force(self, name: str, circuit: CircuitState.ValueType) -> TargetReport:
        """Force a circuit open or closed, or give it back with CLOSED; return the target then."""
        for state in self._targets.values():
            if state.name == name:
                state.breaker.force(_FORCED[circuit])
                self.told()
                return self._report(state)
        raise ModelNotFound(metadata={"model": name})

    @override
    async def changed(self) -> None:
        """Return as soon as something has changed."""
        waiter = asyncio.get_running_loop().create_future()
        self._watchers.add(waiter)
        try:
            await waiter
        finally:
            self._watchers.discard(waiter)

    def told(self) -> None:
        """Wake those who watch."""
        if self._watchers:
            for waiter in self._watchers:
                if not waiter.done():
                    waiter.set_result(None)

    def _report(self, state: TargetState) -> TargetReport:
        seen, provider = state.breaker.snapshot(), state.provider
        report = TargetReport(
            name=state.name,
            provider=state.target.provider,
            vendor_model=state.target.vendor_model,
            models=sorted(state.models),
            circuit=_CIRCUITS[seen.circuit],
            in_flight=state.in_flight,
            provider_in_flight=provider.slots.in_flight,
            provider_limit=provider.aimd.limit,
            provider_queued=provider.slots.queued,
            window_calls=seen.calls,
            window_failures=seen.failures,
            window_slow=seen.slow,
            last_error=state.last_error,
            attempts=state.attempts,
            process_id=os.getpid(),
        )
        if seen.circuit is Circuit.OPEN:
            _set(report.retry_after, seen.retry_after_s)
        if (median_s := state.first_token.median_s()) is not None:
            _set(report.time_to_first_token_median, median_s)
        if (p95_s := state.first_token.p95_s()) is not None:
            _set(report.time_to_first_token_p95, p95_s)
        if state.last_error_ns:
            report.last_error_time.FromNanoseconds(state.last_error_ns)
        report.credentials.extend(_credentials(state))
        return report


def _credentials(state: TargetState) -> list[Credential]:
    """Return the credentials by name, if there are several or if the only one rests."""
    found = []
    states = state.credentials.states()
    for each in states:
        if len(states) == 1 and each.state is CredentialUse.USED:
            break
        credential = Credential(name=each.name, state=_USES[each.state])
        if each.remaining_s > 0:
            _set(credential.retry_after, each.remaining_s)
        found.append(credential)
    return found


def _set(duration: Duration, seconds: float) -> None:
    duration.FromNanoseconds(round(seconds * 1e9))


def breaker_policy(settings: ResilienceSettings) -> BreakerPolicy:
    """Return the breaker's part of the settings."""
    breaker = settings.breaker
    return BreakerPolicy(
        window_s=breaker.window_s,
        min_calls=breaker.min_calls,
        failure_share=breaker.failure_share,
        slow_share=breaker.slow_share,
        slow_after_s=breaker.slow_after_s,
        consecutive_failures=breaker.consecutive_failures,
        open_s=breaker.open_s,
        open_max_s=breaker.open_max_s,
        trials=breaker.trials,
    )


def retry_policy(settings: ResilienceSettings) -> RetryBudgetPolicy:
    """Return the retry budget's part of the settings."""
    return RetryBudgetPolicy(share=settings.retry_share, floor_per_s=settings.retry_floor_per_s)


def aimd_policy(settings: ResilienceSettings, target: Target) -> AimdPolicy:
    """Return the bounds of calls at a time at a target's provider."""
    if target.kind in UNBOUNDED:
        return AimdPolicy(initial=OPEN_CALLS, minimum=OPEN_CALLS, maximum=OPEN_CALLS)
    bounds, own = settings.concurrency, target.max_concurrency
    most = bounds.maximum if own is None else min(own, bounds.maximum)
    return AimdPolicy(
        initial=min(bounds.initial, most), minimum=min(bounds.minimum, most), maximum=most
    )
