"""Which way would a request go, and why? Found by the steps that routing itself takes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from typing_extensions import override

from weir.admin.v1.admin_service_pb2 import (
    CircuitState,
    CredentialState,
    ExplainRouteResponse,
    RouteStep,
)
from weir.admin.v1.admin_service_pb2 import Target as TargetReport
from weir.v1.content_pb2 import Modality
from weir.v1.generation_pb2 import UnsupportedOptionPolicy
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.catalogue import Catalogue
from weir_server.core.needs import Ability, Need, Needs, needs_of
from weir_server.core.route import ModelRoute, attempts_at_most
from weir_server.core.target import Operation, Target
from weir_server.core.targets import Explainer, TargetStates
from weir_server.routing.options import bounded, policy_of, routing_of
from weir_server.routing.order import ordered
from weir_server.routing.windows import Windows, output_tokens

_DROP = UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
_OPEN = frozenset({CircuitState.CIRCUIT_STATE_OPEN, CircuitState.CIRCUIT_STATE_FORCED_OPEN})


_MEDIA = {
    Modality.MODALITY_IMAGE: "IMAGES",
    Modality.MODALITY_AUDIO: "AUDIO",
    Modality.MODALITY_VIDEO: "VIDEO",
    Modality.MODALITY_DOCUMENT: "DOCUMENTS",
}


class Code(StrEnum):
    """Why a target stands where it does; those left out for an ability are `LACKS_…`."""

    FIRST = "FIRST"
    STANDS_BY = "STANDS_BY"
    WEIGHT = "WEIGHT"
    AFFINITY = "AFFINITY"
    FALLBACK = "FALLBACK"
    CONTEXT_TOO_SMALL = "CONTEXT_TOO_SMALL"
    CIRCUIT_OPEN = "CIRCUIT_OPEN"
    CREDENTIALS_AT_REST = "CREDENTIALS_AT_REST"
    LACKS_CHAT = "LACKS_CHAT"
    LACKS_STREAMING = "LACKS_STREAMING"
    LACKS_EXTENSION = "LACKS_EXTENSION"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    code: str
    explanation: str
    tried: bool = False


class RouteExplainer(Explainer):
    """Tells the way of a chat request; nothing is sent to a provider."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        states: TargetStates,
        windows: Windows,
        rng: Random,
        max_attempts: Callable[[], int],
    ) -> None:
        """`max_attempts`: gives the server's setting; see `attempts_at_most`."""
        self._catalogue = catalogue
        self._states = states
        self._windows = windows
        self._rng = rng
        self._max_attempts = max_attempts

    @override
    async def explain(
        self, call: Call, request: ChatRequest, *, streaming: bool, prompt_tokens: int
    ) -> ExplainRouteResponse:
        """Return every target that was considered, those that would be tried first.

        An order by weight is drawn anew each time, as for a call. Raises what resolving raises.
        """
        routing = routing_of(request)
        route = self._catalogue.resolve(
            model=request.model,
            provider=request.provider,
            operation=Operation.CHAT,
            streaming=streaming,
            fallback_models=routing.fallback_models,
            caller=call.caller,
        )
        needs = _kept(needs_of(request), route, request)
        targets = bounded(ordered(route, routing.affinity_key, self._rng), routing)
        lacking = [(target, needs.lacked_by(target)) for target in targets]
        able = [target for target, lacks in lacking if not lacks]
        small: Sequence[Target] = ()
        if prompt_tokens or not self._windows.surely_fits(request, able, needs.media):
            fit = await self._windows.fit(request, able, prompt_tokens=prompt_tokens)
            able, small = list(fit.targets), fit.small
        tried: list[Target] = []
        steps: list[RouteStep] = []
        left_out: list[RouteStep] = []
        for target in able:
            report = self._states.describe(target)
            why = _at_rest(target, report)
            if why is None:
                why = _place(target, route, is_first=not tried, key=routing.affinity_key)
                tried.append(target)
            (steps if why.tried else left_out).append(_step(target, why, report))
        steps += left_out
        steps += (self._left_out(target, _too_small(target, request)) for target in small)
        steps += (self._left_out(target, _lack(lacks)) for target, lacks in lacking if lacks)
        steps += (self._left_out(target, _other(target)) for target in route.others)
        policy = policy_of(route.policy, routing)
        return ExplainRouteResponse(
            model=route.model,
            steps=steps,
            max_attempts=attempts_at_most(policy, tried, self._max_attempts()) if tried else 0,
        )

    def _left_out(self, target: Target, why: _Why) -> RouteStep:
        return _step(target, why, self._states.describe(target))


def _kept(needs: Needs, route: ModelRoute, request: ChatRequest) -> Needs:
    """Return what is needed once validation has dropped what the caller lets it drop."""
    lacks = needs.least_lacked(route.targets)
    if request.options.unsupported_option_policy != _DROP or not all(n.option for n in lacks):
        return needs
    return needs.without(frozenset(need.option for need in lacks))


def _place(target: Target, route: ModelRoute, *, is_first: bool, key: str) -> _Why:
    """Say why a target that would be tried stands where it does."""
    own = route.legs[0]
    if target.model != route.model:
        text = f"{target.model} follows when the targets before it cannot answer."
        return _Why(code=Code.FALLBACK, explanation=text, tried=True)
    several = len(own.targets) > 1
    if several and key:
        text = "The affinity key decides; calls with the same key get the same order."
        return _Why(code=Code.AFFINITY, explanation=text, tried=True)
    if several and own.weighted:
        total = sum(each.weight for each in own.targets)
        text = f"Drawn by weight, {target.weight} of {total}; each call draws anew."
        return _Why(code=Code.WEIGHT, explanation=text, tried=True)
    if is_first:
        text = "The first that is listed and can serve the request."
        return _Why(code=Code.FIRST, explanation=text, tried=True)
    text = "Listed after it; tried when the targets before it fail."
    return _Why(code=Code.STANDS_BY, explanation=text, tried=True)


def _at_rest(target: Target, report: TargetReport) -> _Why | None:
    """Say why no call goes to a target at the moment; None: calls do."""
    if report.circuit in _OPEN:
        forced = report.circuit == CircuitState.CIRCUIT_STATE_FORCED_OPEN
        text = "An operator took it out." if forced else "It failed lately and is left alone."
        return _Why(code=Code.CIRCUIT_OPEN, explanation=text)
    usable = [
        credential.state == CredentialState.CREDENTIAL_STATE_USED
        for credential in report.credentials
        if credential.name in target.credentials
    ]
    if usable and not any(usable):
        text = "The provider refused or limited every credential that it may be asked with."
        return _Why(code=Code.CREDENTIALS_AT_REST, explanation=text)
    return None


def _too_small(target: Target, request: ChatRequest) -> _Why:
    text = f"The prompt does not fit its window of {target.context_window_tokens} tokens."
    if wanted := output_tokens(request):
        text = f"{text[:-1]} with room for an answer of {wanted}."
    return _Why(code=Code.CONTEXT_TOO_SMALL, explanation=text)


def _lack(lacks: Iterable[Need]) -> _Why:
    """Tell the first thing that is lacked, by the field that asks for it."""
    need = next(iter(lacks))
    match need.ability:
        case Ability.INPUT | Ability.OUTPUT:
            code = f"LACKS_{_MEDIA.get(need.modality, 'MEDIA')}"
        case Ability.EXTENSION:
            code = Code.LACKS_EXTENSION
        case ability:
            code = f"LACKS_{ability.name}"
    return _Why(code=code, explanation=f"It cannot serve {need.field}.")


def _other(target: Target) -> _Why:
    if target.capabilities.chat:
        return _Why(code=Code.LACKS_STREAMING, explanation="It cannot stream.")
    return _Why(code=Code.LACKS_CHAT, explanation="It does not chat.")


def _step(target: Target, why: _Why, report: TargetReport) -> RouteStep:
    return RouteStep(
        target=target.name,
        model=target.model,
        tried=why.tried,
        code=why.code,
        explanation=why.explanation,
        circuit=report.circuit,
    )
