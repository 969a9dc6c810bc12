"""Who sends requests to providers? One client for all of them, with one pool of connections."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from multidict import CIMultiDict
from typing_extensions import override
from yarl import URL

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import ConfigInvalid, DeadlineTooShort
from weir_server.providers.http.addresses import judge
from weir_server.providers.http.closing import AbortingResponse, Lingering
from weir_server.providers.http.connect import (
    GuardedConnector,
    GuardedResolver,
    Lookup,
    verified_tls,
)
from weir_server.providers.http.exchange import UpstreamExchange
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.wire.base import HttpRequest

READ_BUFFER_BYTES = 16 * 1024
"""So little is read ahead that a slow reader pauses the upstream soon."""
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_MAX_URLS = 256


class Route:
    """An endpoint with what every request to it carries, prepared once."""

    __slots__ = ("_urls", "endpoint", "headers")

    def __init__(self, endpoint: Endpoint, headers: ProviderHeaders) -> None:
        self.endpoint = endpoint
        self.headers = headers.merged()
        self._urls: dict[str, URL] = {}

    @override
    def __repr__(self) -> str:
        return f"Route({self.endpoint})"  # not the headers: the key is among them

    def url(self, path: str) -> URL:
        """Return the URL of a path below the endpoint."""
        url = self._urls.get(path)
        if url is None:
            if len(self._urls) >= _MAX_URLS:
                self._urls.clear()
            url = self._urls[path] = URL(self.endpoint.url(path), encoded=True)
        return url


class HttpClient:
    """Sends requests; make it inside the event loop that it serves, and close it there.

    Redirects are never followed, cookies never kept, proxies and credentials never taken from the
    environment, certificates always verified.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        limits: HttpLimits | None = None,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        """`tls`: a context that verifies, by default with the system's authorities (`verified_tls`
        adds others). `lookup`: by default the system's resolver.
        """
        self._clock = clock
        self._limits = HttpLimits() if limits is None else limits
        self._resolver = GuardedResolver(clock=clock, lookup=lookup)
        self._lingering = Lingering()
        self._session = aiohttp.ClientSession(
            connector=GuardedConnector(
                resolver=self._resolver,
                tls=verified_tls() if tls is None else tls,
                keepalive_s=self._limits.keepalive_s,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=AbortingResponse,
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=READ_BUFFER_BYTES,
            max_line_size=self._limits.max_field_bytes,
            max_field_size=self._limits.max_field_bytes,
            max_headers=self._limits.max_fields,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        self._lingering.close()
        await self._session.close()
        await self._resolver.close()

    async def vet(self, endpoint: Endpoint, *, field: str = "config.endpoint") -> None:
        """Ask now whether the endpoint's name leads to an address that would be refused.

        A name without an answer passes: it is judged again at every dial. Raises ConfigInvalid.
        """
        try:
            addresses = await self._resolver.addresses(endpoint.host, endpoint.port)
        except OSError:
            return
        for verdict in map(judge, addresses):
            if not verdict.admits(private_ok=endpoint.private_ok):
                why = f"The name leads to an address that is refused: {verdict.purpose}."
                raise ConfigInvalid(
                    violations=[FieldViolation(field=field, description=why, rule="ADDRESS")]
                )

    def open(
        self,
        route: Route,
        request: HttpRequest,
        *,
        call: Call,
        streaming: bool,
        attempt_timeout_s: float | None = None,
    ) -> UpstreamExchange:
        """Return the exchange of one request, to be entered at once.

        It ends with the call's deadline, or after `attempt_timeout_s` if that is sooner. Raises
        DeadlineTooShort when there is no time for it.
        """
        remaining_s = call.deadline.remaining_s(self._clock.monotonic_s())
        if remaining_s < ATTEMPT_MIN_S:
            left_ms = max(0, int(remaining_s * 1000))
            raise DeadlineTooShort(metadata={"remainingMs": str(left_ms)})
        ends_at_deadline = attempt_timeout_s is None or remaining_s <= attempt_timeout_s
        return UpstreamExchange(
            self._session,
            self._limits,
            self._lingering,
            endpoint=route.endpoint,
            method=request.method,
            url=route.url(request.path),
            headers=_headers(route.headers, request.headers, call),
            body=request.body,
            progress=call.progress,
            timeout_s=remaining_s if ends_at_deadline else attempt_timeout_s or 0.0,
            ends_at_deadline=ends_at_deadline,
            streaming=streaming,
        )


def _headers(fixed: CIMultiDict[str], wire: Mapping[str, str], call: Call) -> CIMultiDict[str]:
    """What one request carries; the provider's own fields win over the wire format's."""
    headers = CIMultiDict(wire)
    headers.update(fixed)
    if call.trace.traceparent:
        headers["traceparent"] = call.trace.traceparent
        if call.trace.tracestate:
            headers["tracestate"] = call.trace.tracestate
    return headers
