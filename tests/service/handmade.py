"""How is a handler of a test's own served? The real edge, streams and port around it, alone."""

import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import grpc.aio

from tests.service.weir import Weir
from weir.v1.content_pb2 import Part
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEnd,
)
from weir.v1.provider_service_pb2 import ChatRequest, StreamChatRequest, StreamChatResponse
from weir.v1.usage_pb2 import UsageSource
from weir_server.app import App
from weir_server.core.call import Call
from weir_server.core.caller import Role
from weir_server.core.clock import SystemClock
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Operation
from weir_server.identity.resolving import KeylessIdentity
from weir_server.resilience.upstreams import Upstreams
from weir_server.settings.changes import Changes
from weir_server.settings.resilience import ResilienceSettings
from weir_server.settings.tree import ServerSettings, Settings
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.events import StreamPacing
from weir_server.transport.grpc_aio import Dispatcher
from weir_server.transport.methods import Method
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.services.generation import Generation
from weir_server.transport.services.table import EMBEDDING, LLM
from weir_server.transport.serving import GrpcServer
from weir_server.validation.limits import ValidationLimits

Play = Callable[[Call], AsyncIterator[Batch]]


class Scripted(Handler):
    """A provider whose answer is an async generator of the test's own."""

    def __init__(self, play: Play) -> None:
        self._play = play

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        yield self._play(call)


def said(text: str, *, index: int | None = None) -> Batch:
    """The beginning of a text part, or with `index` more of it."""
    if index is None:
        part = PartStart(index=0, part=Part(text=""))
        opened = GenerationEvent(part_start=part)
        return [opened, GenerationEvent(part_delta=PartDelta(index=0, text=text))]
    return [GenerationEvent(part_delta=PartDelta(index=index, text=text))]


def ended() -> Batch:
    """The end of a good answer."""
    end = StreamEnd(finish_reason=FinishReason.FINISH_REASON_STOP)
    end.usage.source = UsageSource.USAGE_SOURCE_PROVIDER
    return [GenerationEvent(part_end=PartEnd(index=0)), GenerationEvent(end=end)]


@asynccontextmanager
async def serving_handler(
    handler: Handler,
    *,
    pacing: StreamPacing | None = None,
    server: Mapping[str, Any] | None = None,
    open_calls: OpenCalls | None = None,
) -> AsyncIterator[Weir]:
    """Serve Chat, StreamChat and Embed by `handler` in place of the path."""
    settings = ServerSettings(listen="127.0.0.1:0", **(server or {}))
    log_bytes = io.BytesIO()
    clock = SystemClock()
    open_calls = OpenCalls() if open_calls is None else open_calls
    with Log(log_bytes) as log:
        edge = Edge(
            clock=clock,
            log=log,
            open_calls=open_calls,
            deadlines=Deadlines(),
            identity=KeylessIdentity(),
        )
        generation = Generation(
            handler, clock=clock, pacing=pacing or StreamPacing(), limits=ValidationLimits()
        )
        grpc_server = GrpcServer(
            settings=settings,
            dispatcher=Dispatcher(edge, _table(generation)),
            services=(LLM, EMBEDDING),
            open_calls=open_calls,
            log=log,
        )
        listening = await grpc_server.start()
        try:
            async with grpc.aio.insecure_channel(listening.address) as channel:
                upstreams = Upstreams(ResilienceSettings(), clock=SystemClock(), rng=Random(1))
                app = App(
                    address=listening.address,
                    server=grpc_server,
                    upstreams=upstreams,
                    reload=_reload,
                )
                yield Weir(app=app, channel=channel, log_bytes=log_bytes)
        finally:
            await grpc_server.stop()


async def _reload(settings: Settings) -> Changes:
    raise AssertionError("there is no configuration behind this server")


def _table(generation: Generation) -> tuple[Method, ...]:
    return (
        Method(
            service=LLM,
            name="Chat",
            decode=ChatRequest.FromString,
            operation=Operation.CHAT,
            role=Role.CALLER,
            unary=generation.chat,
        ),
        Method(
            service=LLM,
            name="StreamChat",
            decode=StreamChatRequest.FromString,
            operation=Operation.CHAT,
            role=Role.CALLER,
            stream=generation.stream_chat,
            frame=StreamChatResponse,
        ),
        Method(
            service=EMBEDDING,
            name="Embed",
            decode=EmbedRequest.FromString,
            operation=Operation.EMBED,
            role=Role.CALLER,
            unary=generation.embed,
        ),
    )
