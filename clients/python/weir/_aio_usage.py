"""How does a program ask what was used, and set budgets? With `AsyncClient.usage`."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Unpack

from weir._aio_link import AioLink
from weir._calls import CallOptions
from weir._failure import error_from_status
from weir._grpc import aio, grpc
from weir._status import cancelled, is_task_cancelled, status_of
from weir.admin.v1.usage_admin_service_pb2 import (
    Budget,
    DeleteBudgetRequest,
    ListBudgetsRequest,
    ListCallsRequest,
    ListCallsResponse,
    QueryUsageRequest,
    SetBudgetRequest,
    UsageFilter,
    UsageGroup,
    UsageRow,
    WatchBudgetsRequest,
    WatchBudgetsResponse,
    WatchUsageRequest,
    WatchUsageResponse,
)
from weir.v1.usage_service_pb2 import CallRecord, GetResponseUsageRequest

PAGE_SIZE = 500


class AsyncUsage:
    """What calls used. `of` is every caller's own; the rest is for operators.

    Where the ledger or the operators' part is switched off, calls raise UnsupportedError.
    """

    def __init__(self, link: AioLink) -> None:
        self._link = link

    async def of(self, response_id: str, **call: Unpack[CallOptions]) -> CallRecord:
        """What one call used, also where its answer was cut or never came.

        Raises NotFoundError for a call that is not this tenant's, or that never was.
        """
        request = GetResponseUsageRequest(response_id=response_id)
        reply = await self._link.unary(self._link.stubs.usage.GetResponseUsage, request, call)
        return reply.call

    async def query(
        self,
        *group_by: UsageGroup.ValueType,
        where: UsageFilter | None = None,
        label: str = "",
        **call: Unpack[CallOptions],
    ) -> list[UsageRow]:
        """Sums of what was used, by whatever they are grouped by; nothing: one sum.

        label: the label's name, where USAGE_GROUP_LABEL is among the groups.
        """
        request = QueryUsageRequest(
            filter=where, group_by=group_by, group_label=label, page_size=PAGE_SIZE
        )
        rows: list[UsageRow] = []
        while True:
            method = self._link.stubs.usage_admin.QueryUsage
            reply = await self._link.unary(method, request, call)
            rows += reply.rows
            if not reply.next_page_token:
                return rows
            request.page_token = reply.next_page_token

    async def watch(
        self,
        *group_by: UsageGroup.ValueType,
        where: UsageFilter | None = None,
        label: str = "",
        interval_s: float | None = None,
        **call: Unpack[CallOptions],
    ) -> AsyncGenerator[Sequence[UsageRow], None]:
        """The same sums at once, and again whenever they have changed.

        interval_s: how long changes are gathered before they are told, 0.1 to 60. None: 1.
        Ends with DeadlineExceededError after the stream's timeout; watch again then.
        """
        query = QueryUsageRequest(filter=where, group_by=group_by, group_label=label)
        request = WatchUsageRequest(query=query)
        if interval_s is not None:
            request.interval.FromTimedelta(timedelta(seconds=interval_s))
        method = self._link.stubs.usage_admin.WatchUsage
        watch: aio.UnaryStreamCall[WatchUsageRequest, WatchUsageResponse]
        watch = self._link.stream(method, request, call)
        try:
            async for reply in watch:
                yield reply.rows
        except grpc.RpcError as failure:
            raise error_from_status(*status_of(failure)) from failure
        except asyncio.CancelledError:
            if is_task_cancelled():
                raise
            raise cancelled() from None
        finally:
            watch.cancel()

    async def calls(
        self, where: UsageFilter | None = None, **call: Unpack[CallOptions]
    ) -> AsyncGenerator[ListCallsResponse, None]:
        """Single calls, the oldest first, page by page; the first page tells how many there are."""
        request = ListCallsRequest(filter=where, page_size=PAGE_SIZE)
        while True:
            reply = await self._link.unary(self._link.stubs.usage_admin.ListCalls, request, call)
            yield reply
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token

    async def set_budget(self, budget: Budget, **call: Unpack[CallOptions]) -> Budget:
        """Make a budget, or change the one of that name. Gives it with what is spent."""
        request = SetBudgetRequest(budget=budget)
        reply = await self._link.unary(self._link.stubs.usage_admin.SetBudget, request, call)
        return reply.budget

    async def budgets(self, tenant: str = "", **call: Unpack[CallOptions]) -> list[Budget]:
        """All budgets by name, with what is spent of each.

        tenant: only those of this tenant or of its keys. Empty: all.
        """
        request = ListBudgetsRequest(tenant=tenant, page_size=PAGE_SIZE)
        budgets: list[Budget] = []
        while True:
            method = self._link.stubs.usage_admin.ListBudgets
            reply = await self._link.unary(method, request, call)
            budgets += reply.budgets
            if not reply.next_page_token:
                return budgets
            request.page_token = reply.next_page_token

    async def delete_budget(self, name: str, **call: Unpack[CallOptions]) -> None:
        """End a budget. Raises NotFoundError where there is none."""
        request = DeleteBudgetRequest(name=name)
        await self._link.unary(self._link.stubs.usage_admin.DeleteBudget, request, call)

    async def watch_budgets(
        self, name: str = "", *, since: datetime | None = None, **call: Unpack[CallOptions]
    ) -> AsyncGenerator[WatchBudgetsResponse, None]:
        """What happens to budgets: the shares of their limits that are reached.

        name: only this one's. Empty: all. since: from when. None: from now on.
        """
        request = WatchBudgetsRequest(name=name)
        if since is not None:
            request.start_time.FromDatetime(since)
        method = self._link.stubs.usage_admin.WatchBudgets
        watch: aio.UnaryStreamCall[WatchBudgetsRequest, WatchBudgetsResponse]
        watch = self._link.stream(method, request, call)
        try:
            async for event in watch:
                yield event
        except grpc.RpcError as failure:
            raise error_from_status(*status_of(failure)) from failure
        except asyncio.CancelledError:
            if is_task_cancelled():
                raise
            raise cancelled() from None
        finally:
            watch.cancel()
