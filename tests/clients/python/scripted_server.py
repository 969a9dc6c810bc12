"""Who answers the client in these tests? A real gRPC server on loopback that plays scripts.

A test queues one script per call; the server plays it and notes what it saw: the request, the
metadata, and when the caller hung up. It lives in the test's event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from google.rpc.status_pb2 import Status

from weir.v1 import embedding_service_pb2, model_service_pb2, provider_service_pb2
from weir.v1.generation_pb2 import GenerationEvent

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]

Frame = list[GenerationEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """End the call with a status; details travel as the contract says."""

    code: grpc.StatusCode
    message: str = "scripted failure"
    details: Sequence[Message] = ()
    trailers: Sequence[tuple[str, str | bytes]] = ()

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The trailing metadata, rich details included."""
        if not self.details:
            return tuple(self.trailers)
        status = Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        packed = ("grpc-status-details-bin", status.SerializeToString())
        return (*self.trailers, packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Say nothing for a while."""

    seconds: float = 3600.0


Step = Frame | Message | Failure | Pause


@dataclass(slots=True, kw_only=True)
class Seen:
    """What the server saw of one attempt of a call."""

    method: str
    request: Message
    metadata: dict[str, str | bytes]
    time_remaining_s: float | None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled_at_s: float | None = None
    """When the caller hung up, on time.monotonic."""


class ScriptedServer:
    """Plays one queued script per attempt; the last one again when the queue is empty."""

    def __init__(self) -> None:
        self.address = ""
        self.seen: list[Seen] = []
        self._called = asyncio.Event()
        self._scripts: deque[Sequence[Step]] = deque()
        self._last: Sequence[Step] = ()

    def play(self, *steps: Step) -> None:
        """Queue a script for the next attempt that has none."""
        self._scripts.append(steps)

    async def first_call(self) -> Seen:
        """The first attempt, as soon as it is there."""
        async with asyncio.timeout(5):
            await self._called.wait()
        return self.seen[0]

    def handlers(self, service: ServiceDescriptor) -> dict[str, Handler]:
        """A handler for every method of a service."""
        return {
            method.name: self._handler(
                method.name, GetMessageClass(method.input_type), GetMessageClass(method.output_type)
            )
            for method in service.methods
        }

    def health(self) -> dict[str, Handler]:
        """The standard health check; its messages look like these on the wire."""
        return {"Check": self._handler("Check", StringValue, Int32Value)}

    def _handler(self, method: str, request: type[Message], reply: type[Message]) -> Handler:
        streams = "events" in reply.DESCRIPTOR.fields_by_name

        async def handle(message: Message, context: Context) -> Message | None:
            seen = Seen(
                method=method,
                request=message,
                metadata=dict(context.invocation_metadata() or ()),
                time_remaining_s=context.time_remaining(),
            )
            self.seen.append(seen)
            self._called.set()
            try:
                return await self._perform(context, reply)
            except asyncio.CancelledError:
                seen.cancelled_at_s = time.monotonic()
                raise
            finally:
                seen.over.set()

        make = (
            grpc.unary_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
        )
        return make(handle, request.FromString, reply.SerializeToString)

    async def _perform(self, context: Context, reply: type[Message]) -> Message | None:
        """Play the next script, note how it goes."""
        script = self._last = self._scripts.popleft() if self._scripts else self._last
        for step in script:
            match step:
                case Pause():
                    await asyncio.sleep(step.seconds)
                case Failure():
                    await context.abort(step.code, step.message, step.metadata())
                case Message():
                    return step
                case events:
                    await context.write(reply(events=events))
        return None


@asynccontextmanager
async def scripted_server(
    address: str = "127.0.0.1:0", credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[ScriptedServer]:
    """A server that listens until the block ends."""
    playing = ScriptedServer()
    server = grpc.aio.server()
    services = {"grpc.health.v1.Health": playing.health()}
    for file in (provider_service_pb2, model_service_pb2, embedding_service_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            services[service.full_name] = playing.handlers(service)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, table) for name, table in services.items()]
    )
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    playing.address = address if address.startswith("unix:") else f"127.0.0.1:{port}"
    await server.start()
    try:
        yield playing
    finally:
        await server.stop(0)
