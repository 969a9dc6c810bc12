"""What if resilience is switched off? The first target is asked once, and nothing is remembered."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from typing_extensions import override

from weir_server.core.call import Call
from weir_server.core.handler import Batch, Handler, Request


class DirectStage(Handler):
    """Asks the first target, with the first of its credentials."""

    def __init__(self, next_stage: Handler) -> None:
        self._next = next_stage

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Pass the call on, aimed at one target."""
        if len(call.targets) > 1:
            call = call.aimed_at(call.targets[:1], kind=call.kind)
        return self._next.open(call, request)
