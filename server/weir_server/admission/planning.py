"""What may a call cost, and for which budgets does it count? Found out before it is reserved."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Final, Protocol

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.usage_pb2 import TokenUsage
from weir_server.admission.bound import bound_of
from weir_server.core.call import Call
from weir_server.core.catalogue import Catalogue
from weir_server.core.clock import Clock
from weir_server.core.errors import PriceUnknown
from weir_server.core.handler import Request
from weir_server.core.ledger import Budget, Hold, Ledger
from weir_server.core.prices import Prices
from weir_server.core.route import ModelRoute
from weir_server.core.target import Target

AHEAD_TOKENS = 512
"""How far ahead of what was said a stream's hold is kept: more than is said between two looks."""


_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


class PromptEstimate(Protocol):
    """Estimates what goes in, at once and in bounded time."""

    def estimate_prompt(self, target: Target, request: Request) -> int:
        """Return the tokens of a request's prompt."""
        ...


class Plan:
    """What was found out about one call before anything is reserved."""

    __slots__ = ("grows", "hold", "request", "targets")

    def __init__(
        self, *, hold: Hold, request: Request, targets: Sequence[Target], grows: bool
    ) -> None:
        """`grows`: whether the answer may go past the hold, which then has to be extended."""
        self.hold = hold
        self.request = request
        self.targets = targets
        self.grows = grows


class Planner:
    """Makes the plan of each call."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        catalogue: Catalogue,
        prices: Prices,
        tokens: PromptEstimate,
        clock: Clock,
        reserve_step_tokens: int,
    ) -> None:
        """`reserve_step_tokens`: what is reserved at a time for an answer without a maximum."""
        self._ledger = ledger
        self._catalogue = catalogue
        self._prices = prices
        self._tokens = tokens
        self._clock = clock
        self._step_tokens = reserve_step_tokens

    def plan(self, call: Call, request: Request) -> Plan:
        """Find out what a call may cost, and for whom it counts. Raises PriceUnknown."""
        route = self._resolve(call, request)
        labels = _labels(call, request)
        caller = call.caller
        budgets = self._ledger.budgets_of(tenant=caller.tenant, key=caller.key, labels=labels)
        prompt_tokens = amount_nanos = 0
        hard = False
        if budgets:
            prompt_tokens = self._prompt_tokens(call, request, route.targets[0])
            hard = any(budget.hard for budget in budgets)
            amount_nanos = self._amount(request, route.targets, prompt_tokens, budgets)
        hold = self._hold(
            call,
            route.model,
            labels,
            prompt_tokens=prompt_tokens,
            amount_nanos=amount_nanos,
            budgets=[budget.name for budget in budgets],
        )
        capped = _max_output_tokens(request) > 0 or isinstance(request, EmbedRequest)
        if hard and not capped and not call.streaming:
            request = self._capped(request, route.targets)
        return Plan(
            hold=hold,
            request=request,
            targets=route.targets,
            grows=hard and not capped and call.streaming,
        )

    def free(self, call: Call, request: Request) -> Hold:
        """Return the hold of a call that costs nothing, and so counts for no budget."""
        return self._hold(call, self._resolve(call, request).model, _labels(call, request))

    def _hold(
        self,
        call: Call,
        model: str,
        labels: Mapping[str, str],
        *,
        prompt_tokens: int = 0,
        amount_nanos: int = 0,
        budgets: Sequence[str] = (),
    ) -> Hold:
        caller = call.caller
        now_ns = self._clock.wall_ns()
        now_s = self._clock.monotonic_s()
        return Hold(
            response_id=call.response_id,
            request_id=call.request_id,
            tenant=caller.tenant,
            key=caller.key,
            method=call.method,
            model=model,
            labels=labels,
            arrived_ns=now_ns - int((now_s - call.arrived_s) * 1e9),
            lease_until_ns=now_ns + int(max(0.0, call.deadline.at_s - now_s) * 1e9),
            prompt_tokens=prompt_tokens,
            amount_nanos=amount_nanos,
            budgets=tuple(budgets),
            trace_id=call.trace.trace_id,
        )

    def more_nanos(self, plan: Plan, usage: TokenUsage, held_nanos: int) -> int:
        """Return how much more a stream must hold to go on; 0: what it holds is enough."""
        bound = bound_of(
            self._prices,
            plan.targets,
            prompt_tokens=plan.hold.prompt_tokens,
            completion_tokens=usage.completion_tokens + AHEAD_TOKENS,
        )
        if bound.amount_nanos is None or bound.amount_nanos <= held_nanos:
            return 0
        step = bound_of(
            self._prices,
            plan.targets,
            prompt_tokens=plan.hold.prompt_tokens,
            completion_tokens=usage.completion_tokens + AHEAD_TOKENS + self._step_tokens,
        )
        return (step.amount_nanos or 0) - held_nanos

    def _resolve(self, call: Call, request: Request) -> ModelRoute:
        fallback_models: Sequence[str] = ()
        if not isinstance(request, EmbedRequest) and request.options.HasField("routing"):
            fallback_models = request.options.routing.fallback_models
        return self._catalogue.resolve(
            model=request.model,
            provider=request.provider,
            operation=call.operation,
            streaming=call.streaming,
            fallback_models=fallback_models,
            caller=call.caller,
        )

    def _prompt_tokens(self, call: Call, request: Request, target: Target) -> int:
        progress = call.progress
        if progress.prompt_tokens is None:
            progress.prompt_tokens = self._tokens.estimate_prompt(target, request)
        return progress.prompt_tokens

    def _amount(
        self,
        request: Request,
        targets: Sequence[Target],
        prompt_tokens: int,
        budgets: Sequence[Budget],
    ) -> int:
        """Return what is reserved. Raises PriceUnknown where a hard budget could be passed."""
        completion_tokens = 0
        if not isinstance(request, EmbedRequest):
            completion_tokens = _max_output_tokens(request) or self._step_tokens
        bound = bound_of(
            self._prices,
            targets,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
        )
        if bound.amount_nanos is not None:
            return bound.amount_nanos
        for budget in budgets:
            if budget.hard:
                raise PriceUnknown(metadata={"model": targets[0].model, "budget": budget.name})
        return 0

    def _capped(self, request: Request, targets: Sequence[Target]) -> Request:
        """Return the request with what was reserved as the most it may say."""
        assert not isinstance(request, EmbedRequest)
        known = [target.max_output_tokens for target in targets if target.max_output_tokens]
        capped = deepcopy(request)
        capped.options.max_output_tokens = min([self._step_tokens, *known])
        return capped


def _labels(call: Call, request: Request) -> Mapping[str, str]:
    """Return the caller's labels under those of its key, which it cannot change."""
    own = _NO_LABELS if isinstance(request, EmbedRequest) else request.options.labels
    of_key = call.caller.labels
    return {**own, **of_key} if own or of_key else _NO_LABELS


def _max_output_tokens(request: Request) -> int:
    return 0 if isinstance(request, EmbedRequest) else request.options.max_output_tokens
