"""What did the caller say beside the message? Request id, trace, priority; the rest is dropped."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.call import NO_TRACE, TraceContext
from weir_server.core.errors import InvalidRequest
from weir_server.transport.exchange import Metadata
from weir_server.transport.facts import RATE_NAMES

RESPONSE_ONLY = (
    frozenset(
        {
            "weir-response-id",
            "weir-usage-bin",
            "weir-route",
            "weir-attempts",
            "weir-replayed",
            "weir-contract-version",
        }
    )
    | RATE_NAMES
)
"""Names that only Weir sends; from a caller they would be a forgery or a mistake."""

_KNOWN = RESPONSE_ONLY | {
    "weir-request-id",
    "traceparent",
    "tracestate",
    "weir-idempotency-key",
    "weir-priority",
    "weir-client",
    "weir-hops",
    "weir-tenant",
    "authorization",
    "grpc-previous-rpc-attempts",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}", re.ASCII)
# W3C Trace Context, level 1: version, trace id and parent id not all zeros, flags.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)
_TRACESTATE_MAX_CHARS = 512
_CLIENT_MAX_CHARS = 64
TENANT_RULE = "must be 1 to 64 letters, digits or any of . _ -"
_RULES = {
    "weir-request-id": (_REQUEST_ID, "must be 1 to 64 letters, digits or any of . _ : / + = -"),
    "weir-idempotency-key": (
        re.compile(r"[\x21-\x7e]{1,64}", re.ASCII),
        "must be 1 to 64 visible ASCII characters, without spaces",
    ),
    "weir-priority": (
        re.compile("interactive|standard|background"),
        "must be interactive, standard or background",
    ),
    "weir-tenant": (re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII), TENANT_RULE),
    "weir-hops": (re.compile(r"[0-9]{1,2}", re.ASCII), "must be a number from 0 to 99"),
}
"""What a value must look like, and how that is told."""
_VISIBLE = re.compile(r"[\x20-\x7e]*", re.ASCII)


# Final rather than frozen, which costs each call more; see `core.call.Call`.
@dataclass(slots=True, kw_only=True)
class CallMetadata:
    """What a call's metadata says to Weir."""

    request_id: Final[str]
    trace: Final[TraceContext]
    priority: Final[str] = "standard"
    client: Final[str] = ""
    """Name and version of the caller's library, as it says itself."""
    previous_attempts: Final[str] = ""
    """How often gRPC has retried the call, in its own words."""
    hops: Final[int] = 0
    """How many Weirs have handed the call on."""
    idempotency_key: Final[str] = ""
    """Under which name the call is not run twice; empty: it has none."""
    authorization: Final[str] = field(default="", repr=False)
    """What the caller shows of who it is; empty: nothing."""
    tenant: Final[str] = ""
    """The tenant it says it calls for; empty: its key's own."""


def read(pairs: Metadata, new_request_id: Callable[[], str]) -> CallMetadata:
    """Read what Weir knows. Unknown names are dropped, never passed to a provider.

    Raises InvalidRequest, naming the metadata key, for a value that breaks its rule.
    """
    said: dict[str, str] = {}
    for name, raw in pairs:
        if name not in _KNOWN:
            continue
        value = raw if isinstance(raw, str) else ""
        rule = _RULES.get(name)
        if rule is not None and rule[0].fullmatch(value) is None:
            raise _invalid(name, rule[1])
        if name in RESPONSE_ONLY:
            raise _invalid(name, "is sent by Weir only; leave it out")
        if name == "authorization" and name in said:
            # Two of them are no credential: which one counts would be anybody's guess.
            value = f"{said[name]}, {value}"
        said[name] = value
    previous_attempts = said.get("grpc-previous-rpc-attempts", "")
    return CallMetadata(
        request_id=said.get("weir-request-id") or new_request_id(),
        trace=_trace(said) if "traceparent" in said else NO_TRACE,
        priority=said.get("weir-priority", "standard"),
        client=_visible(said.get("weir-client", ""))[:_CLIENT_MAX_CHARS],
        previous_attempts=previous_attempts[:4] if previous_attempts.isdigit() else "",
        hops=int(said.get("weir-hops", 0)),
        idempotency_key=said.get("weir-idempotency-key", ""),
        authorization=said.get("authorization", ""),
        tenant=said.get("weir-tenant", ""),
    )


def _trace(said: Mapping[str, str]) -> TraceContext:
    """Return the trace. The W3C rule for a malformed one is to go on as if there were none."""
    if _TRACEPARENT.fullmatch(said["traceparent"]) is None:
        return NO_TRACE
    tracestate = said.get("tracestate", "")
    if len(tracestate) > _TRACESTATE_MAX_CHARS:
        tracestate = ""
    return TraceContext(traceparent=said["traceparent"], tracestate=_visible(tracestate))


def _visible(value: str) -> str:
    """Return a text of visible ASCII, and nothing of any other."""
    return value if _VISIBLE.fullmatch(value) else ""


def identity(pairs: Metadata) -> CallMetadata:
    """Read of refused metadata what the call can still be found by: request id and trace."""
    said = {name: value for name, value in pairs if isinstance(value, str)}
    request_id = said.get("weir-request-id", "")
    traceparent = said.get("traceparent", "")
    return CallMetadata(
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else "",
        trace=TraceContext(traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else ""),
    )


def _invalid(name: str, rule: str) -> InvalidRequest:
    violation = FieldViolation(
        field=f"metadata[{name}]", rule="METADATA", description=f"{name} {rule}."
    )
    return InvalidRequest(violations=[violation])
