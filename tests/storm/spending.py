"""What does a caller see of a call that costs something? And what do the books say of it?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc.aio
from sqlalchemy import select

from tests.service.asking import refusal_of
from tests.service.booked import priced
from tests.service.weir import chat_request, stream_request
from tests.storm.forked import Forked
from weir.admin.v1.usage_admin_service_pb2 import (
    Budget,
    BudgetPeriod,
    ListBudgetsRequest,
    SetBudgetRequest,
)
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.store.database import Database
from weir_server.store.schema import CALLS, RESERVATIONS

LABEL = "team"
PATIENT = {"headers_timeout_s": 30.0, "idle_timeout_s": 30.0}
"""The machine may be busy, which is no fault of the provider."""
PROMPT = "Tell me of the mill"


def tree(upstream: FakeUpstream, *, url: str | None, **ledger: Any) -> dict[str, Any]:
    """A configuration with one priced model, whose books are at `url`."""
    books = {**({"url": url} if url is not None else {}), "budgets_refresh_s": 0.1, **ledger}
    return {**priced(upstream.url), "upstream": PATIENT, "ledger": books}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One call as its caller saw it."""

    response_id: str
    """Empty: it was not told."""
    cost_nanos: int
    reason: str
    """Why it failed; empty: its end was seen."""
    took_s: float
    begun_s: float

    @property
    def is_whole(self) -> bool:
        """Whether its caller has the whole answer."""
        return not self.reason


async def spend(
    weir: Forked,
    *,
    team: str = "",
    streaming: bool = False,
    max_output_tokens: int = 0,
    model: str = "m",
    request_id: str = "",
    timeout_s: float = 30.0,
) -> Seen:
    """Make a call; team: whose budget it counts for."""
    fields: dict[str, Any] = {"labels": {LABEL: team} if team else {}, "model": model}
    if max_output_tokens:
        fields["max_output_tokens"] = max_output_tokens
    options: dict[str, Any] = {"timeout": timeout_s}
    if request_id:
        options["metadata"] = (("weir-request-id", request_id),)
    clock = asyncio.get_running_loop().time
    begun_s = clock()
    response_id, cost, reason = "", 0, ""
    try:
        if streaming:
            reason = "NO_END"
            async for message in weir.llm.StreamChat(stream_request(PROMPT, **fields), **options):
                for event in message.events:
                    if event.HasField("start"):
                        response_id = event.start.response_id
                    elif event.HasField("end"):
                        cost, reason = event.end.usage.cost.total_nanos, ""
        else:
            answer = await weir.llm.Chat(chat_request(PROMPT, **fields), **options)
            response_id = answer.metadata.response_id
            cost = answer.usage.cost.total_nanos
    except grpc.aio.AioRpcError as error:
        # Who has seen the end of a stream has it, though its status was lost.
        if not cost:
            refusal = refusal_of(error)
            info = refusal.details.get("ErrorInfo")
            reason = refusal.code if info is None else info.reason
    took_s = clock() - begun_s
    return Seen(
        response_id=response_id,
        cost_nanos=cost,
        reason=reason,
        took_s=took_s,
        begun_s=begun_s,
    )


async def set_budget(weir: Forked, team: str, limit_nanos: int, *, hard: bool) -> None:
    """Set the budget of a team."""
    budget = Budget(
        name=f"budgets/{team}",
        label=f"{LABEL}={team}",
        period=BudgetPeriod.BUDGET_PERIOD_TOTAL,
        limit_nanos=limit_nanos,
        hard=hard,
    )
    await weir.usage_admin.SetBudget(SetBudgetRequest(budget=budget))


async def budgets_of(weir: Forked) -> dict[str, Budget]:
    """Return the budgets as they stand, by team."""
    listed = await weir.usage_admin.ListBudgets(ListBudgetsRequest())
    return {budget.name.removeprefix("budgets/"): budget for budget in listed.budgets}


@dataclass(frozen=True, slots=True)
class Row:
    """What is booked of one call."""

    cost_nanos: int
    state: int
    request_id: str
    model: str
    labels: Mapping[str, str]
    arrived_ns: int


def booked(url: str) -> dict[str, Row]:
    """Return what is booked, by response id."""
    database = Database(url)
    try:
        with database.reading() as connection:
            found = connection.execute(select(CALLS)).all()
    finally:
        database.close()
    return {
        row.response_id: Row(
            row.cost_nanos, row.state, row.request_id, row.model, row.labels, row.arrived_ns
        )
        for row in found
    }


def reserved(url: str) -> dict[str, int]:
    """Return what is reserved, by response id."""
    database = Database(url)
    try:
        with database.reading() as connection:
            found = connection.execute(select(RESERVATIONS)).all()
    finally:
        database.close()
    return {row.response_id: row.amount_nanos for row in found}
