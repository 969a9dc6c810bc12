"""What is booked in tests? Holds and calls of which a test names what matters to it."""

import itertools
from collections.abc import Mapping, Sequence

from weir.v1.error_pb2 import AttemptKind, ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import Cost, CostLine, TokenUsage, UsageSource
from weir_server.core.ledger import (
    AttemptEntry,
    Budget,
    CallEntry,
    CallState,
    Hold,
    Period,
    Scope,
)

NOW_NS = 1_700_000_000_000_000_000
_numbers = itertools.count(1)


def budget(
    name: str = "budgets/team",
    *,
    limit: int = 1000,
    hard: bool = True,
    scope: Scope = Scope.TENANT,
    subject: str = "team",
    period: Period = Period.TOTAL,
    warn_at: tuple[float, ...] = (0.5, 0.8, 1.0),
) -> Budget:
    return Budget(
        name=name,
        scope=scope,
        subject=subject,
        period=period,
        limit_nanos=limit,
        hard=hard,
        warn_at=warn_at,
    )


def hold(
    amount: int = 0,
    budgets: Sequence[str] = (),
    *,
    response_id: str = "",
    tenant: str = "team",
    key: str = "keys/one",
    model: str = "models/fast",
    labels: Mapping[str, str] | None = None,
    arrived_ns: int = NOW_NS,
    lease_until_ns: int = NOW_NS + 10**18,
    prompt_tokens: int = 7,
) -> Hold:
    return Hold(
        response_id=response_id or f"resp_{next(_numbers)}",
        request_id="req_1",
        tenant=tenant,
        key=key,
        method="Chat",
        model=model,
        labels=labels or {},
        arrived_ns=arrived_ns,
        lease_until_ns=lease_until_ns,
        prompt_tokens=prompt_tokens,
        amount_nanos=amount,
        budgets=budgets,
        trace_id="0af7651916cd43dd8448eb211c80319c",
    )


def usage(cost: int | None = 0, *, prompt: int = 10, completion: int = 5) -> TokenUsage:
    """cost: None: the price is not known."""
    used = TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_prompt_tokens=3,
        reasoning_tokens=2,
        source=UsageSource.USAGE_SOURCE_PROVIDER,
    )
    if cost is not None:
        line = CostLine(sku="prompt_tokens", quantity=prompt, amount_nanos=cost)
        used.cost.CopyFrom(
            Cost(currency_code="USD", total_nanos=cost, lines=[line], price_book_version="book 1")
        )
    return used


def attempt(
    used: TokenUsage,
    *,
    charged: bool = True,
    provider: str = "providers/openai",
    reason: ErrorReason.ValueType = ErrorReason.ERROR_REASON_UNSPECIFIED,
) -> AttemptEntry:
    return AttemptEntry(
        provider=provider,
        vendor_model="gpt-5",
        kind=AttemptKind.ATTEMPT_KIND_FIRST,
        reason=reason,
        start_offset_ms=1.5,
        duration_ms=20.25,
        usage=used,
        charged=charged,
    )


def entry(
    held: Hold,
    cost: int | None = 0,
    *,
    attempts: Sequence[AttemptEntry] | None = None,
    provider: str = "providers/openai",
    reason: ErrorReason.ValueType = ErrorReason.ERROR_REASON_UNSPECIFIED,
    used: TokenUsage | None = None,
    replayed: bool = False,
) -> CallEntry:
    used = used or usage(cost)
    return CallEntry(
        hold=held,
        provider=provider,
        vendor_model="gpt-5",
        duration_ms=25.5,
        first_part_ms=12.25,
        reason=reason,
        finish_reason=FinishReason.FINISH_REASON_STOP,
        usage=used,
        attempts=[attempt(used)] if attempts is None else attempts,
        replayed=replayed,
        state=CallState.SETTLED,
    )
