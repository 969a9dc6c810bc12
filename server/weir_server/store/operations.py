"""What can be written into the books? Four kinds of operations, as plain rows.

A row is made where the operation is posted, so that nothing a caller does later changes what is
booked; it is also what the spool keeps. Every operation may be done twice: the second time changes
nothing. They may also come in another order, as from the spool: a call is booked once, whatever of
its holds is known, and a hold of a booked call is void.
"""

import asyncio
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from weir.v1.error_pb2 import ErrorReason
from weir.v1.usage_pb2 import TokenUsage
from weir.v1.usage_service_pb2 import CallState as WireCallState
from weir_server.core.errors import WeirError
from weir_server.core.ledger import AttemptEntry, CallEntry, CallState, Hold

Row = tuple[Any, ...]
"""Values for one row of a table, in the order of its columns."""

WINDOW_CURRENCY: Final = "USD"
"""What budgets count."""
STATES: Final = {
    CallState.SETTLED: int(WireCallState.CALL_STATE_SETTLED),
    CallState.UNKNOWN: int(WireCallState.CALL_STATE_UNKNOWN),
}
_encode = msgspec.json.encode


class Kind(IntEnum):
    """What is done to the books."""

    HOLD = 1
    EXTEND = 2
    SETTLE = 3
    RELEASE = 4
    """Forget a hold that nobody was told of."""
    ORPHAN = 5
    """Book a call that Weir has lost, at the most that it may have cost."""


class Operation:
    """One thing to do, and who waits for it."""

    __slots__ = (
        "answered",
        "budgets",
        "diverted",
        "future",
        "kind",
        "nanos",
        "posted_s",
        "response_id",
        "row",
    )

    def __init__(
        self,
        kind: Kind,
        response_id: str,
        *,
        row: Row = (),
        budgets: Sequence[str] = (),
        nanos: int = 0,
    ) -> None:
        """row: of a hold or extension, the reservation up to its budgets; of a settlement, three:
        the call up to its budgets, its attempts, its labels.
        nanos: what is reserved in all, or charged to budgets.
        """
        self.kind = kind
        self.response_id = response_id
        self.row = row
        self.budgets = budgets
        self.nanos = nanos
        self.future: asyncio.Future[WeirError | None] | None = None
        self.posted_s = 0.0
        self.answered = False
        self.diverted = False
        """Whether it was answered in another way; set by the event loop, seen by the writer."""

    def record(self) -> bytes:
        """Return it as the spool keeps it."""
        return _encode((self.kind, self.response_id, self.row, self.budgets, self.nanos))

    @classmethod
    def of_record(cls, record: bytes) -> "Operation":
        """Return what `record` was made of. Raises msgspec.DecodeError, ValueError."""
        kind, response_id, row, budgets, nanos = msgspec.json.decode(record)
        return cls(Kind(kind), response_id, row=tuple(row), budgets=budgets, nanos=nanos)


def hold_of(hold: Hold, instance: str) -> Operation:
    """Return the operation that reserves what a call may cost."""
    return _reserving(Kind.HOLD, hold, instance, hold.amount_nanos)


def extension_of(hold: Hold, instance: str, total_nanos: int) -> Operation:
    """Return the operation that reserves more; `total_nanos` is all of it, so it can be redone."""
    return _reserving(Kind.EXTEND, hold, instance, total_nanos)


def _reserving(kind: Kind, hold: Hold, instance: str, nanos: int) -> Operation:
    row = (
        hold.response_id,
        hold.request_id,
        hold.tenant,
        hold.key,
        hold.method,
        hold.model,
        json_of(dict(hold.labels)) if hold.labels else "{}",
        hold.arrived_ns,
        hold.lease_until_ns,
        hold.prompt_tokens,
        nanos,
        hold.trace_id,
        instance,
    )
    return Operation(kind, hold.response_id, row=row, budgets=tuple(hold.budgets), nanos=nanos)


def settlement_of(entry: CallEntry) -> Operation:
    """Return the operation that books a call's end."""
    hold, usage = entry.hold, entry.usage
    cost_nanos, currency, lines, price_book = _cost(usage)
    modalities = None
    if usage.modality_tokens:
        modalities = json_of(
            [
                (each.modality, each.prompt_tokens, each.completion_tokens)
                for each in usage.modality_tokens
            ]
        )
    response_id = hold.response_id
    attempts = [_attempt(response_id, n, each) for n, each in enumerate(entry.attempts, 1)]
    call = (
        response_id,
        hold.request_id,
        hold.tenant,
        hold.key,
        hold.method,
        hold.model,
        entry.provider,
        entry.vendor_model,
        hold.arrived_ns,
        entry.duration_ms,
        entry.first_part_ms,
        entry.reason,
        entry.finish_reason,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_prompt_tokens,
        usage.cache_write_prompt_tokens,
        usage.reasoning_tokens,
        modalities,
        usage.source,
        cost_nanos,
        currency,
        lines,
        price_book,
        sum(
            each.usage.cost.total_nanos
            for each in entry.attempts
            if not each.charged and each.usage.HasField("cost")
        ),
        json_of(dict(hold.labels)) if hold.labels else "{}",
        hold.trace_id,
        entry.replayed,
        STATES[entry.state],
    )
    labels = [(response_id, *each) for each in hold.labels.items()]
    return Operation(
        Kind.SETTLE,
        response_id,
        row=(call, attempts, labels),
        budgets=tuple(hold.budgets),
        nanos=cost_nanos if cost_nanos is not None and currency == WINDOW_CURRENCY else 0,
    )


def lost_call(reservation: Row, cost_nanos: int | None, now_ns: int) -> Row:
    """Return the row of a call that Weir has lost, from all columns of its reservation."""
    (response_id, request_id, tenant, key, method, model, labels, arrived_ns) = reservation[:8]
    prompt_tokens, trace_id = reservation[9], reservation[11]
    return (
        *(response_id, request_id, tenant, key, method, model, "", "", arrived_ns),
        *(max(0, now_ns - arrived_ns) / 1e6, None, _LOST, 0),
        *(prompt_tokens, 0, 0, 0, 0, None, _ESTIMATED),
        *(cost_nanos, "" if cost_nanos is None else WINDOW_CURRENCY, "[]", "", 0),
        *(json_of(labels), trace_id, False, STATES[CallState.UNKNOWN]),
    )


def json_of(value: object) -> str:
    """Return a value as JSON."""
    return _encode(value).decode()


_LOST: Final = int(ErrorReason.ERROR_REASON_UNKNOWN_OUTCOME)
"""Nobody was told how the call ended."""
_ESTIMATED: Final = 2
"""USAGE_SOURCE_ESTIMATED."""


def _cost(usage: TokenUsage) -> tuple[int | None, str, str, str]:
    if not usage.HasField("cost"):
        return None, "", "[]", ""
    cost = usage.cost
    lines = json_of([(line.sku, line.quantity, line.amount_nanos) for line in cost.lines])
    return cost.total_nanos, cost.currency_code, lines, cost.price_book_version


def _attempt(response_id: str, number: int, attempt: AttemptEntry) -> Row:
    usage = attempt.usage
    has_cost = usage.HasField("cost")
    return (
        response_id,
        number,
        attempt.provider,
        attempt.vendor_model,
        attempt.kind,
        attempt.reason,
        attempt.start_offset_ms,
        attempt.duration_ms,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_prompt_tokens,
        usage.cache_write_prompt_tokens,
        usage.reasoning_tokens,
        usage.source,
        usage.cost.total_nanos if has_cost else None,
        usage.cost.currency_code if has_cost else "",
        attempt.charged,
    )
