"""Where does a request first meet its rules? Here; what passes is well formed and can be done."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from copy import deepcopy

from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.call import Call
from weir_server.core.catalogue import Catalogue
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.needs import NO_NEEDS, Need, needs_of
from weir_server.core.target import Target
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.requests import validate_chat, validate_complete, validate_embed
from weir_server.validation.support import may_drop, refusal, warning_of

STREAMED = frozenset({"StreamChat", "StreamComplete"})
"""Methods whose message wraps the request: its paths begin with `request.`."""


class ValidationStage(Handler):
    """Lets well-formed requests through, to models that can do what they ask.

    A stage without work after the request has gone on: it hands out the next stage's own context
    manager, so that batches pass without touching it.
    """

    def __init__(
        self, next_handler: Handler, limits: ValidationLimits, catalogue: Catalogue
    ) -> None:
        self._next = next_handler
        self._limits = limits
        self._catalogue = catalogue

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Check `request` and pass it on; a copy without them where unsupported options drop.

        Raises InvalidRequest or a kind of it that names every field, and what resolving raises.
        """
        prefix = "request." if call.method in STREAMED else ""
        asks = False
        fallback_models: Sequence[str] = ()
        if isinstance(request, ChatRequest):
            asks = validate_chat(request, self._limits, prefix)
        elif isinstance(request, CompleteRequest):
            validate_complete(request, self._limits, prefix)
        else:
            asks = validate_embed(request, self._limits)
        options = None
        if not isinstance(request, EmbedRequest) and request.HasField("options"):
            options = request.options
            if options.HasField("routing"):
                fallback_models = options.routing.fallback_models
        route = self._catalogue.resolve(
            model=request.model,
            provider=request.provider,
            operation=call.operation,
            streaming=call.streaming,
            fallback_models=fallback_models,
            caller=call.caller,
        )
        # Words in, words out: any model can do that.
        needs = NO_NEEDS
        if asks or options is not None:
            needs = needs_of(request, of_messages=asks)
        if needs is not NO_NEEDS:
            if lacks := needs.least_lacked(route.targets):
                request = self._without(call, request, route.targets[0], lacks, prefix)
                needs = needs.without(frozenset(lack.option for lack in lacks))
            call = call.needing(needs)
        return self._next.open(call, request)

    def _without(
        self,
        call: Call,
        request: Request,
        target: Target,
        lacks: Sequence[Need],
        prefix: str,
    ) -> Request:
        """Return a copy without the options that lack support, or refuse the call."""
        if isinstance(request, EmbedRequest) or not may_drop(request.options):
            raise refusal(lacks, target, self._limits, prefix)
        if fatal := [lack for lack in lacks if not lack.option]:
            raise refusal(fatal, target, self._limits, prefix)
        reduced = deepcopy(request)
        for option in dict.fromkeys(lack.option for lack in lacks):
            reduced.options.ClearField(option)  # type: ignore[arg-type]  # a name from the descriptor
            call.progress.warnings.append(warning_of(option))
        return reduced
