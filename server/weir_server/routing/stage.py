"""Who should be asked? The stage that gives a call its targets, and what may be done with them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from random import Random
from types import TracebackType

from typing_extensions import override

from weir_server.core.call import Call
from weir_server.core.catalogue import Catalogue
from weir_server.core.errors import UnsupportedOption
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.needs import NO_NEEDS
from weir_server.routing.options import NO_OPTIONS, bounded, policy_of, routing_of
from weir_server.routing.order import ordered
from weir_server.routing.windows import Windows, too_long


class RoutingStage(Handler):
    """Resolves the model and provider that a request names to those who can serve it, in order."""

    def __init__(
        self, next_stage: Handler, catalogue: Catalogue, *, windows: Windows, rng: Random
    ) -> None:
        self._next = next_stage
        self._catalogue = catalogue
        self._windows = windows
        self._rng = rng

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Pass the call on with its targets.

        Raises what Catalogue.resolve raises; on entering, ContextLengthExceeded where no target is
        large enough.
        """
        routing = routing_of(request)
        route = self._catalogue.resolve(
            model=request.model,
            provider=request.provider,
            operation=call.operation,
            streaming=call.streaming,
            fallback_models=() if routing is NO_OPTIONS else routing.fallback_models,
            caller=call.caller,
        )
        targets = ordered(route, routing.affinity_key, self._rng)
        needs = call.needs
        if (
            needs is not NO_NEEDS and len(targets) > 1
        ):  # the only one can: validation has seen to it
            targets = tuple(target for target in targets if not needs.lacked_by(target))
            if not targets:
                # Validation lets through only what some target can do, but the configuration may
                # have become another one while the call waited.
                raise UnsupportedOption(metadata={"model": route.model})
        if routing is not NO_OPTIONS:
            targets = bounded(targets, routing)
        call.progress.route = targets[0]
        call = call.aimed_at(targets, policy=policy_of(route.policy, routing))
        if self._windows.surely_fits(request, targets, needs.media):
            return self._next.open(call, request)
        return _Counted(self, call, request)

    async def fitting(self, call: Call, request: Request) -> Call:
        """Return the call with the targets that are large enough. Raises ContextLengthExceeded."""
        fit = await self._windows.fit(request, call.targets)
        if not fit.targets:
            raise too_long(fit, request)
        call.progress.route = fit.targets[0]
        return call.aimed_at(fit.targets)

    def go_on(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the next stage."""
        return self._next.open(call, request)


class _Counted(AbstractAsyncContextManager[AsyncIterator[Batch]]):
    """A call whose prompt has to be counted first; then it is that of the next stage."""

    __slots__ = ("_call", "_next", "_request", "_stage")

    _next: AbstractAsyncContextManager[AsyncIterator[Batch]]

    def __init__(self, stage: RoutingStage, call: Call, request: Request) -> None:
        self._stage = stage
        self._call = call
        self._request = request

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        call = await self._stage.fitting(self._call, self._request)
        self._next = self._stage.go_on(call, self._request)
        return await self._next.__aenter__()

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._next.__aexit__(kind, error, trace)
