"""Who should be asked? The stage that gives a call its targets."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir_server.core.call import Call
from weir_server.core.catalogue import Catalogue
from weir_server.core.handler import Batch, Handler, Request
from weir_server.routing.options import bounded


class RoutingStage(Handler):
    """Resolves the model and provider that a request names."""

    def __init__(self, next_stage: Handler, catalogue: Catalogue) -> None:
        self._next = next_stage
        self._catalogue = catalogue

    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Pass the call on with its targets. Raises what Catalogue.resolve and `bounded` raise."""
        targets = self._catalogue.resolve(
            model=request.model, provider=request.provider, operation=call.operation
        )
        if (
            not isinstance(request, EmbedRequest)
            and request.HasField("options")
            and request.options.HasField("routing")
        ):
            targets = bounded(call, request.options, targets)
        call.progress.route = targets[0]
        return self._next.open(call.aimed_at(targets), request)
