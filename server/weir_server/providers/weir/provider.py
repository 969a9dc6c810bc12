"""What is a provider that is a Weir? The path's last handler, which asks another one's first."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbedResponse
from weir.v1.error_pb2 import Attempt
from weir.v1.generation_pb2 import Phase, ResponseMetadata
from weir.v1.model_service_pb2 import GetServerInfoResponse
from weir.v1.provider_service_pb2 import ChatRequest, CountTokensResponse
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    UpstreamConnectFailed,
    UpstreamError,
    UpstreamStreamBroken,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Target
from weir_server.core.tokens import ProviderTokenCounter, TokenCount
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.noting import NotedAttempt, set_duration
from weir_server.providers.weir import asking
from weir_server.providers.weir.asking import Ask, ask, ask_count
from weir_server.providers.weir.exchange import FarExchange
from weir_server.providers.weir.failures import of_end
from weir_server.providers.weir.link import Link
from weir_server.providers.weir.relay import Relay
from weir_server.providers.weir.unfold import read, unfolded

HEARTBEAT_MIN_S, HEARTBEAT_MAX_S = 5.0, 60.0
"""What a caller may ask of a Weir."""
MAX_HOPS = 8
"""No chain is so long on purpose; Weirs that name each other would hand a call on for ever."""
# Looking an enum's value up by name costs more than a microsecond.
_GENERATING = Phase.PHASE_GENERATING

Pairs = Sequence[tuple[str, str]]


class WeirProvider(Handler, ProviderTokenCounter):
    """One configured provider."""

    def __init__(
        self,
        *,
        name: str,
        link: Link,
        metadata: Pairs,
        credentials: Mapping[str, Pairs],
        clock: Clock,
        idle_s: float,
    ) -> None:
        """`name`: resource name, such as `providers/berlin`.

        metadata: what every call carries; credentials: the same for targets that name a credential.
        idle_s: how long the far Weir may be silent; it is asked to say sooner that it is there.
        """
        self.name = name
        self._link = link
        self._metadata = metadata
        self._credentials = credentials
        self._clock = clock
        self.heartbeat_s = min(max(idle_s / 3, HEARTBEAT_MIN_S), HEARTBEAT_MAX_S)
        self._stream_limits = HttpLimits(idle_s=max(idle_s, 3 * self.heartbeat_s))

    @override
    def __repr__(self) -> str:
        return f"WeirProvider({self.name}, {self._link.endpoint})"

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Ask the far Weir once. The attempt is noted in `call.progress` however it ends."""
        return _Asking(self, call, request)

    @override
    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Let the far Weir count a text. Raises WeirError."""
        return await self._count(call, target, ask_count(text, target))

    @override
    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Let the far Weir count a chat. Raises WeirError."""
        return await self._count(call, target, ask_count(request, target))

    async def probe(self, call: Call, *, timeout_s: float | None = None) -> None:
        """See that a Weir is there and takes the credential. Raises WeirError."""
        said = Ask(method=asking.SERVER_INFO, message=b"")
        read(GetServerInfoResponse(), await self._ask(call, said, timeout_s=timeout_s))

    async def close(self) -> None:
        """Leave the far Weir once the calls that are open have ended."""
        await self._link.retire()

    async def _count(self, call: Call, target: Target, said: Ask) -> TokenCount:
        reply = await self._ask(call, said, target=target, timeout_s=target.attempt_timeout_s)
        counted = read(CountTokensResponse(), reply)
        return TokenCount(tokens=counted.tokens, exact=counted.exact, tokenizer=counted.tokenizer)

    async def _ask(
        self, call: Call, said: Ask, *, target: Target | None = None, timeout_s: float | None
    ) -> bytes:
        exchange = self.exchange(call, said, target=target, timeout_s=timeout_s, streaming=False)
        try:
            async with exchange:
                return await exchange.read_reply()
        except WeirError as error:
            self.tag(error)
            raise

    def exchange(
        self,
        call: Call,
        said: Ask,
        *,
        target: Target | None,
        timeout_s: float | None,
        streaming: bool,
    ) -> FarExchange:
        """Return one RPC, to be entered at once.

        Raises DeadlineTooShort; UpstreamConnectFailed for a call that goes round in a ring.
        """
        if call.hops >= MAX_HOPS:
            raise UpstreamConnectFailed(metadata={"cause": "loop", "provider": self.name})
        credential = "" if target is None else target.credential
        return FarExchange(
            self._link,
            self._clock,
            said,
            call=call,
            fixed=self._credentials.get(credential, self._metadata),
            attempt_timeout_s=timeout_s,
            limits=self._stream_limits if streaming else None,
        )

    def tag(self, error: WeirError) -> None:
        """Say whose fault it is, as this side's callers know it."""
        if isinstance(error, UpstreamError):
            error.metadata = {**error.metadata, "provider": self.name}

    def note(self, call: Call) -> NotedAttempt:
        """Note an attempt that begins now."""
        return NotedAttempt(call, self.name, self._clock)


class _Asking(AbstractAsyncContextManager[AsyncIterator[Batch]], AsyncIterator[Batch]):
    """One attempt and its batches: entered, the request is sent; left, the far call is over."""

    __slots__ = (
        "_call",
        "_exchange",
        "_is_over",
        "_noted",
        "_provider",
        "_relay",
        "_request",
    )

    _exchange: FarExchange
    _noted: NotedAttempt

    def __init__(self, provider: WeirProvider, call: Call, request: Request) -> None:
        self._provider = provider
        self._call = call
        self._request = request
        self._relay = Relay(request)
        self._is_over = False

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        provider, call = self._provider, self._call
        target = call.target
        said = ask(
            self._request, target, streaming=call.streaming, heartbeat_s=provider.heartbeat_s
        )
        self._exchange = provider.exchange(
            call,
            said,
            target=target,
            timeout_s=target.attempt_timeout_s,
            streaming=call.streaming,
        )
        self._noted = provider.note(call)
        try:
            await self._exchange.__aenter__()
        except BaseException as error:
            self._settle(error)
            raise
        return self

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._exchange.__aexit__(kind, error, trace)
        finally:
            if self._noted.is_open:
                self._settle(error)

    @override
    async def __anext__(self) -> Batch:
        if self._is_over:
            if self._relay.end is not None:
                await self._exchange.read_status()
            raise StopAsyncIteration
        try:
            return await (self._stream_batch() if self._call.streaming else self._reply())
        except WeirError as error:
            # Noted here too: the reader may keep the error to itself.
            self._settle(error)
            raise

    async def _stream_batch(self) -> Batch:
        exchange, relay, progress = self._exchange, self._relay, self._call.progress
        while True:
            if relay.failed is not None:
                raise exchange.fail(of_end(relay.failed))
            message = await exchange.read()
            if message is None:
                raise UpstreamStreamBroken(metadata={"cause": "cut"})
            batch = relay.feed(message)
            if batch:
                exchange.answered = relay.answered
                progress.phase = _GENERATING
                if relay.end is not None:
                    self._succeed(relay.end.metadata)
                return batch
            if relay.phase is not None:
                progress.phase = relay.phase

    async def _reply(self) -> Batch:
        batch = unfolded(self._request, await self._exchange.read_reply())
        self._call.progress.phase = _GENERATING
        self._succeed(
            batch.metadata if isinstance(batch, EmbedResponse) else batch[-1].end.metadata
        )
        return batch

    def _succeed(self, metadata: ResponseMetadata) -> None:
        """Note that the answer is whole, and move the far attempts to where this side has its."""
        self._is_over = True
        self._noted.succeeded()
        self._list(metadata.attempts)
        metadata.ClearField("attempts")

    def _settle(self, error: BaseException | None) -> None:
        """Note what ended the attempt before its answer did."""
        if isinstance(error, WeirError):
            self._provider.tag(error)
        self._noted.ended(error)
        if (failed := self._exchange.failed) is not None:
            self._exchange.failed = None
            self._list(failed.attempts)

    def _list(self, far: Sequence[Attempt]) -> None:
        """List the far Weir's attempts before the one that they were made for, named through it."""
        noted, listed = self._noted, self._call.progress.attempts
        place = next(i for i, each in enumerate(listed) if each is noted.attempt)
        told: list[Attempt] = []
        for each in far:
            copy = Attempt()
            copy.CopyFrom(each)
            copy.provider = f"{self._provider.name}/{each.provider}"
            offset_s = each.start_offset.ToNanoseconds() / 1e9
            set_duration(copy.start_offset, offset_s + noted.begun_s - self._call.arrived_s)
            told.append(copy)
        listed[place:place] = told
