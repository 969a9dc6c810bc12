"""Who sends requests to providers? One client for all of them, with one pool of connections."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from multidict import CIMultiDict
from typing_extensions import override

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import ConfigInvalid, DeadlineTooShort
from weir_server.providers.http.addresses import judge
from weir_server.providers.http.closing import Lingering
from weir_server.providers.http.connect import (
    GuardedConnector,
    GuardedResolver,
    Lookup,
    verified_tls,
)
from weir_server.providers.http.exchange import UpstreamExchange
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.head import request_head, request_tail
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.http.wire_connection import AnswerLimits, Origin
from weir_server.providers.wire.base import HttpRequest

READ_BUFFER_BYTES = 16 * 1024
"""So little is read ahead that a slow reader pauses the upstream soon."""
_MAX_HEADS = 256


class Route:
    """An endpoint with what every request to it carries, prepared once."""

    __slots__ = ("_fixed", "_heads", "_origin", "endpoint")

    def __init__(self, endpoint: Endpoint, headers: ProviderHeaders) -> None:
        self.endpoint = endpoint
        self._fixed = headers.merged()
        self._heads: dict[tuple[str, str], tuple[dict[str, str], bytes]] = {}
        self._origin: Origin | None = None

    @override
    def __repr__(self) -> str:
        return f"Route({self.endpoint})"  # not the headers: the key is among them

    @property
    def origin(self) -> Origin:
        """Where its connections lead. Ask inside the event loop."""
        if self._origin is None:
            self._origin = Origin(self.endpoint.url())
        return self._origin

    def head(self, request: HttpRequest, signed: Mapping[str, str] | None = None) -> bytes:
        """Return the beginning of a request; the provider's own fields win over the wire format's.

        signed: fields of this request alone, which win over both. Raises ValueError for a request
        that HTTP cannot say.
        """
        if signed is not None:
            fields = CIMultiDict(request.headers)
            fields.update(self._fixed)
            fields.update(signed)
            target = f"{self.endpoint.base_path}{request.path}"
            return request_head(request.method, target, self.endpoint.authority, fields)
        kind = request.method, request.path
        known = self._heads.get(kind)
        if known is not None and known[0] == request.headers:
            return known[1]
        if len(self._heads) >= _MAX_HEADS:
            self._heads.clear()
        fields = CIMultiDict(request.headers)
        fields.update(self._fixed)
        target = f"{self.endpoint.base_path}{request.path}"
        head = request_head(request.method, target, self.endpoint.authority, fields)
        self._heads[kind] = dict(request.headers), head
        return head


class HttpClient:
    """Sends requests; make it inside the event loop that it serves, and close it there.

    Redirects are never followed, cookies never kept, proxies and credentials never taken from the
    environment, certificates always verified. One client serves endpoints that may be private or
    such as may not, never both: they would find each other's open connections in its pool.
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
        self._private_ok: bool | None = None
        self._limits = HttpLimits() if limits is None else limits
        self._resolver = GuardedResolver(clock=clock, lookup=lookup)
        self._lingering = Lingering()
        self._connector = GuardedConnector(
            resolver=self._resolver,
            tls=verified_tls() if tls is None else tls,
            keepalive_s=self._limits.keepalive_s,
            limits=AnswerLimits(
                field_bytes=self._limits.max_field_bytes,
                fields=self._limits.max_fields,
                read_ahead_bytes=READ_BUFFER_BYTES,
            ),
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
        await self._connector.close()
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
        signed: Mapping[str, str] | None = None,
    ) -> UpstreamExchange:
        """Return the exchange of one request, to be entered at once.

        It ends with the call's deadline, or after `attempt_timeout_s` if that is sooner. signed:
        header fields of this request alone. Raises DeadlineTooShort when there is no time for it.
        """
        private_ok = route.endpoint.private_ok
        if private_ok is not self._private_ok:
            self._keep_apart(private_ok)
        remaining_s = call.deadline.remaining_s(self._clock.monotonic_s())
        if remaining_s < ATTEMPT_MIN_S:
            left_ms = max(0, int(remaining_s * 1000))
            raise DeadlineTooShort(metadata={"remainingMs": str(left_ms)})
        ends_at_deadline = attempt_timeout_s is None or remaining_s <= attempt_timeout_s
        return UpstreamExchange(
            self._connector,
            self._limits,
            self._lingering,
            endpoint=route.endpoint,
            origin=route.origin,
            head=route.head(request, signed)
            + request_tail(request.method, request.body, call.trace),
            body=request.body,
            progress=call.progress,
            timeout_s=remaining_s if ends_at_deadline else attempt_timeout_s or 0.0,
            ends_at_deadline=ends_at_deadline,
            streaming=streaming,
        )

    def _keep_apart(self, private_ok: bool) -> None:
        """Take on the first endpoint's permission. Raises ValueError for another one's."""
        if self._private_ok is not None:
            raise ValueError("an HttpClient serves endpoints of one permission only")
        self._private_ok = private_ok
