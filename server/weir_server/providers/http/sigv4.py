"""How does a request prove to AWS who asks? Signature Version 4, as the vendor's guide has it.

The rules are those of the IAM guide "Create a signed AWS API request": a canonical form of the
request is hashed, and signed with a key made of the secret, the day, the region and the service.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

from typing_extensions import override

from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.signing import Signer
from weir_server.providers.wire.base import HttpRequest

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = frozenset(
    {"authorization", "connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "user-agent", "x-amzn-trace-id", "traceparent", "tracestate", "baggage"}
)
"""Header fields that may change on the way, or that the signature itself becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKeys:
    """Whose signature it is. Its repr shows no secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    """Of temporary keys; empty: they are lasting ones."""
    _latest: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """The key of the latest day and scope."""

    def signing_key(self, day_scope: str) -> bytes:
        """Return the key that signs on a day, such as `20261125/eu-west-1/bedrock/aws4_request`."""
        key = self._latest.get(day_scope)
        if key is None:
            key = f"AWS4{self.secret_access_key}".encode()
            for step in day_scope.split("/"):
                key = hmac.digest(key, step.encode(), sha256)
            self._latest.clear()
            self._latest[day_scope] = key
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a signature is good for, apart from its day."""

    region: str
    service: str


def signed_headers(
    request: HttpRequest,
    *,
    host: str,
    base_path: str = "",
    extra: Mapping[str, str] | None = None,
    keys: AwsKeys,
    scope: Scope,
    at: datetime,
) -> dict[str, str]:
    """Return the header fields that sign a request, by lower-case names.

    host: what the `Host` field says. base_path: what stands before the request's path. extra:
    fields that go out beside the request's own and are signed with them. at: the time in UTC.
    """
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": moment}
    if keys.session_token:
        added["x-amz-security-token"] = keys.session_token
    fields = {
        name.lower(): value
        for part in (request.headers, extra or {}, added)
        for name, value in part.items()
    }
    fields["host"] = host
    names = sorted(name for name in fields if name not in _UNSIGNED)
    path, _, query = f"{base_path}{request.path}".partition("?")
    canonical = "\n".join(
        (
            request.method,
            _canonical_path(path),
            _canonical_query(query),
            *(f"{name}:{' '.join(fields[name].split())}" for name in names),
            "",
            ";".join(names),
            sha256(request.body).hexdigest(),
        )
    )
    day_scope = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join(
        (_ALGORITHM, moment, day_scope, sha256(canonical.encode()).hexdigest())
    ).encode()
    key = keys.signing_key(day_scope)
    signature = hmac.digest(key, to_sign, sha256).hex()
    return added | {
        "authorization": f"{_ALGORITHM} Credential={keys.access_key_id}/{day_scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    }


class SigV4Signer(Signer):
    """Signs each request to one provider."""

    def __init__(
        self, keys: AwsKeys, scope: Scope, clock: Clock, extra: Mapping[str, str] | None = None
    ) -> None:
        """`extra`: header fields that every request of the provider carries."""
        self._keys = keys
        self._scope = scope
        self._clock = clock
        self._extra = extra or {}

    @override
    async def sign(self, request: HttpRequest, endpoint: Endpoint, call: Call) -> Mapping[str, str]:
        """Return the signature's header fields; nothing has to be fetched for them."""
        del call
        return signed_headers(
            request,
            host=endpoint.authority,
            base_path=endpoint.base_path,
            extra=self._extra,
            keys=self._keys,
            scope=self._scope,
            at=datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC),
        )


def _canonical_path(path: str) -> str:
    """Return a path without `.`, `..` and empty segments, and encoded once more."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    last = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{last}", safe="/~")


def _canonical_query(query: str) -> str:
    """Return a query, which is encoded already, in the order of its bytes."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs))
