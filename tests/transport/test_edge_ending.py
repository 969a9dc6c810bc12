"""A stream's `end` and its status tell one story, whatever happens while the end is sent."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.rpc import code_pb2

from tests.fuzz.fuzz_request_decoder import MemoryExchange
from tests.service.handmade import said
from tests.service.weir import stream_request
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import StreamChatRequest, StreamChatResponse
from weir_server.core.call import Call
from weir_server.core.caller import Role
from weir_server.core.clock import SystemClock
from weir_server.core.errors import UpstreamStreamBroken
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Operation
from weir_server.identity.resolving import KeylessIdentity
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.events import StreamPacing
from weir_server.transport.methods import Method
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.services.generation import Generation
from weir_server.validation.limits import ValidationLimits


class Breaking(Handler):
    """Says a word and breaks."""

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        yield self._break()

    async def _break(self) -> AsyncIterator[Batch]:
        yield said("first")
        raise UpstreamStreamBroken(metadata={"cause": "cut"})


class DrainedWhileEnding(MemoryExchange):
    """A caller whose server is drained to its end just as the `end` is under way."""

    def __init__(self, open_calls: OpenCalls) -> None:
        super().__init__()
        self.events: list[GenerationEvent] = []
        self._open_calls = open_calls

    async def send(self, message: bytes) -> None:
        self.events.extend(StreamChatResponse.FromString(message).events)
        if self.events[-1].HasField("end"):
            self._open_calls.interrupt_all()


async def test_a_drain_during_the_end_changes_nothing() -> None:
    """What the `end` says of the failure, the status says too."""
    open_calls, clock = OpenCalls(), SystemClock()
    generation = Generation(
        Breaking(), clock=clock, pacing=StreamPacing(), limits=ValidationLimits()
    )
    method = Method(
        service="s",
        name="StreamChat",
        decode=StreamChatRequest.FromString,
        operation=Operation.CHAT,
        role=Role.CALLER,
        stream=generation.stream_chat,
        frame=StreamChatResponse,
    )
    exchange = DrainedWhileEnding(open_calls)
    with Log(io.BytesIO()) as log:
        edge = Edge(
            clock=clock,
            log=log,
            open_calls=open_calls,
            deadlines=Deadlines(),
            identity=KeylessIdentity(),
        )
        request = stream_request("hello").SerializeToString()
        finish = await edge.serve(method, exchange, request)
    end = exchange.events[-1].end
    assert end.error.code == finish.code == code_pb2.ABORTED
