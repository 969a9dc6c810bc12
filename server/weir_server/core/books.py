"""What do the books say? What operators ask the ledger, and callers about their own calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from weir.admin.v1.usage_admin_service_pb2 import (
    Budget,
    ListBudgetsRequest,
    ListBudgetsResponse,
    ListCallsRequest,
    ListCallsResponse,
    QueryUsageRequest,
    QueryUsageResponse,
    WatchBudgetsResponse,
)
from weir.v1.usage_service_pb2 import CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEvent:
    """Something that happened to a budget, and its place in the order of all."""

    number: int
    """Rises from event to event."""
    event: WatchBudgetsResponse


class Books(Protocol):
    """Answers questions to the ledger. Every method raises LedgerUnavailable if it is away."""

    async def call(self, response_id: str) -> CallRecord | None:
        """Return one call, running or ended; None: there is none."""
        ...

    async def usage(self, query: QueryUsageRequest) -> QueryUsageResponse:
        """Sum up, one page. Raises PageTokenInvalid."""
        ...

    async def calls(self, request: ListCallsRequest) -> ListCallsResponse:
        """List calls, one page. Raises PageTokenInvalid."""
        ...

    async def set_budget(self, budget: Budget) -> Budget:
        """Make or change a budget, and return it with what is spent."""
        ...

    async def budgets(self, request: ListBudgetsRequest) -> ListBudgetsResponse:
        """List budgets with what is spent, one page. Raises PageTokenInvalid."""
        ...

    async def delete_budget(self, name: str) -> bool:
        """End a budget; False: there is none."""
        ...

    async def budget_events(
        self, *, after: int | None, since_ns: int, name: str
    ) -> Sequence[BudgetEvent]:
        """Return the next events in order, a bounded number of them.

        after: those behind this number; None: those since `since_ns`. name: of one budget; empty:
        of all.
        """
        ...

    async def last_event(self) -> int:
        """Return the number of the newest event; 0: there is none."""
        ...

    async def changed(self) -> None:
        """Return when something has been booked in this process since the call."""
        ...
