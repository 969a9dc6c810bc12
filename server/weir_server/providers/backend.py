"""What is a provider? A wire format, an address and a credential: the path's last handler."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from typing_extensions import override

from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    UpstreamError,
    UpstreamProtocolError,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.exchange import UpstreamExchange
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.signing import Signer
from weir_server.providers.noting import NotedAttempt
from weir_server.providers.wire.base import MODELS, Decoder, HttpRequest, Wire

ERROR_BODY_BYTES = 64 * 1024
"""So much of an error's body is read to explain it."""
ANSWER_BYTES = 1 << 20
"""So much is read of an answer that is no generation."""
READABLE_TYPES = frozenset(
    {"", "application/json", "text/event-stream", "application/x-ndjson", "text/plain"}
    | {"application/octet-stream", "application/vnd.amazon.eventstream"}
)
"""Media types that an answer may have; a page for people is none of them."""
# Looking an enum's value up by name costs more than a microsecond.
_GENERATING = Phase.PHASE_GENERATING


class HttpProvider(Handler):
    """One configured provider."""

    def __init__(
        self,
        *,
        name: str,
        endpoint: Endpoint,
        headers: ProviderHeaders,
        wire: Wire,
        client: HttpClient,
        clock: Clock,
        credentials: Mapping[str, ProviderHeaders] | None = None,
        signer: Signer | None = None,
        probe: HttpRequest = MODELS,
    ) -> None:
        """`name`: resource name, such as `providers/openai`.

        credentials: what to send instead of `headers` for targets that name a credential.
        signer: signs each request, where headers that are always the same are not enough.
        probe: a cheap request that needs the credential.
        """
        self._name = name
        self.signer = signer
        self._probe = probe
        self._route = Route(endpoint, headers)
        self._routes = {
            credential: Route(endpoint, its_headers)
            for credential, its_headers in (credentials or {}).items()
        }
        self._wire = wire
        self._client = client
        self._clock = clock

    @override
    def __repr__(self) -> str:
        return f"HttpProvider({self._name}, {self._route.endpoint})"

    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Ask the provider once. The attempt is noted in `call.progress` however it ends.

        Raises UnsupportedOption and its kin for what the wire format cannot say.
        """
        return _Asking(self, call, request)

    async def ask(
        self, call: Call, request: HttpRequest, *, timeout_s: float | None = None
    ) -> bytes:
        """Send one small request that is no generation; return the answer's body.

        timeout_s: upper bound of the attempt; None: what remains of the call's deadline.
        Raises WeirError when the provider cannot be reached or refuses.
        """
        try:
            signed = None
            if self.signer is not None:
                signed = await self.signer.sign(request, self._route.endpoint, call)
            exchange = self._client.open(
                self._routes.get(call.target.credential, self._route)
                if call.targets
                else self._route,
                request,
                call=call,
                streaming=False,
                attempt_timeout_s=timeout_s,
                signed=signed,
            )
            async with exchange:
                await self.accept(exchange)
                return await exchange.read_bounded(ANSWER_BYTES)
        except WeirError as error:
            self.tag(error)
            raise

    async def probe(self, call: Call, *, timeout_s: float | None = None) -> None:
        """See that the provider is there and takes the credential; raises like `ask`."""
        await self.ask(call, self._probe, timeout_s=timeout_s)

    async def accept(self, exchange: UpstreamExchange) -> None:
        """Go on with an answer of status 200 that is no page; else raise what it means."""
        if exchange.status != 200:
            body = await exchange.read_bounded(ERROR_BODY_BYTES)
            raise self._wire.explain(exchange.status, exchange.headers, body)
        media_type = exchange.media_type
        if media_type not in READABLE_TYPES and not media_type.endswith("+json"):
            raise UpstreamProtocolError(metadata={"cause": "content_type"})

    def encode(self, call: Call, request: Request) -> HttpRequest:
        """Return what to send for one attempt. Raises UnsupportedOption and its kin."""
        said = self._wire.encode(request, call.target, stream=call.streaming)
        for warning in said.warnings:
            if warning not in call.progress.warnings:  # an earlier attempt said the same
                call.progress.warnings.append(warning)
        return said

    def send(
        self, call: Call, said: HttpRequest, signed: Mapping[str, str] | None = None
    ) -> UpstreamExchange:
        """Return the exchange of one attempt, to be entered at once. Raises DeadlineTooShort."""
        target = call.target
        return self._client.open(
            # One that the configuration has no longer, since the call was aimed: the first serves.
            self._routes.get(target.credential, self._route) if target.credential else self._route,
            said,
            call=call,
            streaming=call.streaming,
            attempt_timeout_s=target.attempt_timeout_s,
            signed=signed,
        )

    async def send_signed(self, call: Call, said: HttpRequest, signer: Signer) -> UpstreamExchange:
        """Do as `send` does, with a signature. Raises what Signer.sign raises, too."""
        try:
            signed = await signer.sign(said, self._route.endpoint, call)
        except WeirError as error:
            self.tag(error)
            raise
        return self.send(call, said, signed)

    def note(self, call: Call) -> NotedAttempt:
        """Note an attempt that begins now; what it became is filled in later."""
        return NotedAttempt(call, self._name, self._clock)

    def decoder(self, call: Call, request: Request) -> Decoder:
        """Make the decoder of one answer."""
        return self._wire.decoder(request, call.target, stream=call.streaming)

    def tag(self, error: WeirError) -> None:
        """Say whose fault it is."""
        if isinstance(error, UpstreamError):
            error.metadata.setdefault("provider", self._name)


class _Asking(AbstractAsyncContextManager[AsyncIterator[Batch]]):
    """One attempt: entered, its answer has begun well; left, its socket is closed or reused."""

    __slots__ = ("_call", "_exchange", "_noted", "_provider", "_request")

    _exchange: UpstreamExchange
    _noted: NotedAttempt

    def __init__(self, provider: HttpProvider, call: Call, request: Request) -> None:
        self._provider = provider
        self._call = call
        self._request = request

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        provider, call = self._provider, self._call
        said = provider.encode(call, self._request)
        signer = provider.signer
        if signer is None:
            exchange = provider.send(call, said)
        else:
            exchange = await provider.send_signed(call, said, signer)
        self._exchange = exchange
        self._noted = provider.note(call)
        try:
            await exchange.__aenter__()
        except BaseException as error:
            self.settle(error)
            raise
        try:
            await provider.accept(exchange)
            decoder = provider.decoder(call, self._request)
        except BaseException as error:
            await exchange.__aexit__(type(error), error, None)
            self.settle(error)
            raise
        return _Batches(self, call, exchange, decoder)

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
                self.settle(error)

    def succeeded(self) -> None:
        """Note that the answer is complete, before its `end` is told: the end lists attempts."""
        self._exchange.answered = True
        self._noted.succeeded()

    def settle(self, error: BaseException | None) -> None:
        """Note what ended the attempt before its answer did."""
        if isinstance(error, WeirError):
            self._provider.tag(error)
        self._noted.ended(error)


class _Batches(AsyncIterator[Batch]):
    """What each read of one answer completes, until the answer's own end or a failure."""

    __slots__ = ("_asking", "_call", "_decoder", "_ended", "_exchange")

    def __init__(
        self, asking: _Asking, call: Call, exchange: UpstreamExchange, decoder: Decoder
    ) -> None:
        self._asking = asking
        self._call = call
        self._exchange = exchange
        self._decoder = decoder
        self._ended = False

    @override
    async def __anext__(self) -> Batch:
        decoder = self._decoder
        try:
            while not self._ended:
                if decoder.failure is not None:
                    raise decoder.failure
                data = await self._exchange.read()
                batch = decoder.feed(data) if data else decoder.finish()
                self._ended = decoder.done or (not data and decoder.failure is None)
                if decoder.done:
                    self._asking.succeeded()
                if batch:
                    self._exchange.progressed()
                    self._call.progress.phase = _GENERATING
                    return batch
        except WeirError as error:
            # Noted here too: the reader may keep the error to itself.
            self._asking.settle(error)
            raise
        raise StopAsyncIteration
