"""How are Chat, Complete and Embed answered? The path's batches, folded or streamed."""

from datetime import timedelta

from weir.fold import ChatFold, CompleteFold
from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir.v1.generation_pb2 import StreamOptions
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    ChatResponse,
    CompleteRequest,
    CompleteResponse,
    StreamChatRequest,
    StreamCompleteRequest,
)
from weir_server.core.clock import Clock
from weir_server.core.errors import UpstreamStreamBroken
from weir_server.core.handler import Handler, Request
from weir_server.transport import facts
from weir_server.transport.events import EventStream, StreamPacing
from weir_server.transport.methods import Rpc
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.requests import validate_stream_options

SECOND = timedelta(seconds=1)


class Generation:
    """Serves the generating RPCs over the assembled path."""

    def __init__(
        self, path: Handler, *, clock: Clock, pacing: StreamPacing, limits: ValidationLimits
    ) -> None:
        self._path = path
        self._clock = clock
        self._pacing = pacing
        self._limits = limits

    async def chat(self, rpc: Rpc, request: ChatRequest) -> ChatResponse:
        """Answer a conversation at once: the fold of its stream."""
        fold = ChatFold(numbered=False)
        await self._fold(rpc, request, fold)
        response = fold.response()
        facts.complete(response.metadata, rpc.call, self._clock)
        return response

    async def complete(self, rpc: Rpc, request: CompleteRequest) -> CompleteResponse:
        """Complete a text at once: the fold of its stream."""
        fold = CompleteFold(numbered=False)
        await self._fold(rpc, request, fold)
        response = fold.response()
        facts.complete(response.metadata, rpc.call, self._clock)
        return response

    async def embed(self, rpc: Rpc, request: EmbedRequest) -> EmbedResponse:
        """Embed inputs."""
        response: EmbedResponse | None = None
        async with self._path.open(rpc.call, request) as batches:
            async for batch in batches:
                if isinstance(batch, EmbedResponse):
                    response = batch
        if response is None:
            raise UpstreamStreamBroken(metadata={"cause": "cut"})
        facts.complete(response.metadata, rpc.call, self._clock)
        return response

    async def stream_chat(self, rpc: Rpc, request: StreamChatRequest, stream: EventStream) -> None:
        """Answer a conversation as the answer is written."""
        await self._stream(rpc, request.request, request.stream_options, stream)

    async def stream_complete(
        self, rpc: Rpc, request: StreamCompleteRequest, stream: EventStream
    ) -> None:
        """Complete a text as it is written."""
        await self._stream(rpc, request.request, request.stream_options, stream)

    async def _fold(self, rpc: Rpc, request: Request, fold: ChatFold | CompleteFold) -> None:
        async with self._path.open(rpc.call, request) as batches:
            async for batch in batches:
                assert isinstance(batch, list)
                for event in batch:
                    fold.add(event)
        if fold.end is None:
            raise UpstreamStreamBroken(metadata={"cause": "cut"})

    async def _stream(
        self, rpc: Rpc, request: Request, options: StreamOptions, stream: EventStream
    ) -> None:
        validate_stream_options(options, self._limits)
        stream.open(self._pacing_of(options))
        async with self._path.open(rpc.call, request) as batches:
            async for batch in batches:
                assert isinstance(batch, list)
                await stream.send(batch)
        if not stream.ended:
            raise UpstreamStreamBroken(metadata={"cause": "cut"})

    def _pacing_of(self, options: StreamOptions) -> StreamPacing:
        if not options.ByteSize():
            return self._pacing
        pacing = self._pacing
        interval_s = pacing.heartbeat_interval_s
        if options.HasField("heartbeat_interval"):
            interval_s = options.heartbeat_interval.ToTimedelta() / SECOND
        return StreamPacing(
            heartbeat_interval_s=interval_s,
            start_alone_after_s=pacing.start_alone_after_s,
            slow_consumer_limit_s=pacing.slow_consumer_limit_s,
            coalesce_delay_s=options.max_coalesce_delay.ToTimedelta() / SECOND,
            usage_updates=options.usage_updates,
        )
