"""How important is a call, by what its caller says beside the message?"""

import io

import pytest
from google.protobuf.message import Message

from tests.fuzz.fuzz_request_decoder import MemoryExchange
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.core.call import Call
from weir_server.core.caller import Role
from weir_server.core.clock import SystemClock
from weir_server.core.priority import Priority
from weir_server.core.target import Operation
from weir_server.identity.resolving import KeylessIdentity
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.exchange import Metadata
from weir_server.transport.methods import Method, Rpc
from weir_server.transport.open_calls import OpenCalls


class Saying(MemoryExchange):
    """A caller who says this beside its message."""

    def __init__(self, **said: str) -> None:
        super().__init__()
        self._said = [(name.replace("_", "-"), value) for name, value in said.items()]

    def metadata(self) -> Metadata:
        return self._said


async def call_of(exchange: Saying) -> Call:
    """Return the call as a servicer sees it."""
    seen: list[Call] = []

    async def answer(rpc: Rpc, request: Message) -> Message:
        seen.append(rpc.call)
        return ChatResponse()

    method = Method(
        service="s",
        name="Chat",
        decode=ChatRequest.FromString,
        operation=Operation.CHAT,
        role=Role.CALLER,
        unary=answer,
    )
    with Log(io.BytesIO()) as log:
        edge = Edge(
            clock=SystemClock(),
            log=log,
            open_calls=OpenCalls(),
            deadlines=Deadlines(),
            identity=KeylessIdentity(),
        )
        await edge.serve(method, exchange, b"")
    return seen[0]


@pytest.mark.parametrize("priority", Priority)
async def test_the_caller_says_its_class(priority: Priority) -> None:
    """`weir-priority` becomes the call's class."""
    call = await call_of(Saying(weir_priority=priority.name.lower()))
    assert call.priority is priority


async def test_who_says_nothing_is_standard() -> None:
    """A first attempt of no stated class is a standard call."""
    call = await call_of(Saying())
    assert (call.priority, call.retried) == (Priority.STANDARD, False)


@pytest.mark.parametrize(("said", "retried"), [("0", False), ("1", True), ("4", True)])
async def test_retried_is_what_grpc_says(said: str, retried: bool) -> None:
    """A call that gRPC has tried before is known as such."""
    call = await call_of(Saying(grpc_previous_rpc_attempts=said))
    assert call.retried is retried
