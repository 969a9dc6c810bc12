"""What if the target takes no schema? Then the schema is told to it in words.

This half of the work lies behind resilience, next to what each attempt costs: only there is it
known which target is asked, and a model that takes schemas may stand by for one that does not.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir_server.core.call import Call
from weir_server.core.handler import Batch, Handler, Request
from weir_server.structured.wording import in_words


class SayingStage(Handler):
    """Tells schemas that are judged anyway to the targets that have no field for them."""

    def __init__(self, next_stage: Handler) -> None:
        self._next = next_stage

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Pass the call on, with a copy of the request where its target takes no schema."""
        if (
            not isinstance(request, EmbedRequest)
            and request.HasField("options")
            and request.options.output_format.json_schema.max_repairs > 0
        ):
            can = call.target.capabilities
            if not (can.json_schema or call.target.is_gateway):
                request = in_words(request, takes_json_object=can.json_object)
        return self._next.open(call, request)
