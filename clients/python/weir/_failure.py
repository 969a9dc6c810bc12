"""Which error does a failure on the wire stand for? From a gRPC status, or from a stream's end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

from weir.errors import Code, QuotaViolation, StreamBrokenError, WeirError, error_class
from weir.v1.error_pb2 import ErrorReason, FailureInfo, FieldViolation
from weir.v1.generation_pb2 import StreamEnd

Trailers = Sequence[tuple[str, str | bytes]]

_DOMAIN: Final = "weir"
# What a cut connection looks like when no one is left to say why.
_CUT: Final = frozenset({Code.UNAVAILABLE, Code.INTERNAL, Code.UNKNOWN})


@dataclass(slots=True, kw_only=True)
class _Details:
    """What the details of a status say; a detail that is not there leaves its default."""

    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    violations: list[FieldViolation] = field(default_factory=list)
    quotas: list[QuotaViolation] = field(default_factory=list)
    failure: FailureInfo = field(default_factory=FailureInfo)


def error_from_status(
    code: int,
    message: str,
    trailers: Trailers,
    *,
    started: bool = False,
    answered: bool = False,
) -> WeirError:
    """The error of a call that ended with a status.

    message: the text of the status.
    trailers: the trailing metadata; its `grpc-status-details-bin` tells the rest, if it is there.
    started: whether the stream had begun; a bare transport failure is then a broken stream.
    answered: whether something of an answer was given; see `error_class`.
    """
    status = _code(code)
    details = _decode(trailers)
    kind = error_class(status, details.reason, answered=answered)
    if not details.reason:
        if started and status in _CUT:
            kind = StreamBrokenError
        elif status is Code.RESOURCE_EXHAUSTED and "larger than max" in message:
            kind = error_class(status, "MESSAGE_TOO_LARGE")  # gRPC's own limit gives no details
    failure = details.failure
    return kind(
        message or _nameless(status),
        code=status,
        reason=details.reason,
        metadata=details.metadata,
        retry_after_s=details.retry_after_s,
        field_violations=details.violations,
        quota_violations=details.quotas,
        response_id=failure.response_id or _text(trailers, "weir-response-id"),
        usage=failure.usage if failure.HasField("usage") else None,
        attempts=failure.attempts,
        last_sequence=failure.last_sequence if failure.HasField("last_sequence") else None,
        request_id=_text(trailers, "weir-request-id"),
    )


def error_from_end(end: StreamEnd, *, answered: bool = False) -> WeirError:
    """The error that the end of a stream carries; `answered` as in `error_class`."""
    error = end.error
    status = _code(error.code)
    reason = ""
    if error.reason in ErrorReason.values():
        reason = ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
    reason = "" if reason == "UNSPECIFIED" else reason
    return error_class(status, reason, answered=answered)(
        error.message or _nameless(status),
        code=status,
        reason=reason,
        metadata=error.metadata,
        retry_after_s=_seconds(error.retry_after) if error.HasField("retry_after") else None,
        field_violations=error.field_violations,
        response_id=end.metadata.response_id,
        usage=end.usage if end.HasField("usage") else None,
        attempts=end.metadata.attempts,
    )


def _decode(trailers: Trailers) -> _Details:
    told = _Details()
    info, retry, request, quota = ErrorInfo(), RetryInfo(), BadRequest(), QuotaFailure()
    try:
        for detail in Status.FromString(_bytes(trailers, "grpc-status-details-bin")).details:
            if detail.Unpack(info) and info.domain == _DOMAIN:
                told.reason = info.reason
                told.metadata = dict(info.metadata)
            elif detail.Unpack(retry):
                told.retry_after_s = _seconds(retry.retry_delay)
            elif detail.Unpack(request):
                told.violations = [
                    FieldViolation(field=each.field, description=each.description, rule=each.reason)
                    for each in request.field_violations
                ]
            elif detail.Unpack(quota):
                told.quotas = [
                    QuotaViolation(subject=each.subject, description=each.description)
                    for each in quota.violations
                ]
            else:
                detail.Unpack(told.failure)
    except DecodeError:
        # Bytes of something else on the way: the status itself still says what happened.
        return told
    return told


def _code(number: int) -> Code:
    try:
        return Code(number)
    except ValueError:
        return Code.UNKNOWN


def _nameless(code: Code) -> str:
    return f"The call failed with {code.name}."


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _text(trailers: Trailers, key: str) -> str:
    return next((value for name, value in trailers if name == key and isinstance(value, str)), "")


def _bytes(trailers: Trailers, key: str) -> bytes:
    return next((v for name, v in trailers if name == key and isinstance(v, bytes)), b"")
