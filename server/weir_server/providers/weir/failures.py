"""What does a failure of the far Weir mean here? Its reason becomes one of this side's errors.

What the caller did wrong is told to it as the far Weir tells it. What concerns this side's own key,
rate or address book is not the caller's fault and gets the name that it has at any provider. A
failure that happened beyond the far Weir keeps its reason, and is marked `beyond`: the Weir next to
the provider has asked again where that made sense, so this side does not repeat it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from weir.v1.error_pb2 import Attempt, ErrorReason, FailureInfo, FieldViolation
from weir.v1.generation_pb2 import StreamEnd
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.core import errors
from weir_server.core.errors import WeirError

_NO_REASON = ErrorReason.ERROR_REASON_UNSPECIFIED
_DOMAIN = "weir"


@dataclass(frozen=True, slots=True, kw_only=True)
class FarFailure:
    """How a call to the far Weir failed, in its own words or in gRPC's."""

    code: int
    text: str = ""
    """gRPC's own words, where the library or something on the way has failed the call."""
    is_told: bool = False
    """Whether the far Weir itself has said why."""
    reason: ErrorReason.ValueType = _NO_REASON
    """Unspecified: not told, or one that these stubs do not know."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    violations: Sequence[FieldViolation] = ()
    usage: TokenUsage | None = None
    attempts: Sequence[Attempt] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    """What a reason of the far Weir is here."""

    error: type[WeirError]
    cause: str = ""
    """Set in the metadata where the far Weir has set none."""


_REJECTED = _Meaning(error=errors.UpstreamRejectedRequest)
_NO_MODEL = _Meaning(error=errors.UpstreamModelNotFound)
_BAD_KEY = _Meaning(error=errors.UpstreamCredentialsRejected)
_LIMITED = _Meaning(error=errors.UpstreamRateLimited)
_CUT = _Meaning(error=errors.UpstreamError, cause="cut")

BEYOND: Mapping[str, type[WeirError]] = {
    error.name(): error
    for error in (
        errors.UpstreamCredentialsRejected,
        errors.UpstreamRejectedRequest,
        errors.UpstreamContextLengthExceeded,
        errors.UpstreamRequestTooLarge,
        errors.UpstreamMediaFetchFailed,
        errors.UpstreamPolicyBlocked,
        errors.UpstreamModelNotFound,
        errors.UpstreamConflict,
        errors.UpstreamRateLimited,
        errors.UpstreamQuotaExhausted,
        errors.UpstreamOverloaded,
        errors.UpstreamConnectFailed,
        errors.UpstreamTimeout,
        errors.UpstreamError,
        errors.UpstreamStreamBroken,
        errors.UpstreamProtocolError,
        errors.OutputSchemaMismatch,
    )
}
"""Reasons of what happened beyond the far Weir, or of what it decided about the content."""

NEAR: Mapping[str, _Meaning] = {
    # The caller's own fault, told with the fields and in the words of the far Weir.
    **{
        error.name(): _Meaning(error=error)
        for error in (
            errors.InvalidRequest,
            errors.UnsupportedOption,
            errors.UnsupportedModality,
            errors.OutputSchemaInvalid,
            errors.ToolSchemaInvalid,
            errors.MessageTooLarge,
            errors.SlowConsumer,
            errors.FeatureDisabled,
        )
    },
    "MALFORMED_REQUEST": _REJECTED,
    "CANCELLED_BY_ADMIN": _REJECTED,
    # This side's key at the far Weir, and what that key may do.
    "API_KEY_INVALID": _BAD_KEY,
    "API_KEY_DISABLED": _BAD_KEY,
    "SIGNATURE_INVALID": _BAD_KEY,
    "PERMISSION_DENIED": _BAD_KEY,
    "RATE_LIMITED": _LIMITED,
    "CONCURRENCY_LIMITED": _LIMITED,
    "BUDGET_EXCEEDED": _Meaning(error=errors.UpstreamQuotaExhausted),
    "PRICE_UNKNOWN": _Meaning(error=errors.UpstreamQuotaExhausted, cause="price_unknown"),
    # The name by which this side asks for a model.
    "MODEL_NOT_FOUND": _NO_MODEL,
    "MODEL_NOT_ALLOWED": _NO_MODEL,
    "PROVIDER_NOT_FOUND": _NO_MODEL,
    # The far Weir's state.
    "PROVIDER_NOT_INITIALIZED": _Meaning(error=errors.UpstreamError, cause="not_initialized"),
    "INTERNAL": _Meaning(error=errors.UpstreamError, cause="internal"),
    "CLIENT_CANCELLED": _CUT,
    "GATEWAY_OVERLOADED": _Meaning(error=errors.UpstreamOverloaded),
    "GATEWAY_DRAINING": _Meaning(error=errors.UpstreamOverloaded, cause="draining"),
    "CIRCUIT_OPEN": _Meaning(error=errors.UpstreamOverloaded, cause="circuit_open"),
    "LEDGER_UNAVAILABLE": _Meaning(error=errors.UpstreamOverloaded, cause="ledger"),
}
"""Reasons of what happened between this side and the far Weir, or within it."""

_BY_CODE: Mapping[int, _Meaning] = {
    code_pb2.UNAUTHENTICATED: _BAD_KEY,
    code_pb2.PERMISSION_DENIED: _BAD_KEY,
    code_pb2.RESOURCE_EXHAUSTED: _LIMITED,
    code_pb2.INVALID_ARGUMENT: _REJECTED,
    code_pb2.OUT_OF_RANGE: _REJECTED,
    code_pb2.FAILED_PRECONDITION: _REJECTED,
    code_pb2.ALREADY_EXISTS: _REJECTED,
    code_pb2.ABORTED: _REJECTED,
    code_pb2.NOT_FOUND: _NO_MODEL,
    # No Weir, or one that is too old for the method.
    code_pb2.UNIMPLEMENTED: _Meaning(error=errors.UpstreamProtocolError, cause="unimplemented"),
}
"""For reasons that this side does not know, and for statuses that no Weir has made."""

_NOT_SENT = ("connections to all backends failing", "failed to connect", "errors resolving")
"""How gRPC's words begin where it had no connection to send on."""
_MIGHT_PASS = (
    errors.UpstreamOverloaded,
    errors.UpstreamConnectFailed,
    errors.UpstreamTimeout,
    errors.UpstreamRateLimited,
)
"""What may be asked again, as its code says: not once an answer has begun (contract 2.5)."""


def of_status(code: int, text: str, trailers: Iterable[tuple[str, str | bytes]]) -> FarFailure:
    """Read the status that a call ended with."""
    info, retry, request, failure = ErrorInfo(), RetryInfo(), BadRequest(), FailureInfo()
    details = next((value for name, value in trailers if name == "grpc-status-details-bin"), b"")
    has_retry = False
    try:
        for detail in Status.FromString(details if isinstance(details, bytes) else b"").details:
            has_retry = detail.Unpack(retry) or has_retry
            any(detail.Unpack(kind) for kind in (info, request, failure))
    except DecodeError:
        # Bytes of something else on the way: the status itself still says what happened.
        return FarFailure(code=code, text=text)
    if info.domain != _DOMAIN:
        return FarFailure(code=code, text=text)
    return FarFailure(
        code=code,
        is_told=True,
        reason=_reason(info.reason),
        metadata=dict(info.metadata),
        retry_after_s=_seconds(retry.retry_delay) if has_retry else None,
        violations=[
            FieldViolation(field=each.field, description=each.description, rule=each.reason)
            for each in request.field_violations
        ],
        usage=failure.usage if failure.HasField("usage") else None,
        attempts=failure.attempts,
    )


def of_end(end: StreamEnd) -> FarFailure:
    """Read the end that a stream tells its failure with."""
    error = end.error
    return FarFailure(
        code=error.code,
        is_told=True,
        reason=error.reason,
        metadata=dict(error.metadata),
        retry_after_s=_seconds(error.retry_after) if error.HasField("retry_after") else None,
        violations=error.field_violations,
        usage=end.usage if end.HasField("usage") else None,
        attempts=end.metadata.attempts,
    )


def to_error(far: FarFailure, *, answered: bool, ends_at_deadline: bool) -> WeirError:
    """Return the error that the failure is on this side.

    answered: whether a part of an answer has begun. ends_at_deadline: whether the far call's time
    was all that the caller has, and not one attempt's.
    """
    error = _late(answered=answered, ends_at_deadline=ends_at_deadline)
    if far.code != code_pb2.DEADLINE_EXCEEDED:
        error = _of_reason(far) if far.is_told else _of_transport(far, answered=answered)
    may_pass = isinstance(error, _MIGHT_PASS) or type(error) is errors.UpstreamError
    if answered and may_pass:
        cause = error.metadata.get("cause", "error_event")
        error = errors.UpstreamStreamBroken(metadata={**error.metadata, "cause": cause})
    for key, value in far.metadata.items():
        error.metadata.setdefault(key, value)
    error.beyond = _name(far.reason) in BEYOND
    error.retry_after_s = far.retry_after_s
    error.violations = tuple(far.violations)
    error.usage = far.usage
    if far.usage is None and far.is_told:
        # It would have told: nothing was used there.
        error.usage = TokenUsage(source=UsageSource.USAGE_SOURCE_PARTIAL)
    return error


def _of_reason(far: FarFailure) -> WeirError:
    name = _name(far.reason)
    if (same := BEYOND.get(name)) is not None:
        return same(metadata=far.metadata)
    meaning = NEAR.get(name) or _BY_CODE.get(far.code, _CUT)
    cause = {"cause": meaning.cause} if meaning.cause else {}
    return meaning.error(metadata={**cause, **far.metadata})


def _of_transport(far: FarFailure, *, answered: bool) -> WeirError:
    """Translate a status that no Weir has made: by the code first, by gRPC's words last."""
    if far.code == code_pb2.RESOURCE_EXHAUSTED and "larger than max" in far.text:
        if "CLIENT: Received" in far.text:
            return errors.UpstreamProtocolError(metadata={"cause": "too_large"})
        return errors.UpstreamRequestTooLarge()
    if far.code == code_pb2.UNAVAILABLE and not answered and far.text.startswith(_NOT_SENT):
        return errors.UpstreamConnectFailed(metadata={"cause": _why_unreachable(far.text)})
    meaning = _BY_CODE.get(far.code, _CUT)
    return meaning.error(metadata={"cause": meaning.cause} if meaning.cause else None)


def _why_unreachable(text: str) -> str:
    lower = text.lower()
    if any(word in lower for word in ("handshake", "certificate", "verification")):
        return "tls"
    if "http/2" in lower or "settings frame" in lower:
        return "not_grpc"
    return "timeout" if "timeout" in lower or "timed out" in lower else "refused"


def _late(*, answered: bool, ends_at_deadline: bool) -> WeirError:
    if ends_at_deadline:
        return errors.DeadlineExceeded()
    if answered:
        return errors.UpstreamStreamBroken(metadata={"cause": "timeout"})
    return errors.UpstreamTimeout()


def _name(reason: ErrorReason.ValueType) -> str:
    """Return a reason as it stands on the wire; empty where it is not known."""
    if reason not in ErrorReason.values():
        return ""
    return ErrorReason.Name(reason).removeprefix("ERROR_REASON_")


def _reason(name: str) -> ErrorReason.ValueType:
    known: ErrorReason.ValueType | None = dict(ErrorReason.items()).get(f"ERROR_REASON_{name}")
    return _NO_REASON if known is None else known


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
