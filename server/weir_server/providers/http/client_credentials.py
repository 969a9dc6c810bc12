"""Who gives us a token? A server that takes an application's secret for one, now and then.

The grant is that of RFC 6749, section 4.4. The token is kept until shortly before it expires. One
request at a time fetches it: who needs it meanwhile waits for that one, and shares its failure.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.json import Decoder
from typing_extensions import override

from weir.v1.generation_pb2 import Phase
from weir_server.core.call import NO_TRACE, Call, Progress
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    DeadlineExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimited,
)
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.exchange import UpstreamExchange
from weir_server.providers.http.guard import Endpoint, EndpointPolicy, parse_endpoint
from weir_server.providers.http.headers import VALUE, ProviderHeaders
from weir_server.providers.http.signing import Signer
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.retry_after import retry_after_s

FETCH_TIMEOUT_S = 10.0
"""How long the server may take to give a token."""
RENEW_MAX_S = 300.0
"""A token is renewed so long before it expires, or after nine tenths of its life if that is later:
requests that it goes out with have to arrive."""
_LIFE_SHARE = 0.1
_ANSWER_BYTES = 1 << 18
_HEADERS = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """How to ask for a token."""

    address: str
    """Base address of the server."""
    path: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    allow_insecure_http: bool = False

    def endpoint(self, *, private_ok: bool, where: str) -> Endpoint:
        """Return the server's endpoint. Raises ConfigInvalid, naming the field `where`."""
        policy = EndpointPolicy(
            allow_private=private_ok, allow_insecure_http=self.allow_insecure_http
        )
        return parse_endpoint(self.address, policy, field=where)

    def request(self) -> HttpRequest:
        """Return the request for a token."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": self.scope,
        }
        return HttpRequest(path=self.path, body=urlencode(form).encode(), headers=_HEADERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str = field(repr=False)
    renew_at_s: float
    """On the clock's monotonic scale, as is the next."""
    expires_at_s: float


class _Said(Struct):
    """The server's answer, as far as it matters."""

    access_token: str
    expires_in: float | str = 0.0


_SAID = Decoder(_Said)


class ClientCredentials(Signer):
    """Signs requests with the token of one application."""

    def __init__(self, grant: Grant, *, client: HttpClient, clock: Clock) -> None:
        """`client`: that of the provider, as endpoints of one permission share connections."""
        self._grant = grant
        self._client = client
        self._clock = clock
        self._token: _Token | None = None
        self._route: Route | None = None
        self._turn = asyncio.Lock()
        self._failures = 0
        self._failure: UpstreamError | None = None
        """Why the last fetch brought no token."""

    @override
    async def sign(self, request: HttpRequest, endpoint: Endpoint, call: Call) -> Mapping[str, str]:
        """Return the token as a bearer's; see Signer.

        Raises UpstreamCredentialsRejected where the server refuses the application, and what a
        provider that cannot be reached raises.
        """
        del request
        token = self._token
        if token is None or self._clock.monotonic_s() >= token.renew_at_s:
            token = await self._renewed(endpoint, call)
        return {"authorization": f"Bearer {token.text}"}

    async def _renewed(self, endpoint: Endpoint, call: Call) -> _Token:
        failures = self._failures
        async with self._one_at_a_time(call):
            token, now_s = self._token, self._clock.monotonic_s()
            if token is not None and now_s < token.renew_at_s:
                return token  # somebody fetched it meanwhile
            if self._failure is not None and self._failures != failures:
                raise _again(self._failure)  # it failed while this call waited for it
            self._failure = None
            try:
                token = self._token = await self._fetch(endpoint, call)
            except UpstreamError as failure:
                self._failure = failure
                self._failures += 1
                if token is None or now_s >= token.expires_at_s:
                    raise
            return token

    @asynccontextmanager
    async def _one_at_a_time(self, call: Call) -> AsyncIterator[None]:
        """Wait for one's turn, for as long as the call has. Raises DeadlineExceeded."""
        remaining_s = call.deadline.remaining_s(self._clock.monotonic_s())
        try:
            async with asyncio.timeout(max(0.0, remaining_s)):
                await self._turn.acquire()
        except TimeoutError:
            phase = Phase.Name(Phase.PHASE_CONNECTING).removeprefix("PHASE_")
            raise DeadlineExceeded(metadata={"phase": phase}) from None
        try:
            yield
        finally:
            self._turn.release()

    async def _fetch(self, endpoint: Endpoint, call: Call) -> _Token:
        if self._route is None:
            # It may be inside where the provider itself may be.
            server = self._grant.endpoint(private_ok=endpoint.private_ok, where="endpoint")
            self._route = Route(server, ProviderHeaders())
        exchange = self._client.open(
            self._route,
            self._grant.request(),
            # The provider has not been sent the request yet, and the server is not part of a trace.
            call=replace(call, progress=Progress(), trace=NO_TRACE),
            streaming=False,
            attempt_timeout_s=FETCH_TIMEOUT_S,
        )
        asked_s = self._clock.monotonic_s()
        async with exchange:
            if exchange.status != 200:
                raise _refused(exchange)
            return _token_of(await exchange.read_bounded(_ANSWER_BYTES), asked_s)


def _refused(exchange: UpstreamExchange) -> UpstreamError:
    """Say what another status means; the body is not looked at, as it may repeat the secret."""
    status = exchange.status
    metadata = {"cause": "token", "httpStatus": str(status)}
    wait_s = retry_after_s(exchange.headers)
    if status == 429:
        return UpstreamRateLimited(metadata=metadata, retry_after_s=wait_s)
    if 400 <= status < 500 and status != 408:
        return UpstreamCredentialsRejected(metadata=metadata)
    return UpstreamError(metadata=metadata, retry_after_s=wait_s)


def _token_of(body: bytes, asked_s: float) -> _Token:
    try:
        said = _SAID.decode(body)
        life_s = float(said.expires_in)
    except (ValueError, RecursionError):
        raise UpstreamProtocolError(metadata={"cause": "malformed"}) from None
    # Not a number is no life, either.
    if not VALUE.fullmatch(said.access_token) or not 0 <= life_s < float("inf"):
        raise UpstreamProtocolError(metadata={"cause": "malformed"})
    return _Token(
        text=said.access_token,
        renew_at_s=asked_s + life_s - min(RENEW_MAX_S, _LIFE_SHARE * life_s),
        expires_at_s=asked_s + life_s,
    )


def _again(failure: UpstreamError) -> UpstreamError:
    """Return a failure once more: each call tags its own."""
    return type(failure)(metadata=failure.metadata, retry_after_s=failure.retry_after_s)
