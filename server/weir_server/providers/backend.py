"""What is a provider? A wire format, an address and a credential: the path's last handler."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from weir.v1.error_pb2 import Attempt, ErrorReason
from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import UpstreamError, UpstreamProtocolError, WeirError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.exchange import UpstreamExchange
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.wire.base import Decoder, HttpRequest, Wire

ERROR_BODY_BYTES = 64 * 1024
"""So much of an error's body is read to explain it."""
READABLE_TYPES = frozenset(
    {"", "application/json", "text/event-stream", "application/x-ndjson", "text/plain"}
    | {"application/octet-stream"}
)
"""Media types that an answer may have; a page for people is none of them."""
# Looking an enum's value up by name costs more than a microsecond.
_GENERATING = Phase.PHASE_GENERATING
_SUCCEEDED = ErrorReason.ERROR_REASON_UNSPECIFIED
_ABANDONED = ErrorReason.ERROR_REASON_CLIENT_CANCELLED
MODELS = HttpRequest(path="/models", method="GET")


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
    ) -> None:
        """`name`: resource name, such as `providers/openai`."""
        self._name = name
        self._route = Route(endpoint, headers)
        self._wire = wire
        self._client = client
        self._clock = clock

    @override
    def __repr__(self) -> str:
        return f"HttpProvider({self._name}, {self._route.endpoint})"

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        """Ask the provider once. The attempt is noted in `call.progress` however it ends."""
        target = call.target
        exchange = self._client.open(
            self._route,
            self._wire.encode(request, target, stream=call.streaming),
            call=call,
            streaming=call.streaming,
            attempt_timeout_s=target.attempt_timeout_s,
        )
        attempt = Attempt(
            provider=self._name,
            model=target.vendor_model,
            # What holds if nobody waits for another outcome.
            reason=_ABANDONED,
        )
        begun_s = self._clock.monotonic_s()
        try:
            async with exchange:
                await self._accept(exchange)
                decoder = self._wire.decoder(request, target, stream=call.streaming)
                batches = self._batches(call, exchange, decoder, attempt)
                try:
                    yield batches
                finally:
                    await batches.aclose()
        except WeirError as error:
            attempt.reason = error.reason
            self._tag(error)
            raise
        except asyncio.CancelledError:
            if call.deadline.remaining_s(self._clock.monotonic_s()) <= 0:
                attempt.reason = ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED
            raise
        except Exception:
            attempt.reason = ErrorReason.ERROR_REASON_INTERNAL
            raise
        finally:
            ended_s = self._clock.monotonic_s()
            attempt.start_offset.FromNanoseconds(int((begun_s - call.arrived_s) * 1e9))
            attempt.duration.FromNanoseconds(int((ended_s - begun_s) * 1e9))
            call.progress.attempts.append(attempt)

    async def probe(self, call: Call, *, timeout_s: float | None = None) -> None:
        """Ask for the list of models, which costs nothing and needs the credential.

        timeout_s: upper bound of the attempt; None: what remains of the call's deadline.
        Raises WeirError when the provider cannot be reached or refuses.
        """
        exchange = self._client.open(
            self._route, MODELS, call=call, streaming=False, attempt_timeout_s=timeout_s
        )
        try:
            async with exchange:
                await self._accept(exchange)
        except WeirError as error:
            self._tag(error)
            raise

    async def _accept(self, exchange: UpstreamExchange) -> None:
        """Go on with an answer of status 200 that is no page; else raise what it means."""
        if exchange.status != 200:
            body = await exchange.read_bounded(ERROR_BODY_BYTES)
            raise self._wire.explain(exchange.status, exchange.headers, body)
        media_type = exchange.media_type
        if media_type not in READABLE_TYPES and not media_type.endswith("+json"):
            raise UpstreamProtocolError(metadata={"cause": "content_type"})

    def _tag(self, error: WeirError) -> None:
        if isinstance(error, UpstreamError):
            error.metadata.setdefault("provider", self._name)

    async def _batches(
        self, call: Call, exchange: UpstreamExchange, decoder: Decoder, attempt: Attempt
    ) -> AsyncGenerator[Batch, None]:
        """Give what each read completes, until the answer's own end or a failure.

        The outcome is noted before it is told: the reader may leave with the last batch.
        """
        try:
            while data := await exchange.read():
                events = decoder.feed(data)
                if decoder.done:
                    _complete(exchange, attempt)
                if events:
                    exchange.progressed()
                    call.progress.phase = _GENERATING
                    yield events
                if decoder.failure is not None:
                    raise decoder.failure
                if decoder.done:
                    return
            last = decoder.finish()
            if decoder.done:
                _complete(exchange, attempt)
            if last is not None:
                call.progress.phase = _GENERATING
                yield last
            if decoder.failure is not None:
                raise decoder.failure
        except WeirError as error:
            attempt.reason = error.reason
            self._tag(error)
            raise


def _complete(exchange: UpstreamExchange, attempt: Attempt) -> None:
    exchange.answered = True
    attempt.reason = _SUCCEEDED
