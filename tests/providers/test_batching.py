"""Are many inputs asked for in turn, and is what comes back one reply?"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from typing_extensions import override

from tests.providers.http.asking import CHAT, a_call, ask
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest, EmbedResponse
from weir_server.core.call import Call
from weir_server.core.handler import Batch, Handler, Request
from weir_server.providers.batching import InBatches
from weir_server.providers.echo.provider import EchoProvider


class Counted(Handler):
    """The echo, with what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self._echo = EchoProvider()

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        self.asked.append(request)
        return self._echo.open(call, request)


async def embed(handler: Handler, request: EmbedRequest) -> EmbedResponse:
    async with handler.open(a_call(), request) as batches:
        (reply,) = [batch async for batch in batches]
    assert isinstance(reply, EmbedResponse)
    return reply


@pytest.mark.parametrize(
    ("inputs", "sizes"), [(1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])]
)
async def test_batches_add_up(inputs: int, sizes: list[int]) -> None:
    """To the reply of one request: same vectors, same order, same tokens; the request is whole."""
    request = EmbedRequest(
        inputs=[EmbedInput(text=f"text {number}") for number in range(inputs)], dimensions=8
    )
    before = request.SerializeToString(deterministic=True)
    counted = Counted()
    reply = await embed(InBatches(counted, inputs_max=3), request)
    assert [
        len(asked.inputs) for asked in counted.asked if isinstance(asked, EmbedRequest)
    ] == sizes
    assert reply == await embed(EchoProvider(), request)
    assert request.SerializeToString(deterministic=True) == before


async def test_a_chat_passes_through() -> None:
    """Nothing of it is cut."""
    counted = Counted()
    await ask(InBatches(counted, inputs_max=1), a_call(), CHAT)
    assert counted.asked == [CHAT]
