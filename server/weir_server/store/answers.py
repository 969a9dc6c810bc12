"""How are operators' questions answered while calls go on? In threads, in the contract's words."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from weir.admin.v1.usage_admin_service_pb2 import Budget as BudgetMessage
from weir.admin.v1.usage_admin_service_pb2 import (
    BudgetPeriod,
    ListBudgetsRequest,
    ListBudgetsResponse,
    ListCallsRequest,
    ListCallsResponse,
    QueryUsageRequest,
    QueryUsageResponse,
    WatchBudgetsResponse,
)
from weir.v1.usage_service_pb2 import CallRecord
from weir_server.core.books import BudgetEvent
from weir_server.core.errors import BudgetNotFound, LedgerUnavailable, ResponseNotFound
from weir_server.core.ledger import Budget, Period, Scope
from weir_server.store.books import Books
from weir_server.store.budgets import BudgetEvent as EventRow
from weir_server.store.budgets import BudgetState
from weir_server.store.ledger import RETRY_AFTER_S
from weir_server.store.paging import after as after_token
from weir_server.store.paging import size_of, token_of
from weir_server.store.records import timestamp
from weir_server.store.usage import Usage

AnswerT = TypeVar("AnswerT")

_PERIODS = {
    Period.DAY: BudgetPeriod.BUDGET_PERIOD_DAY,
    Period.MONTH: BudgetPeriod.BUDGET_PERIOD_MONTH,
    Period.TOTAL: BudgetPeriod.BUDGET_PERIOD_TOTAL,
}
_BY_NUMBER = {number: period for period, number in _PERIODS.items()}
_WARN_AT = (0.5, 0.8, 1.0)


class BookAnswers:
    """Answers as `core.books.Books` says. Every method raises LedgerUnavailable."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._usage = Usage(books.database)
        self._change = asyncio.Event()
        books.ledger.on_change = self._changed

    async def call(self, response_id: str) -> CallRecord | None:
        """Return one call, running or ended; None: there is none."""
        try:
            return await _in_thread(lambda: self._usage.call(response_id))
        except ResponseNotFound:
            return None

    async def usage(self, query: QueryUsageRequest) -> QueryUsageResponse:
        """Sum up, one page. Raises PageTokenInvalid."""
        return await _in_thread(lambda: self._usage.query(query))

    async def calls(self, request: ListCallsRequest) -> ListCallsResponse:
        """List calls, one page. Raises PageTokenInvalid."""
        return await _in_thread(
            lambda: self._usage.list_calls(
                request.filter, page_size=request.page_size, page_token=request.page_token
            )
        )

    async def set_budget(self, budget: BudgetMessage) -> BudgetMessage:
        """Make or change a budget, and return it with what is spent."""
        try:
            return _message(await self._books.set_budget(_budget(budget)))
        except SQLAlchemyError as failure:
            raise LedgerUnavailable(retry_after_s=RETRY_AFTER_S) from failure

    async def budgets(self, request: ListBudgetsRequest) -> ListBudgetsResponse:
        """List budgets with what is spent, one page. Raises PageTokenInvalid."""
        size, begin = size_of(request.page_size), after_token(request.page_token, [str])
        states = await _in_thread(
            lambda: self._books.budgets.list(
                tenant=request.tenant, after=str(begin[0]) if begin else "", limit=size + 1
            )
        )
        response = ListBudgetsResponse(budgets=[_message(state) for state in states[:size]])
        if len(states) > size:
            response.next_page_token = token_of([states[size - 1].budget.name])
        return response

    async def delete_budget(self, name: str) -> bool:
        """End a budget; False: there is none."""
        try:
            await self._books.delete_budget(name)
        except BudgetNotFound:
            return False
        except SQLAlchemyError as failure:
            raise LedgerUnavailable(retry_after_s=RETRY_AFTER_S) from failure
        return True

    async def budget_events(
        self, *, after: int | None, since_ns: int, name: str
    ) -> Sequence[BudgetEvent]:
        """Return the next events in order, a bounded number of them."""
        rows, budgets = await _in_thread(
            lambda: (
                self._books.budgets.events(after=after or 0, since_ns=since_ns, budget=name),
                {each.name: each for each in self._books.budgets.all()},
            )
        )
        return [_event(row, budgets.get(row.budget)) for row in rows]

    async def last_event(self) -> int:
        """Return the number of the newest event; 0: there is none."""
        return await _in_thread(self._books.budgets.last_event)

    async def changed(self) -> None:
        """Return when something has been booked in this process since the call."""
        await self._change.wait()

    def _changed(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()


async def _in_thread(question: Callable[[], AnswerT]) -> AnswerT:
    try:
        return await asyncio.to_thread(question)
    except SQLAlchemyError as failure:
        raise LedgerUnavailable(retry_after_s=RETRY_AFTER_S) from failure


def _budget(message: BudgetMessage) -> Budget:
    scope = message.WhichOneof("scope")
    assert scope is not None, "validation asks for one"
    return Budget(
        name=message.name,
        scope=Scope(scope),
        subject=getattr(message, scope),
        period=_BY_NUMBER[message.period],
        limit_nanos=message.limit_nanos,
        hard=message.hard,
        warn_at=tuple(sorted(set(message.warn_at))) or _WARN_AT,
    )


def _message(state: BudgetState) -> BudgetMessage:
    made = _said(state.budget)
    made.spent_nanos = state.spent_nanos
    made.reserved_nanos = state.reserved_nanos
    if state.window_start_ns:
        made.period_start_time.CopyFrom(timestamp(state.window_start_ns))
    return made


def _said(budget: Budget) -> BudgetMessage:
    made = BudgetMessage(
        name=budget.name,
        period=_PERIODS[budget.period],
        limit_nanos=budget.limit_nanos,
        hard=budget.hard,
        warn_at=budget.warn_at,
    )
    setattr(made, budget.scope.value, budget.subject)
    return made


def _event(row: EventRow, budget: Budget | None) -> BudgetEvent:
    """Return an event. budget: as it is now; None: it has ended since."""
    said = _said(budget) if budget is not None else BudgetMessage(name=row.budget)
    said.limit_nanos = row.limit_nanos
    said.spent_nanos = row.spent_nanos
    said.reserved_nanos = row.reserved_nanos
    if row.window_start_ns:
        said.period_start_time.CopyFrom(timestamp(row.window_start_ns))
    event = WatchBudgetsResponse(budget=said, time=timestamp(row.time_ns), share=row.share)
    return BudgetEvent(number=row.number, event=event)
