"""How do operators see and steer targets while Weir runs?"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

from weir.admin.v1.admin_service_pb2 import (
    ExplainRouteRequest,
    ExplainRouteResponse,
    ListTargetsRequest,
    ListTargetsResponse,
    SetCircuitStateRequest,
    SetCircuitStateResponse,
    Target,
    WatchTargetsRequest,
    WatchTargetsResponse,
)
from weir_server.core.errors import FeatureDisabled
from weir_server.core.targets import Explainer, TargetStates
from weir_server.transport.methods import Rpc
from weir_server.validation.admin import (
    validate_explain_route,
    validate_list_targets,
    validate_set_circuit_state,
    validate_watch_targets,
)
from weir_server.validation.limits import ValidationLimits

SECOND = timedelta(seconds=1)
INTERVAL_S = 1.0
LOOK_AGAIN_S = 5.0
"""A watch looks so often by itself: waits and windows end by time alone, and nobody tells."""


class Admin:
    """Serves ProviderAdminService. Switched off, every method raises FeatureDisabled."""

    def __init__(
        self,
        *,
        states: TargetStates,
        explainer: Explainer,
        limits: ValidationLimits,
        enabled: bool,
    ) -> None:
        self._states = states
        self._explainer = explainer
        self._limits = limits
        self._enabled = enabled

    async def list_targets(self, _rpc: Rpc, request: ListTargetsRequest) -> ListTargetsResponse:
        """List targets by name, with the state of each."""
        self._refuse_if_disabled()
        validate_list_targets(request, self._limits)
        return ListTargetsResponse(targets=self._targets(request.provider))

    async def watch_targets(
        self, _rpc: Rpc, request: WatchTargetsRequest
    ) -> AsyncGenerator[WatchTargetsResponse, None]:
        """Give the list at once, and again when it is another one; never twice in an interval."""
        self._refuse_if_disabled()
        validate_watch_targets(request, self._limits)
        interval_s = INTERVAL_S
        if request.HasField("interval"):
            interval_s = request.interval.ToTimedelta() / SECOND
        told = WatchTargetsResponse(targets=self._targets(request.provider))
        yield told
        while True:
            await asyncio.sleep(interval_s)
            now = WatchTargetsResponse(targets=self._targets(request.provider))
            if now == told:
                # Nothing comes between that look and this wait, so that no change is missed.
                await self._changed()
            else:
                told = now
                yield now

    async def set_circuit_state(
        self, _rpc: Rpc, request: SetCircuitStateRequest
    ) -> SetCircuitStateResponse:
        """Force a circuit, or give it back to its breaker. Raises ModelNotFound."""
        self._refuse_if_disabled()
        validate_set_circuit_state(request, self._limits)
        target = self._states.force(request.name, request.circuit)
        return SetCircuitStateResponse(target=target)

    async def explain_route(self, rpc: Rpc, request: ExplainRouteRequest) -> ExplainRouteResponse:
        """Tell the way of a request. Raises what resolving raises, such as ModelNotFound."""
        self._refuse_if_disabled()
        validate_explain_route(request, self._limits)
        return await self._explainer.explain(
            rpc.call,
            request.request,
            streaming=request.streaming,
            prompt_tokens=request.prompt_tokens,
        )

    def _targets(self, provider: str) -> list[Target]:
        targets = self._states.targets()
        return [target for target in targets if provider in ("", target.provider)]

    async def _changed(self) -> None:
        """Return when something may have changed."""
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._states.changed()
        except TimeoutError:
            return

    def _refuse_if_disabled(self) -> None:
        if not self._enabled:
            raise FeatureDisabled(metadata={"feature": "admin"})
