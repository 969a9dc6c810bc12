"""What does a row say in the words of the contract?"""

from collections.abc import Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Row

from weir.v1.usage_pb2 import Cost, CostLine, ModalityTokens, TokenUsage
from weir.v1.usage_service_pb2 import AttemptRecord, CallRecord, CallState


def record_of(call: Row[Any], attempts: Sequence[Row[Any]]) -> CallRecord:
    """Return a booked call."""
    record = _common(call)
    record.provider = call.provider
    record.vendor_model = call.vendor_model
    record.duration.CopyFrom(_duration(call.duration_ms))
    if call.first_part_ms is not None:
        record.time_to_first_part.CopyFrom(_duration(call.first_part_ms))
    record.reason = call.reason
    record.finish_reason = call.finish_reason
    record.usage.CopyFrom(_usage(call))
    record.usage.modality_tokens.extend(
        ModalityTokens(modality=each[0], prompt_tokens=each[1], completion_tokens=each[2])
        for each in call.modality_tokens or ()
    )
    if call.cost_nanos is not None:
        record.usage.cost.price_book_version = call.price_book
        record.usage.cost.lines.extend(
            CostLine(sku=sku, quantity=quantity, amount_nanos=amount)
            for sku, quantity, amount in call.cost_lines
        )
    record.state = call.state
    record.replayed = call.replayed
    record.attempts.extend(_attempt(each) for each in attempts)
    return record


def running(reservation: Row[Any]) -> CallRecord:
    """Return a call that has not ended."""
    record = _common(reservation)
    record.state = CallState.CALL_STATE_RUNNING
    return record


def timestamp(ns: int) -> Timestamp:
    """Return a moment as the contract has it."""
    moment = Timestamp()
    moment.FromNanoseconds(ns)
    return moment


def _common(row: Row[Any]) -> CallRecord:
    return CallRecord(
        response_id=row.response_id,
        request_id=row.request_id,
        tenant=row.tenant,
        key=row.key,
        method=row.method,
        model=row.model,
        start_time=timestamp(row.arrived_ns),
        labels=row.labels,
        trace_id=row.trace_id,
    )


def _attempt(row: Row[Any]) -> AttemptRecord:
    return AttemptRecord(
        provider=row.provider,
        vendor_model=row.vendor_model,
        kind=row.kind,
        reason=row.reason,
        start_offset=_duration(row.start_offset_ms),
        duration=_duration(row.duration_ms),
        usage=_usage(row),
        charged=row.charged,
    )


def _usage(row: Row[Any]) -> TokenUsage:
    usage = TokenUsage(
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        total_tokens=row.prompt_tokens + row.completion_tokens,
        cached_prompt_tokens=row.cached_prompt_tokens,
        cache_write_prompt_tokens=row.cache_write_prompt_tokens,
        reasoning_tokens=row.reasoning_tokens,
        source=row.usage_source,
    )
    if row.cost_nanos is not None:
        usage.cost.CopyFrom(Cost(currency_code=row.currency, total_nanos=row.cost_nanos))
    return usage


def _duration(milliseconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(milliseconds * 1e6))
    return duration
