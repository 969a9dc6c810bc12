"""How is the embedded model called? Like any server that speaks OpenAI's protocol, once it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.errors import UpstreamConnectFailed, UpstreamProtocolError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Target
from weir_server.core.tokens import ProviderTokenCounter, TokenCount
from weir_server.providers.backend import HttpProvider
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.local import tokens
from weir_server.providers.local.engine import LocalEngine
from weir_server.providers.local.errors import LocalEngineError
from weir_server.providers.wire.base import HttpRequest, Wire

COUNT_ANSWER_BYTES = 32 * 1024 * 1024
"""`/tokenize` lists every token of a text."""
JSON_HEADERS = {"content-type": "application/json"}

ProviderMaker = Callable[[LocalEngine], tuple[HttpProvider, Route]]
"""Makes the HTTP provider of a running engine, and the route to the engine's own paths."""


class LocalProvider(Handler, ProviderTokenCounter):
    """The embedded model. Starts its engine again should it have died."""

    def __init__(
        self, engine: LocalEngine, *, wire: Wire, client: HttpClient, reach: ProviderMaker
    ) -> None:
        self._engine = engine
        self._wire = wire
        self._client = client
        self._reach = reach
        self._reached: tuple[HttpProvider, Route] | None = None
        self._starting = asyncio.Lock()
        self._tokenizer = f"local:{engine.settings.model_name}"

    async def start(self) -> None:
        """Load the model. Raises LocalEngineError."""
        async with self._starting:
            if self._reached is None or not self._engine.is_running:
                await self._engine.start()
                self._reached = self._reach(self._engine)

    async def _running(self) -> tuple[HttpProvider, Route]:
        if self._reached is None or not self._engine.is_running:
            try:
                await self.start()
            except LocalEngineError as failure:
                raise UpstreamConnectFailed(metadata={"cause": "engine"}) from failure
        assert self._reached is not None
        return self._reached

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        """Ask the model; leaving the block stops it at its next token.

        Always as a stream, whatever the caller gets: the engine notices only when it writes that
        nobody listens any more.
        """
        provider, _ = await self._running()
        async with provider.open(replace(call, streaming=True), request) as batches:
            yield batches

    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Ask the engine how many tokens a text is."""
        path, body = tokens.text_count_request(text)
        return await self._count(call, path, body, tokens.parse_text_count)

    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Ask the engine how many prompt tokens a chat is, template included."""
        encoded = self._wire.encode(request, target, stream=False)
        path, body = tokens.chat_count_request(encoded.body)
        return await self._count(call, path, body, tokens.parse_chat_count)

    async def _count(
        self, call: Call, path: str, body: bytes, parse: Callable[[bytes], int]
    ) -> TokenCount:
        _, route = await self._running()
        request = HttpRequest(path=path, body=body, headers=JSON_HEADERS)
        async with self._client.open(route, request, call=call, streaming=False) as exchange:
            answer = await exchange.read_bounded(COUNT_ANSWER_BYTES)
            if exchange.status != 200:
                raise self._wire.explain(exchange.status, exchange.headers, answer)
        # Both requests and answers may be large; neither parse holds the event loop for long.
        try:
            count = await asyncio.to_thread(parse, answer)
        except tokens.UnreadableCount as failure:
            raise UpstreamProtocolError(metadata={"cause": "malformed"}) from failure
        return TokenCount(tokens=count, exact=True, tokenizer=self._tokenizer)

    async def probe(self, call: Call) -> None:
        """See that the engine runs."""
        provider, _ = await self._running()
        await provider.probe(call)

    async def close(self) -> None:
        """Stop every generation and the engine."""
        try:
            await self._client.close()
        finally:
            await self._engine.stop()
