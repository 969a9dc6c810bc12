"""Which gRPC status does a failure become? The one table from errors to codes and details."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    QuotaFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from weir.v1.error_pb2 import Attempt, Error, ErrorReason, FailureInfo
from weir_server.core import errors
from weir_server.core.errors import WeirError
from weir_server.transport.exchange import Finish, Metadata

DOMAIN = "weir"
DETAILS_MAX_BYTES = 4096
"""More in one trailer risks the whole answer: at 15 KB a client got RESOURCE_EXHAUSTED."""
METADATA_MAX_KEYS = 8
METADATA_KEY_MAX_CHARS = 64
METADATA_VALUE_MAX_BYTES = 256
VIOLATION_TEXT_MAX_CHARS = 200
ATTEMPTS_MAX = 8
NEVER_RETRY_MS = -1
"""gRPC's own sign for clients not to retry: Weir has used the attempts that made sense."""
AT_ONCE_MS = 1
"""The shortest wait to ask for: at 0 the C core of grpcio 1.85 never tries again nor fails, and the
call hangs until its deadline."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the caller is told of one class of errors."""

    code: int
    message: str
    resource: str = ""
    """For what was not found: the metadata key that names it."""
    quota: str = ""
    """For what is used up: the metadata key that names the limit."""
    pushback_ms: int | None = None
    """What `grpc-retry-pushback-ms` says when the error names no time of its own."""


_OK = code_pb2.OK
_UNKNOWN: int = code_pb2.UNKNOWN
_INVALID = code_pb2.INVALID_ARGUMENT
_UNAVAILABLE = code_pb2.UNAVAILABLE
_EXHAUSTED = code_pb2.RESOURCE_EXHAUSTED

ROWS: dict[type[WeirError], Row] = {
    errors.InvalidRequest: Row(_INVALID, "The request breaks a rule; see the field violations."),
    errors.UnsupportedOption: Row(
        _INVALID, "The model does not support what is asked; see the field violations."
    ),
    errors.UnsupportedModality: Row(
        _INVALID, "The model does not support a kind of content; see the field violations."
    ),
    errors.OutputSchemaInvalid: Row(_INVALID, "The output schema is unusable; see the violations."),
    errors.ToolSchemaInvalid: Row(_INVALID, "A tool's schema is unusable; see the violations."),
    errors.PageTokenInvalid: Row(_INVALID, "The page token is not one of this list's."),
    errors.ConfigInvalid: Row(_INVALID, "The provider configuration is unusable; see violations."),
    errors.MalformedRequest: Row(_INVALID, "The request's bytes are not the message expected."),
    errors.ContextLengthExceeded: Row(_INVALID, "The prompt exceeds the model's context window."),
    errors.MessageTooLarge: Row(_EXHAUSTED, "The message is larger than this server takes."),
    errors.PermissionDenied: Row(
        code_pb2.PERMISSION_DENIED, "This caller may not call this method here."
    ),
    errors.ApiKeyInvalid: Row(
        code_pb2.UNAUTHENTICATED, "A valid Weir key is needed: authorization: Bearer KEY."
    ),
    errors.ApiKeyDisabled: Row(
        code_pb2.UNAUTHENTICATED, "The Weir key was revoked or has expired."
    ),
    errors.ModelNotAllowed: Row(code_pb2.PERMISSION_DENIED, "The Weir key may not use this model."),
    errors.FeatureDisabled: Row(code_pb2.UNIMPLEMENTED, "This feature is switched off here."),
    errors.ModelNotFound: Row(
        code_pb2.NOT_FOUND, "No such model; ListModels tells the models there are.", "model"
    ),
    errors.ProviderNotFound: Row(code_pb2.NOT_FOUND, "No such provider.", "provider"),
    errors.KeyNotFound: Row(code_pb2.NOT_FOUND, "No such key.", "key"),
    errors.BudgetNotFound: Row(code_pb2.NOT_FOUND, "No such budget.", "budget"),
    errors.ResponseNotFound: Row(code_pb2.NOT_FOUND, "No such response.", "responseId"),
    errors.ResourceExists: Row(code_pb2.ALREADY_EXISTS, "The id is taken."),
    errors.TooManyProviders: Row(
        _EXHAUSTED,
        "Callers have initialized as many providers as this server takes.",
        pushback_ms=NEVER_RETRY_MS,
    ),
    errors.RateLimited: Row(
        _EXHAUSTED,
        "A rate limit is used up, or smaller than what this call needs.",
        quota="limit",
        pushback_ms=NEVER_RETRY_MS,
    ),
    errors.ConcurrencyLimited: Row(
        _EXHAUSTED, "Too many calls are open at once; let some end first.", quota="limit"
    ),
    errors.BudgetExceeded: Row(
        _EXHAUSTED,
        "What is left of the budget is too little for this call.",
        quota="budget",
        pushback_ms=NEVER_RETRY_MS,
    ),
    errors.PriceUnknown: Row(
        code_pb2.FAILED_PRECONDITION,
        "A hard budget applies and the model's price is not known; an operator can set it.",
    ),
    errors.IdempotencyKeyReused: Row(
        _INVALID, "The idempotency key was used with another request."
    ),
    errors.IdempotencyInProgress: Row(
        code_pb2.ABORTED, "The call with this idempotency key is still running."
    ),
    errors.UnknownOutcome: Row(
        code_pb2.ABORTED, "An earlier run of this call was interrupted; its outcome is not known."
    ),
    errors.OutcomeNotKept: Row(
        code_pb2.ABORTED, "This call has run already, and its answer was not kept."
    ),
    errors.ProviderNotInitialized: Row(
        code_pb2.FAILED_PRECONDITION, "The provider's handle has expired; call Initialize again."
    ),
    errors.DeadlineExceeded: Row(code_pb2.DEADLINE_EXCEEDED, "The call's deadline passed."),
    errors.DeadlineTooShort: Row(
        code_pb2.DEADLINE_EXCEEDED, "The deadline leaves no time to ask a provider."
    ),
    errors.ClientCancelled: Row(code_pb2.CANCELLED, "The caller cancelled."),
    errors.SlowConsumer: Row(_EXHAUSTED, "The stream was left unread for too long."),
    errors.CallerError: Row(_INVALID, "The request cannot be served."),
    errors.UpstreamCredentialsRejected: Row(
        code_pb2.FAILED_PRECONDITION, "The provider refuses the gateway's credential."
    ),
    errors.UpstreamRejectedRequest: Row(_INVALID, "The provider finds the request invalid."),
    errors.UpstreamContextLengthExceeded: Row(
        _INVALID, "The prompt exceeds the model's context window."
    ),
    errors.UpstreamRequestTooLarge: Row(_INVALID, "The provider finds the request too large."),
    errors.UpstreamMediaFetchFailed: Row(_INVALID, "The provider could not fetch the media."),
    errors.UpstreamPolicyBlocked: Row(
        code_pb2.PERMISSION_DENIED, "A policy on the way to the provider blocked the content."
    ),
    errors.UpstreamModelNotFound: Row(
        code_pb2.NOT_FOUND, "The provider does not know the model.", "model"
    ),
    errors.UpstreamConflict: Row(code_pb2.ABORTED, "The provider reports a conflict."),
    errors.UpstreamRateLimited: Row(_EXHAUSTED, "The provider limits the gateway's rate."),
    errors.UpstreamQuotaExhausted: Row(
        _EXHAUSTED, "The gateway's quota at the provider is used up.", pushback_ms=NEVER_RETRY_MS
    ),
    errors.UpstreamOverloaded: Row(
        _UNAVAILABLE, "The provider is overloaded.", pushback_ms=NEVER_RETRY_MS
    ),
    errors.CircuitOpen: Row(
        _UNAVAILABLE, "Every target failed lately and is being left alone; try again later."
    ),
    errors.UpstreamTimeout: Row(
        _UNAVAILABLE, "The provider did not answer in time.", pushback_ms=NEVER_RETRY_MS
    ),
    errors.UpstreamSilent: Row(
        _UNAVAILABLE, "The provider did not answer in time.", pushback_ms=NEVER_RETRY_MS
    ),
    errors.UpstreamConnectFailed: Row(
        _UNAVAILABLE, "The provider could not be reached.", pushback_ms=NEVER_RETRY_MS
    ),
    errors.UpstreamStreamBroken: Row(
        code_pb2.ABORTED, "The provider's answer was cut before its end."
    ),
    errors.UpstreamProtocolError: Row(
        code_pb2.INTERNAL, "The provider's answer could not be understood."
    ),
    errors.OutputSchemaMismatch: Row(
        code_pb2.ABORTED, "The answer does not fit the schema, and asking again did not help."
    ),
    errors.UpstreamError: Row(_UNAVAILABLE, "The provider failed.", pushback_ms=NEVER_RETRY_MS),
    errors.GatewayDraining: Row(
        _UNAVAILABLE,
        "This server is shutting down; another takes the call.",
        pushback_ms=AT_ONCE_MS,
    ),
    errors.GatewayOverloaded: Row(_UNAVAILABLE, "The gateway is overloaded."),
    errors.IdempotencyUnavailable: Row(
        _UNAVAILABLE, "Idempotency keys cannot be looked up now; try again later."
    ),
    errors.LedgerUnavailable: Row(_UNAVAILABLE, "The call cannot be booked now; try again later."),
    errors.InternalError: Row(
        code_pb2.INTERNAL, "The gateway failed; its log tells more by the request id."
    ),
    errors.GatewayError: Row(
        code_pb2.INTERNAL, "The gateway failed; its log tells more by the request id."
    ),
    errors.WeirError: Row(
        code_pb2.INTERNAL, "The gateway failed; its log tells more by the request id."
    ),
}
"""One row for each class. A class without one gets its nearest ancestor's."""


_CODES: dict[int, int] = {
    ErrorReason.ERROR_REASON_UNSPECIFIED: _OK,
    **{error_class.reason: row.code for error_class, row in ROWS.items()},
}


def row_of(error_class: type[WeirError]) -> Row:
    """Return the row of a class of errors, or of its nearest ancestor that has one."""
    for ancestor in error_class.__mro__:
        row = ROWS.get(ancestor)
        if row is not None:
            return row
    raise AssertionError("WeirError itself has a row")


def code_of(reason: ErrorReason.ValueType) -> int:
    """Return the status code of a reason, as the ledger keeps it: a reason has exactly one."""
    return _CODES.get(reason, _UNKNOWN)


def to_message(error: WeirError) -> Error:
    """Return the error as the contract's value, as it stands in the `end` of a stream."""
    row = row_of(type(error))
    message = Error(
        code=row.code,
        reason=error.reason,
        message=row.message,
        metadata=_public_metadata(error),
        field_violations=error.violations,
    )
    if error.retry_after_s is not None:
        message.retry_after.CopyFrom(_duration(error.retry_after_s))
    return message


def failed(
    error: WeirError,
    *,
    trailers: Metadata,
    response_id: str,
    last_sequence: int | None = None,
    attempts: Sequence[Attempt] = (),
) -> Finish:
    """Return how an RPC ends that failed; `trailers` stand before those of the failure."""
    row = row_of(type(error))
    details = to_details(
        error, response_id=response_id, last_sequence=last_sequence, attempts=attempts
    )
    said = [*trailers, ("grpc-status-details-bin", details)]
    wait_ms = pushback_ms(error)
    if wait_ms is not None:
        said.append(("grpc-retry-pushback-ms", str(wait_ms)))
    return Finish(code=row.code, message=row.message, trailers=said)


def to_details(
    error: WeirError,
    *,
    response_id: str,
    last_sequence: int | None,
    attempts: Sequence[Attempt] = (),
) -> bytes:
    """Return the serialized google.rpc.Status for `grpc-status-details-bin`, within its bound.

    Exactly one ErrorInfo; each other detail at most once (AIP-193). What does not fit is left out
    from the least useful end: attempts first, then violations beyond the first ones.
    """
    row = row_of(type(error))
    details: list[AnyMessage] = []

    def pack(message: ErrorInfo | RetryInfo | ResourceInfo | QuotaFailure | FailureInfo) -> None:
        packed = AnyMessage()
        packed.Pack(message)
        details.append(packed)

    pack(ErrorInfo(reason=error.name(), domain=DOMAIN, metadata=_public_metadata(error)))
    if error.retry_after_s is not None:
        pack(RetryInfo(retry_delay=_duration(error.retry_after_s)))
    if row.resource:
        name = error.metadata.get(row.resource, "")[:METADATA_VALUE_MAX_BYTES]
        pack(ResourceInfo(resource_type=f"weir.v1/{row.resource}", resource_name=name))
    if row.quota:
        subject = error.metadata.get(row.quota, "")[:METADATA_VALUE_MAX_BYTES]
        used_up = QuotaFailure.Violation(subject=subject, description=row.message)
        pack(QuotaFailure(violations=[used_up]))
    failure = FailureInfo(response_id=response_id, attempts=attempts[-ATTEMPTS_MAX:])
    if error.usage is not None:
        failure.usage.CopyFrom(error.usage)
    if last_sequence is not None:
        failure.last_sequence = last_sequence
    pack(failure)
    violations = [
        BadRequest.FieldViolation(
            field=violation.field[:VIOLATION_TEXT_MAX_CHARS],
            description=violation.description[:VIOLATION_TEXT_MAX_CHARS],
            reason=violation.rule[:VIOLATION_TEXT_MAX_CHARS],
        )
        for violation in error.violations
    ]
    for kept in _ever_shorter(violations):
        serialized = _serialized(row, details, kept)
        if len(serialized) <= DETAILS_MAX_BYTES:
            return serialized
        if failure.attempts:
            del failure.attempts[:]
            details[-1].Pack(failure)
    return _serialized(row, details[:1], [])


def _ever_shorter(
    violations: list[BadRequest.FieldViolation],
) -> Iterator[list[BadRequest.FieldViolation]]:
    """Give the violations twice, then half of them, and so on to none."""
    yield violations
    while violations:
        yield violations
        violations = violations[: len(violations) // 2]
    yield violations


def _serialized(
    row: Row, details: Sequence[AnyMessage], violations: list[BadRequest.FieldViolation]
) -> bytes:
    status = Status(code=row.code, message=row.message, details=details)
    if violations:
        packed = AnyMessage()
        packed.Pack(BadRequest(field_violations=violations))
        status.details.append(packed)
    serialized: bytes = status.SerializeToString()
    return serialized


def pushback_ms(error: WeirError) -> int | None:
    """Return what `grpc-retry-pushback-ms` should say, or None to leave it out."""
    if error.replayed:
        return NEVER_RETRY_MS  # the same key gets the same failure, however often it asks
    if error.retry_after_s is not None:
        return max(AT_ONCE_MS, round(error.retry_after_s * 1000))
    return row_of(type(error)).pushback_ms


def _public_metadata(error: WeirError) -> dict[str, str]:
    """Return the first few facts, each cut so that together they always fit."""
    facts = list(error.metadata.items())[:METADATA_MAX_KEYS]
    return {key[:METADATA_KEY_MAX_CHARS]: _cut(value) for key, value in facts}


def _cut(value: str) -> str:
    """Cut a text to its bound in bytes, at a character."""
    if len(value) <= METADATA_VALUE_MAX_BYTES // 4:
        return value
    return value.encode()[:METADATA_VALUE_MAX_BYTES].decode(errors="ignore")


def _duration(seconds: float) -> Duration:
    nanos = round(seconds * 1_000_000_000)
    return Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)
