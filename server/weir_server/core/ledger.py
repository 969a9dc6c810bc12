"""What is booked of a call, and by whom? The books that admission writes and operators ask.

A call is booked in three steps: a hold before the first provider is asked, longer holds while a
stream goes past the first, and one row when it ends. Money is whole nanos of one US dollar.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from weir.v1.error_pb2 import AttemptKind, ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import TokenUsage


class Scope(Enum):
    """Whose spending a budget counts."""

    KEY = "key"
    TENANT = "tenant"
    LABEL = "label"


class Period(Enum):
    """When a budget begins anew, in UTC."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much may be spent by a key, by a tenant or under a label."""

    name: str
    """Resource name, such as `budgets/search-monthly`."""
    scope: Scope
    subject: str
    """Whose: `keys/…`, a tenant, or `label=value`."""
    period: Period
    limit_nanos: int
    hard: bool
    """Whether calls are refused that could pass it."""
    warn_at: tuple[float, ...] = (0.5, 0.8, 1.0)
    """Shares of the limit at which it is told that they are spent."""

    def counts(self, *, tenant: str, key: str, labels: Mapping[str, str]) -> bool:
        """Say whether such a call's spending counts."""
        match self.scope:
            case Scope.KEY:
                return key == self.subject
            case Scope.TENANT:
                return tenant == self.subject
            case Scope.LABEL:
                label, _, value = self.subject.partition("=")
                return labels.get(label) == value


# One of each for each call: Final rather than frozen, which costs more; see `core.call.Call`.
@dataclass(slots=True, kw_only=True)
class Hold:
    """What is known of a call before anybody is asked: enough to book it if Weir dies meanwhile."""

    response_id: Final[str]
    request_id: Final[str]
    tenant: Final[str]
    key: Final[str]
    method: Final[str]
    model: Final[str]
    """Resource name of the model asked for."""
    labels: Final[Mapping[str, str]]
    arrived_ns: Final[int]
    """When the call arrived, on the wall clock."""
    lease_until_ns: Final[int]
    """When the call is over whatever becomes of it, on the wall clock: after that it is lost."""
    prompt_tokens: Final[int]
    """What goes in, counted or estimated; 0: not counted."""
    amount_nanos: Final[int]
    """What it may cost at most; 0 where no budget asks."""
    budgets: Final[Sequence[str]]
    """Names of the budgets it counts for."""
    trace_id: Final[str] = ""


@dataclass(slots=True, kw_only=True)
class AttemptEntry:
    """One call that was made to a provider."""

    provider: Final[str]
    vendor_model: Final[str]
    kind: Final[AttemptKind.ValueType]
    reason: Final[ErrorReason.ValueType]
    """Why it failed; unspecified: it did not."""
    start_offset_ms: Final[float]
    duration_ms: Final[float]
    usage: Final[TokenUsage]
    """With its cost, where the price is known."""
    charged: bool = False
    """Whether the tenant pays for it; otherwise the platform does."""


class CallState(Enum):
    """How sure the books are of a call."""

    SETTLED = "settled"
    UNKNOWN = "unknown"
    """Weir lost it: what is booked is an upper bound."""


@dataclass(slots=True, kw_only=True)
class CallEntry:
    """One call, as it ended."""

    hold: Final[Hold]
    provider: Final[str]
    """Who answered, or was asked last; empty: nobody was."""
    vendor_model: Final[str]
    duration_ms: Final[float]
    first_part_ms: Final[float | None]
    reason: Final[ErrorReason.ValueType]
    """Why it failed; unspecified: it did not. A reason has one status code."""
    finish_reason: Final[FinishReason.ValueType]
    usage: Final[TokenUsage]
    """What the tenant pays for, as the caller was told."""
    attempts: Final[Sequence[AttemptEntry]] = ()
    replayed: Final[bool] = False
    state: Final[CallState] = CallState.SETTLED


class Ledger(Protocol):
    """Books calls. All of it is durable once it has returned."""

    def budgets_of(self, *, tenant: str, key: str, labels: Mapping[str, str]) -> Sequence[Budget]:
        """Return the budgets that such a call counts for, as known here (at most 5 s old)."""
        ...

    def hold(self, hold: Hold) -> Awaitable[None]:
        """Reserve what a call may cost, in all of its budgets or in none.

        Raises BudgetExceeded (`budget`, `limitNanos`, `spentNanos`), LedgerUnavailable.
        """
        ...

    def extend(self, hold: Hold, more_nanos: int) -> Awaitable[None]:
        """Reserve more for a call that goes past its hold. Raises as `hold` does."""
        ...

    def settle(self, entry: CallEntry) -> Awaitable[None]:
        """Book a call's end and free its hold, once: booking it again changes nothing.

        It is posted at once and need not be awaited; awaiting it waits until it is durable.
        Awaiting raises LedgerUnavailable.
        """
        ...
