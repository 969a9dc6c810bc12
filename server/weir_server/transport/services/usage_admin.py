"""How do operators ask the ledger, and set budgets?"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

from weir.admin.v1.usage_admin_service_pb2 import (
    DeleteBudgetRequest,
    DeleteBudgetResponse,
    ListBudgetsRequest,
    ListBudgetsResponse,
    ListCallsRequest,
    ListCallsResponse,
    QueryUsageRequest,
    QueryUsageResponse,
    SetBudgetRequest,
    SetBudgetResponse,
    UsageRow,
    WatchBudgetsRequest,
    WatchBudgetsResponse,
    WatchUsageRequest,
    WatchUsageResponse,
)
from weir_server.core.books import Books
from weir_server.core.errors import BudgetNotFound, FeatureDisabled
from weir_server.transport.methods import Rpc
from weir_server.transport.status import code_of
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.usage import (
    MAX_PAGE_SIZE,
    validate_delete_budget,
    validate_list_budgets,
    validate_list_calls,
    validate_query_usage,
    validate_set_budget,
    validate_watch_budgets,
    validate_watch_usage,
)

SECOND = timedelta(seconds=1)
INTERVAL_S = 1.0
LOOK_AGAIN_S = 2.0
"""A watch looks so often by itself: other processes book into the same ledger, and tell nobody."""


class UsageAdmin:
    """Serves UsageAdminService. Switched off, every method raises FeatureDisabled.

    look_again_s: how long a watch waits for this process to book something before it looks anyway.
    """

    def __init__(
        self,
        *,
        books: Books | None,
        limits: ValidationLimits,
        enabled: bool,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._open_books = books
        self._limits = limits
        self._enabled = enabled
        self._look_again_s = look_again_s

    async def query_usage(self, _rpc: Rpc, request: QueryUsageRequest) -> QueryUsageResponse:
        """Sum up what was used, page by page. Raises PageTokenInvalid, LedgerUnavailable."""
        books = self._books()
        validate_query_usage(request, self._limits)
        return await books.usage(request)

    async def watch_usage(
        self, _rpc: Rpc, request: WatchUsageRequest
    ) -> AsyncGenerator[WatchUsageResponse, None]:
        """Give the sums at once, and again when they are others; never twice in an interval."""
        books = self._books()
        validate_watch_usage(request, self._limits)
        interval_s = INTERVAL_S
        if request.HasField("interval"):
            interval_s = request.interval.ToTimedelta() / SECOND
        told: list[UsageRow] | None = None
        while True:
            rows = await self._all_rows(books, request.query)
            if rows != told:
                told = rows
                yield WatchUsageResponse(rows=rows)
                await asyncio.sleep(interval_s)
            else:
                await self._changed(books)

    async def list_calls(self, _rpc: Rpc, request: ListCallsRequest) -> ListCallsResponse:
        """List calls, page by page. Raises PageTokenInvalid, LedgerUnavailable."""
        books = self._books()
        validate_list_calls(request, self._limits)
        response = await books.calls(request)
        for record in response.calls:
            record.code = code_of(record.reason)
        return response

    async def set_budget(self, _rpc: Rpc, request: SetBudgetRequest) -> SetBudgetResponse:
        """Make a budget, or change it."""
        books = self._books()
        validate_set_budget(request, self._limits)
        return SetBudgetResponse(budget=await books.set_budget(request.budget))

    async def list_budgets(self, _rpc: Rpc, request: ListBudgetsRequest) -> ListBudgetsResponse:
        """List budgets with what is spent of each. Raises PageTokenInvalid."""
        books = self._books()
        validate_list_budgets(request, self._limits)
        return await books.budgets(request)

    async def delete_budget(self, _rpc: Rpc, request: DeleteBudgetRequest) -> DeleteBudgetResponse:
        """End a budget. Raises BudgetNotFound."""
        books = self._books()
        validate_delete_budget(request, self._limits)
        if not await books.delete_budget(request.name):
            raise BudgetNotFound(metadata={"budget": request.name})
        return DeleteBudgetResponse()

    async def watch_budgets(
        self, _rpc: Rpc, request: WatchBudgetsRequest
    ) -> AsyncGenerator[WatchBudgetsResponse, None]:
        """Give what happens to budgets, in order, from a time or from now on."""
        books = self._books()
        validate_watch_budgets(request, self._limits)
        after: int | None = None
        since_ns = 0
        if request.HasField("start_time"):
            since_ns = request.start_time.ToNanoseconds()
        else:
            after = await books.last_event()
        while True:
            events = await books.budget_events(after=after, since_ns=since_ns, name=request.name)
            for each in events:
                after = each.number
                yield each.event
            if not events:
                await self._changed(books)

    async def _all_rows(self, books: Books, query: QueryUsageRequest) -> list[UsageRow]:
        """Return every page's rows."""
        asked = QueryUsageRequest()
        asked.CopyFrom(query)
        asked.page_size, asked.page_token = MAX_PAGE_SIZE, ""
        rows: list[UsageRow] = []
        while True:
            page = await books.usage(asked)
            rows += page.rows
            if not page.next_page_token:
                return rows
            asked.page_token = page.next_page_token

    async def _changed(self, books: Books) -> None:
        """Return when something may have been booked."""
        try:
            async with asyncio.timeout(self._look_again_s):
                await books.changed()
        except TimeoutError:
            return

    def _books(self) -> Books:
        if not self._enabled:
            raise FeatureDisabled(metadata={"feature": "admin"})
        if self._open_books is None:
            raise FeatureDisabled(metadata={"feature": "ledger"})
        return self._open_books
