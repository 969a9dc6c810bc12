"""A Weir with its books in a folder of the test's own, whose balance is checked at the end."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from tests.service.asking import until_async
from tests.service.weir import Weir, serving, upstream_tree
from tests.store.balance import assert_books_balance
from weir.admin.v1.usage_admin_service_pb2 import (
    Budget,
    BudgetPeriod,
    ListBudgetsRequest,
    ListCallsRequest,
    SetBudgetRequest,
)
from weir.v1.usage_service_pb2 import CallRecord, CallState, GetResponseUsageRequest

IN_USD, OUT_USD = "1", "2"
"""What a million tokens cost in these tests: a token is 1,000 nanos in, and 2,000 out."""
IN_NANOS, OUT_NANOS = 1_000, 2_000


def priced(url: str, **provider: Any) -> dict[str, Any]:
    """A configuration with one upstream, whose model has a price."""
    tree = upstream_tree(url, **provider)
    tree["prices"] = {
        "overrides": [{"model": "m", "prompt_tokens": IN_USD, "completion_tokens": OUT_USD}]
    }
    return tree


@asynccontextmanager
async def booking(
    tree: Mapping[str, Any], folder: Path, *, ledger: Mapping[str, Any] | None = None
) -> AsyncIterator[Weir]:
    """Run a Weir that books. When it has stopped, rows and balances say the same, and no call is
    open any more.
    """
    settings = {**tree, "ledger": {"enabled": True, **(ledger or {})}}
    async with serving(settings, server={"data_dir": str(folder)}) as weir:
        yield weir
    assert_books_balance(f"sqlite:///{folder / 'ledger.db'}", nothing_open=True)


async def record(weir: Weir, response_id: str) -> CallRecord:
    """What is booked of one call, once it has ended."""

    async def ended() -> CallRecord | None:
        request = GetResponseUsageRequest(response_id=response_id)
        told = (await weir.usage.GetResponseUsage(request)).call
        return told if told.state != CallState.CALL_STATE_RUNNING else None

    return await until_async(ended)


async def records(weir: Weir, count: int) -> list[CallRecord]:
    """All that is booked, once it is so many calls; the oldest first."""

    async def all_of_them() -> list[CallRecord] | None:
        calls = (await weir.usage_admin.ListCalls(ListCallsRequest())).calls
        return list(calls) if len(calls) >= count else None

    told = await until_async(all_of_them)
    assert len(told) == count
    return told


async def set_budget(weir: Weir, limit_nanos: int, *, hard: bool = True, label: str = "") -> Budget:
    """Set a budget for the tenant that all calls are of, or for a label."""
    budget = Budget(
        name="budgets/b",
        period=BudgetPeriod.BUDGET_PERIOD_MONTH,
        limit_nanos=limit_nanos,
        hard=hard,
    )
    if label:
        budget.label = label
    else:
        budget.tenant = "default"
    made: Budget = (await weir.usage_admin.SetBudget(SetBudgetRequest(budget=budget))).budget
    return made


async def budget_of(weir: Weir) -> Budget:
    """The one budget as it stands."""
    budget: Budget
    (budget,) = (await weir.usage_admin.ListBudgets(ListBudgetsRequest())).budgets
    return budget


def cost_of(message: Message) -> int:
    """What a usage costs, in nanos; it must have a price."""
    assert message.HasField("cost")
    return int(message.cost.total_nanos)  # type: ignore[attr-defined]
