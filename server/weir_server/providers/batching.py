"""What if a vendor takes fewer inputs at once than Embed does? They are asked for in turn."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir_server.core.call import Call
from weir_server.core.errors import UpstreamProtocolError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.in_turn import InTurn


class InBatches(Handler):
    """A provider whose vendor takes at most so many inputs in one request of Embed.

    More are cut into requests, one after the other, each an attempt of the call with the limits of
    one; what they answer becomes one reply. Where a later one fails, `progress.in_turn` tells what
    the earlier ones have used. Whatever else is asked passes through.
    """

    def __init__(self, inner: Handler, *, inputs_max: int) -> None:
        self._inner = inner
        self._inputs_max = inputs_max

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Ask the provider; raises what it raises, for the first batch that fails."""
        if not isinstance(request, EmbedRequest) or len(request.inputs) <= self._inputs_max:
            return self._inner.open(call, request)
        return self._in_turn(call, request)

    @asynccontextmanager
    async def _in_turn(
        self, call: Call, request: EmbedRequest
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        whole = EmbedResponse()
        in_turn = call.progress.in_turn = InTurn()
        for first in range(0, len(request.inputs), self._inputs_max):
            some = EmbedRequest()
            some.CopyFrom(request)
            del some.inputs[:]
            some.inputs.extend(request.inputs[first : first + self._inputs_max])
            in_turn.ask(some)
            answer = await self._ask(call, some)
            in_turn.take(answer)
            _add(whole, answer, first=first)
        yield _one(whole)

    async def _ask(self, call: Call, request: EmbedRequest) -> EmbedResponse:
        async with self._inner.open(call, request) as batches:
            async for batch in batches:
                if isinstance(batch, EmbedResponse):
                    return batch
        raise UpstreamProtocolError(metadata={"cause": "malformed"})


def _add(whole: EmbedResponse, some: EmbedResponse, *, first: int) -> None:
    """Add what one request answered, its inputs counted from `first` on."""
    if not first:
        whole.CopyFrom(some)
        return
    if some.dimensions != whole.dimensions:
        raise UpstreamProtocolError(metadata={"cause": "malformed"})
    for embedding in some.embeddings:
        embedding.index += first
    whole.embeddings.extend(some.embeddings)
    if not some.usage.source or not whole.usage.source:
        whole.ClearField("usage")  # Half a count is none: it is estimated as a whole.
        return
    whole.usage.prompt_tokens += some.usage.prompt_tokens
    whole.usage.total_tokens += some.usage.total_tokens


async def _one(response: EmbedResponse) -> AsyncIterator[Batch]:
    yield response
