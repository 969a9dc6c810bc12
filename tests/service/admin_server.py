"""How are the RPCs of operators served over states of a test's own? The real edge around them."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random

import grpc.aio
from typing_extensions import override

from tests.service.weir import Weir
from weir.admin.v1.admin_service_pb2 import CircuitState, ExplainRouteResponse
from weir.admin.v1.admin_service_pb2 import Target as TargetReport
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.app import App
from weir_server.core.call import Call
from weir_server.core.clock import SystemClock
from weir_server.core.errors import ModelNotFound
from weir_server.core.target import Target
from weir_server.core.targets import Explainer, TargetStates
from weir_server.identity.resolving import KeylessIdentity
from weir_server.resilience.upstreams import Upstreams
from weir_server.settings.changes import Changes
from weir_server.settings.resilience import ResilienceSettings
from weir_server.settings.tree import ServerSettings, Settings
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.grpc_aio import Dispatcher
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.services.admin import Admin
from weir_server.transport.services.table import ADMIN, admin_methods
from weir_server.transport.serving import GrpcServer
from weir_server.validation.limits import ValidationLimits

CLOSED = CircuitState.CIRCUIT_STATE_CLOSED
OPEN = CircuitState.CIRCUIT_STATE_OPEN
FORCED_OPEN = CircuitState.CIRCUIT_STATE_FORCED_OPEN


def report(provider: str, vendor_model: str, **fields: object) -> TargetReport:
    """A target that does well, or as `fields` say."""
    fields.setdefault("circuit", CLOSED)
    return TargetReport(
        name=f"providers/{provider}/targets/{vendor_model}",
        provider=f"providers/{provider}",
        vendor_model=vendor_model,
        **fields,  # type: ignore[arg-type]
    )


class InMemoryStates(TargetStates):
    """Targets that are as the test says; an operator's word is kept."""

    def __init__(self, *reports: TargetReport) -> None:
        self._reports = {each.name: each for each in reports}
        self._changed = asyncio.Event()
        self.looks = 0
        """How often all of them were looked at."""

    def put(self, *reports: TargetReport) -> None:
        """Change or add targets."""
        self._reports |= {each.name: each for each in reports}
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @override
    def describe(self, target: Target) -> TargetReport:
        return self._reports.get(target.name, TargetReport(name=target.name, circuit=CLOSED))

    @override
    def targets(self) -> Sequence[TargetReport]:
        self.looks += 1
        return [self._reports[name] for name in sorted(self._reports)]

    @override
    def force(self, name: str, circuit: CircuitState.ValueType) -> TargetReport:
        if name not in self._reports:
            raise ModelNotFound(metadata={"model": name})
        forced = TargetReport()
        forced.CopyFrom(self._reports[name])
        forced.circuit = circuit
        self.put(forced)
        return forced

    @override
    async def changed(self) -> None:
        await self._changed.wait()


class Echoing(Explainer):
    """Answers with what it was asked."""

    @override
    async def explain(
        self, call: Call, request: ChatRequest, *, streaming: bool, prompt_tokens: int
    ) -> ExplainRouteResponse:
        model = f"{request.model} {'streamed' if streaming else 'whole'} {prompt_tokens}"
        return ExplainRouteResponse(model=model)


def admin_over(states: TargetStates, *, enabled: bool = True) -> Admin:
    """The servicer over a test's states."""
    return Admin(states=states, explainer=Echoing(), limits=ValidationLimits(), enabled=enabled)


@asynccontextmanager
async def serving_admin(
    states: TargetStates,
    *,
    enabled: bool = True,
    deadlines: Deadlines | None = None,
    slow_consumer_limit_s: float = 60.0,
    channel_options: Iterable[tuple[str, int]] = (),
) -> AsyncIterator[Weir]:
    """Serve ProviderAdminService over `states` on a free loopback port."""
    log_bytes = io.BytesIO()
    open_calls = OpenCalls()
    with Log(log_bytes) as log:
        edge = Edge(
            clock=SystemClock(),
            log=log,
            open_calls=open_calls,
            deadlines=deadlines or Deadlines(),
            identity=KeylessIdentity(),
            slow_consumer_limit_s=slow_consumer_limit_s,
        )
        server = GrpcServer(
            settings=ServerSettings(listen="127.0.0.1:0"),
            dispatcher=Dispatcher(edge, admin_methods(admin_over(states, enabled=enabled))),
            services=(ADMIN,),
            open_calls=open_calls,
            log=log,
        )
        listening = await server.start()
        options = list(channel_options)
        try:
            async with grpc.aio.insecure_channel(listening.address, options=options) as channel:
                upstreams = Upstreams(ResilienceSettings(), clock=SystemClock(), rng=Random(1))
                app = App(
                    address=listening.address, server=server, upstreams=upstreams, reload=_never
                )
                yield Weir(app=app, channel=channel, log_bytes=log_bytes)
        finally:
            await server.stop()


async def _never(settings: Settings) -> Changes:
    raise AssertionError("this server has no configuration to change")
