"""How are the targets doing, and which way would a call go? What operators ask, as protocols."""

from collections.abc import Sequence
from typing import Protocol

from weir.admin.v1.admin_service_pb2 import CircuitState, ExplainRouteResponse
from weir.admin.v1.admin_service_pb2 import Target as TargetReport
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.target import Target


class TargetStates(Protocol):
    """The circuits, credentials and counts of targets, as resilience has found them."""

    def describe(self, target: Target) -> TargetReport:
        """Return how one target is doing; one that was never asked is CLOSED. Changes nothing."""
        ...

    def targets(self) -> Sequence[TargetReport]:
        """Return how every known target is doing, by name."""
        ...

    def force(self, name: str, circuit: CircuitState.ValueType) -> TargetReport:
        """Force a circuit open or closed, or give it back with CLOSED; return the target then.

        name: resource name, such as `providers/openai/targets/gpt-4o-mini`.
        Raises ModelNotFound where there is no such target.
        """
        ...

    async def changed(self) -> None:
        """Return as soon as something has changed since the last look."""
        ...


class Explainer(Protocol):
    """Tells the way of a request without going it."""

    async def explain(
        self, call: Call, request: ChatRequest, *, streaming: bool, prompt_tokens: int
    ) -> ExplainRouteResponse:
        """Return every target that was considered, those that would be tried first.

        prompt_tokens: how long the prompt is; 0: as long as its messages.
        Raises what resolving raises, such as ModelNotFound.
        """
        ...
