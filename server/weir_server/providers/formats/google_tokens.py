"""Where do the access tokens of a service account come from? Fetched once an hour, for all calls.

One call fetches while the others wait for it, each as long as its own deadline allows. What fails
for the one fails for those that waited; the next one tries again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from weir_server.core.call import Call, Progress
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    ConfigInvalid,
    DeadlineExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimited,
)
from weir_server.providers.formats.service_account import (
    ServiceAccount,
    ServiceAccountInvalid,
    read_service_account,
)
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.guard import Endpoint, EndpointPolicy, parse_endpoint
from weir_server.providers.http.headers import VALUE, ProviderHeaders
from weir_server.providers.http.signing import Signer
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.retry_after import retry_after_s

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FETCH_TIMEOUT_S = 10.0
"""How long the vendor may take to give a token."""
EARLY_S = 300.0
"""So long before a token ends another is fetched; until it has ended it serves where that fails."""
AGAIN_S = 10.0
"""How long an older token serves before its renewal is tried again."""
_ANSWER_BYTES = 64 * 1024
_NEVER_S = float("-inf")


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int


class GoogleTokens(Signer):
    """Gives each request the token of one service account."""

    def __init__(
        self, key_file: Path, policy: EndpointPolicy, client: HttpClient, clock: Clock
    ) -> None:
        """`policy`: what the token endpoint may be, as that of the provider itself."""
        self._key_file = key_file
        self._policy = policy
        self._client = client
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._token = ""
        self._renewed_at_s = _NEVER_S
        """When another is to be fetched, on the clock's monotonic scale."""
        self._ends_at_s = _NEVER_S
        self._failures: list[UpstreamError] = []
        """The last failure, if any; another list for each."""

    async def sign(self, request: HttpRequest, endpoint: Endpoint, call: Call) -> Mapping[str, str]:
        """Return the header field with a token; see Signer.sign."""
        del request, endpoint
        if self._clock.monotonic_s() >= self._renewed_at_s:
            failures = self._failures
            async with self._turn(call):
                await self._renew(call, failures)
        return {"authorization": f"Bearer {self._token}"}

    @asynccontextmanager
    async def _turn(self, call: Call) -> AsyncIterator[None]:
        """Wait until no other call is fetching."""
        left_s = call.deadline.remaining_s(self._clock.monotonic_s())
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                await self._fetching.acquire()
        except TimeoutError:
            raise DeadlineExceeded from None
        try:
            yield
        finally:
            self._fetching.release()

    async def _renew(self, call: Call, seen: list[UpstreamError]) -> None:
        """Fetch a token, unless another call has done so, or has failed, since `seen`."""
        now_s = self._clock.monotonic_s()
        if now_s < self._renewed_at_s:
            return
        if self._failures is not seen:
            error = self._failures[0]
            raise type(error)(metadata=error.metadata, retry_after_s=error.retry_after_s)
        try:
            token = await self._fetch(call)
        except UpstreamError as error:
            if now_s < self._ends_at_s:
                self._renewed_at_s = min(now_s + AGAIN_S, self._ends_at_s)
                return
            self._failures = [error]
            raise
        # Counted from before it was asked for: it may have been made right then.
        self._token = token.access_token
        self._ends_at_s = now_s + token.expires_in
        self._renewed_at_s = self._ends_at_s - min(EARLY_S, token.expires_in / 2)

    async def _fetch(self, call: Call) -> _Token:
        account = self._account()
        try:
            endpoint = parse_endpoint(account.token_uri, self._policy)
        except ConfigInvalid as refusal:
            raise UpstreamCredentialsRejected(metadata={"cause": "token_uri"}) from refusal
        assertion = account.assertion(self._clock.wall_ns() // 10**9)
        request = HttpRequest(
            path="" if endpoint.base_path else "/",
            body=urlencode({"assertion": assertion, "grant_type": GRANT}).encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        exchange = self._client.open(
            Route(endpoint, ProviderHeaders()),
            request,
            # The provider itself has not been sent anything yet.
            call=call.aimed_at(call.targets, progress=Progress(on_sent=_nobody)),
            streaming=False,
            attempt_timeout_s=FETCH_TIMEOUT_S,
        )
        async with exchange:
            body = await exchange.read_bounded(_ANSWER_BYTES)
            if exchange.status != 200:
                raise _explain(exchange.status, exchange.headers)
        try:
            token = msgspec.json.decode(body, type=_Token)
        except (ValueError, RecursionError):
            # Not chained: the cause may quote the answer.
            raise UpstreamProtocolError(metadata={"cause": "malformed"}) from None
        if token.expires_in <= 0 or not VALUE.fullmatch(token.access_token):
            raise UpstreamProtocolError(metadata={"cause": "malformed"})
        return token

    def _account(self) -> ServiceAccount:
        """Read the key anew: it may have been changed for another."""
        try:
            return read_service_account(self._key_file)
        except ServiceAccountInvalid as problem:
            raise UpstreamCredentialsRejected(metadata={"cause": "key_file"}) from problem


def _explain(status: int, headers: Mapping[str, str]) -> UpstreamError:
    """Say why there is no token: RFC 6749, section 5.2, has 400 and 401 for a bad claim."""
    metadata = {"httpStatus": str(status)}
    if status == 429:
        return UpstreamRateLimited(metadata=metadata, retry_after_s=retry_after_s(headers))
    if 400 <= status < 500:
        return UpstreamCredentialsRejected(metadata=metadata)
    return UpstreamError(metadata=metadata, retry_after_s=retry_after_s(headers))


def _nobody() -> None:
    """Tell nobody that a token was asked for."""
