"""What did the caller say beside the message? Request id, trace, priority; the rest is dropped."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.call import NO_TRACE, TraceContext
from weir_server.core.errors import FeatureDisabled, InvalidRequest, WeirError
from weir_server.transport.exchange import Metadata

RESPONSE_ONLY = frozenset(
    {
        "weir-response-id",
        "weir-usage-bin",
        "weir-route",
        "weir-attempts",
        "weir-replayed",
        "weir-contract-version",
    }
)
"""Names that only Weir sends; from a caller they would be a forgery or a mistake."""

_SWITCHED_OFF = {"weir-tenant": "tenants"}
"""Names of features that this server lacks, where ignoring them would mislead the caller."""
_KNOWN = RESPONSE_ONLY | {
    "weir-request-id",
    "traceparent",
    "tracestate",
    "weir-idempotency-key",
    "weir-priority",
    "weir-client",
    "weir-hops",
    "grpc-previous-rpc-attempts",
    *_SWITCHED_OFF,
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}", re.ASCII)
# W3C Trace Context, level 1: version, trace id and parent id not all zeros, flags.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)
_TRACESTATE_MAX_CHARS = 512
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


def read(pairs: Metadata, new_request_id: Callable[[], str]) -> CallMetadata:
    """Read what Weir knows. Unknown names are dropped, never passed to a provider.

    Raises InvalidRequest, naming the metadata key, for a value that breaks its rule, and
    FeatureDisabled for a tenant, which this server could not honour.
    """
    request_id = traceparent = tracestate = client = previous_attempts = idempotency_key = ""
    priority = "standard"
    hops = 0
    for name, raw in pairs:
        if name not in _KNOWN:
            continue
        value = raw if isinstance(raw, str) else ""
        rule = _RULES.get(name)
        if rule is not None and rule[0].fullmatch(value) is None:
            raise _invalid(name, rule[1])
        if name == "weir-request-id":
            request_id = value
        elif name == "traceparent":
            # The W3C rule for a malformed header is to go on as if there were none.
            traceparent = value if _TRACEPARENT.fullmatch(value) else ""
        elif name == "tracestate":
            ok = len(value) <= _TRACESTATE_MAX_CHARS and _VISIBLE.fullmatch(value)
            tracestate = value if ok else ""
        elif name == "weir-idempotency-key":
            idempotency_key = value
        elif name == "weir-priority":
            priority = value
        elif name == "weir-client":
            client = value[:64] if _VISIBLE.fullmatch(value) else ""
        elif name == "weir-hops":
            hops = int(value)
        elif name == "grpc-previous-rpc-attempts":
            previous_attempts = value[:4] if value.isdigit() else ""
        else:
            raise _refusal(name)
    return CallMetadata(
        request_id=request_id or new_request_id(),
        trace=TraceContext(traceparent=traceparent, tracestate=tracestate)
        if traceparent
        else NO_TRACE,
        priority=priority,
        client=client,
        previous_attempts=previous_attempts,
        hops=hops,
        idempotency_key=idempotency_key,
    )


def identity(pairs: Metadata) -> CallMetadata:
    """Read of refused metadata what the call can still be found by: request id and trace."""
    said = {name: value for name, value in pairs if isinstance(value, str)}
    request_id = said.get("weir-request-id", "")
    traceparent = said.get("traceparent", "")
    return CallMetadata(
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else "",
        trace=TraceContext(traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else ""),
    )


def _refusal(name: str) -> WeirError:
    if name in _SWITCHED_OFF:
        return FeatureDisabled(metadata={"feature": _SWITCHED_OFF[name]})
    return _invalid(name, "is sent by Weir only; leave it out")


def _invalid(name: str, rule: str) -> InvalidRequest:
    violation = FieldViolation(
        field=f"metadata[{name}]", rule="METADATA", description=f"{name} {rule}."
    )
    return InvalidRequest(violations=[violation])
