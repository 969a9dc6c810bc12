"""What does the ledger learn of a call that ended? Its entry, made of what the stages noted."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.duration_pb2 import Duration

from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.core.call import Call, Spent
from weir_server.core.errors import WeirError
from weir_server.core.ledger import AttemptEntry, CallEntry, Hold

# Looking an enum's value up by name costs nearly a microsecond.
_SUCCEEDED: Final = ErrorReason.ERROR_REASON_UNSPECIFIED
_CANCELLED: Final = ErrorReason.ERROR_REASON_CLIENT_CANCELLED
_LATE: Final = ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED
_OUR_FAULT: Final = ErrorReason.ERROR_REASON_INTERNAL
_UNFINISHED: Final = FinishReason.FINISH_REASON_UNSPECIFIED
_PARTIAL: Final = UsageSource.USAGE_SOURCE_PARTIAL


def entry_of(
    call: Call,
    hold: Hold,
    *,
    usage: TokenUsage | None,
    now_s: float,
    first_part_s: float | None,
    reason: ErrorReason.ValueType = _SUCCEEDED,
    finish_reason: FinishReason.ValueType = _UNFINISHED,
) -> CallEntry:
    """Make the entry of a call that ends now, on the clock's monotonic scale.

    usage: what the caller is told was used; None: nothing is known to have been.
    """
    progress = call.progress
    route = progress.route
    asked = progress.spent[-1].attempt if progress.spent else None
    usage = usage or TokenUsage(source=_PARTIAL)
    return CallEntry(
        hold=hold,
        provider=asked.provider if asked is not None else "",
        vendor_model=route.vendor_model if route is not None else "",
        duration_ms=_ms(now_s - call.arrived_s),
        first_part_ms=None if first_part_s is None else _ms(first_part_s - call.arrived_s),
        reason=reason,
        finish_reason=finish_reason,
        usage=usage,
        attempts=_attempts(progress.spent, usage),
    )


def reason_of(call: Call, error: BaseException | None, now_s: float) -> ErrorReason.ValueType:
    """Return why a call ended before its answer did.

    A cancellation is whatever interrupted the call, or else the caller's doing; one that comes at
    the caller's own deadline is that deadline.
    """
    if isinstance(error, WeirError):
        return error.reason
    if isinstance(error, Exception):
        return _OUR_FAULT
    told = call.progress.interrupted
    interruption = told() if told is not None else None
    if interruption is not None:
        return interruption.reason
    return _LATE if call.deadline.remaining_s(now_s) <= 0 else _CANCELLED


def _attempts(spent: Sequence[Spent], usage: TokenUsage) -> list[AttemptEntry]:
    """List what each attempt used; the tenant is charged for those that its own usage is made of.

    These are the last ones: the attempt that answered, and before it those whose cut text it went
    on with. What else was tried is the platform's.
    """
    left = usage.total_tokens
    entries: list[AttemptEntry] = []
    for each in reversed(spent):
        attempt, used = each.attempt, each.usage
        charged = 0 < used.total_tokens <= left
        if charged:
            left -= used.total_tokens
        entries.append(
            AttemptEntry(
                provider=attempt.provider,
                vendor_model=attempt.model,
                kind=attempt.kind,
                reason=attempt.reason,
                start_offset_ms=_duration_ms(attempt.start_offset),
                duration_ms=_duration_ms(attempt.duration),
                usage=used,
                charged=charged,
            )
        )
    entries.reverse()
    return entries


def _duration_ms(duration: Duration) -> float:
    return float(duration.seconds * 1_000 + duration.nanos / 1_000_000)


def _ms(seconds: float) -> float:
    """Return milliseconds to the nearest microsecond; `round` would cost more."""
    return int(seconds * 1e6 + 0.5) / 1e3
