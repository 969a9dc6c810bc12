"""What does a call look like as a row of a table? One column for each fact, none for content."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from enum import Enum, auto

from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import UsageSource
from weir.v1.usage_service_pb2 import CallRecord, CallState


class ColumnType(Enum):
    """What stands in a column."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    FLAG = auto()
    TIME = auto()


COLUMNS: Mapping[str, ColumnType] = {
    "response_id": ColumnType.TEXT,
    "request_id": ColumnType.TEXT,
    "start_time": ColumnType.TIME,
    "tenant": ColumnType.TEXT,
    "key": ColumnType.TEXT,
    "method": ColumnType.TEXT,
    "model": ColumnType.TEXT,
    "provider": ColumnType.TEXT,
    "vendor_model": ColumnType.TEXT,
    "duration_ms": ColumnType.NUMBER,
    "first_part_ms": ColumnType.NUMBER,
    "reason": ColumnType.TEXT,
    "finish_reason": ColumnType.TEXT,
    "prompt_tokens": ColumnType.INTEGER,
    "cached_prompt_tokens": ColumnType.INTEGER,
    "cache_write_prompt_tokens": ColumnType.INTEGER,
    "completion_tokens": ColumnType.INTEGER,
    "reasoning_tokens": ColumnType.INTEGER,
    "usage_source": ColumnType.TEXT,
    "cost_nanos": ColumnType.INTEGER,
    "currency": ColumnType.TEXT,
    "price_book": ColumnType.TEXT,
    "state": ColumnType.TEXT,
    "attempts": ColumnType.INTEGER,
    "replayed": ColumnType.FLAG,
    "trace_id": ColumnType.TEXT,
    "labels": ColumnType.TEXT,
}
"""The columns of an export. `cost_nanos` is empty where the price is not known."""


def row_of(record: CallRecord) -> tuple[object, ...]:
    """Return a call as a row below COLUMNS."""
    usage = record.usage
    priced = usage.HasField("cost")
    first_part = record.time_to_first_part
    return (
        record.response_id,
        record.request_id,
        record.start_time.ToDatetime(tzinfo=UTC),
        record.tenant,
        record.key,
        record.method,
        record.model,
        record.provider,
        record.vendor_model,
        record.duration.ToNanoseconds() / 1e6,
        first_part.ToNanoseconds() / 1e6 if record.HasField("time_to_first_part") else None,
        name_of(ErrorReason.items(), record.reason, "ERROR_REASON_"),
        name_of(FinishReason.items(), record.finish_reason, "FINISH_REASON_"),
        usage.prompt_tokens,
        usage.cached_prompt_tokens,
        usage.cache_write_prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
        name_of(UsageSource.items(), usage.source, "USAGE_SOURCE_"),
        usage.cost.total_nanos if priced else None,
        usage.cost.currency_code,
        usage.cost.price_book_version,
        name_of(CallState.items(), record.state, "CALL_STATE_"),
        len(record.attempts),
        record.replayed,
        record.trace_id,
        json.dumps(dict(sorted(record.labels.items())), ensure_ascii=False),
    )


def name_of(items: Sequence[tuple[str, int]], number: int, prefix: str) -> str:
    """Return an enum's value as people write it; nothing where it says nothing.

    A number without a name is that number.
    """
    if not number:
        return ""
    names = {value: name for name, value in items}
    return names.get(number, str(number)).removeprefix(prefix).lower()
