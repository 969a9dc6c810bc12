"""Calls whose process is gone are booked, once, at the most that they may have cost."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.fakes.clock import FakeClock
from tests.store.balance import assert_books_balance
from tests.store.conftest import OpensBooks
from tests.store.entries import budget, entry, hold
from weir.v1.usage_service_pb2 import CallState
from weir_server.core.ledger import Period
from weir_server.store.books import Books
from weir_server.store.operations import settlement_of
from weir_server.store.schema import BUDGET_WINDOWS, RESERVATIONS
from weir_server.store.spool import Spool
from weir_server.store.usage import Usage

TEAM = ["budgets/team"]
GONE = "0123456789abcdef"


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            held = holds()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


def reserved(books: Books) -> int:
    with books.database.reading() as connection:
        return len(connection.execute(select(RESERVATIONS)).all())


async def lose(books: Books) -> None:
    """Make all reservations those of a process that is gone."""
    with books.database.writing() as connection:
        connection.execute(update(RESERVATIONS).values(instance=GONE))
    books.ledger.live.clear()
    (books.instances / GONE).mkdir(exist_ok=True)


async def test_a_lost_call_costs_its_bound(books: Books, url: str) -> None:
    """It is UNKNOWN, charged with its reservation, which is freed; nobody knows its output."""
    await books.set_budget(budget(limit=100))
    await books.ledger.hold(hold(60, TEAM, response_id="resp_lost", labels={"app": "x"}))
    await lose(books)

    await books.sweeper.sweep()
    await until(lambda: reserved(books) == 0)

    call = Usage(books.database).call("resp_lost")
    assert call.state == CallState.CALL_STATE_UNKNOWN
    assert (call.usage.cost.total_nanos, call.usage.prompt_tokens) == (60, 7)
    assert dict(call.labels) == {"app": "x"}
    (state,) = books.budgets.list()
    assert (state.spent_nanos, state.reserved_nanos) == (60, 0)


async def test_a_lost_call_without_a_budget_has_no_price(books: Books) -> None:
    """Nothing was reserved for it: what it cost nobody knows, which is not nothing."""
    await books.ledger.hold(hold(response_id="resp_lost"))
    await lose(books)

    await books.sweeper.sweep()
    await until(lambda: reserved(books) == 0)

    assert not Usage(books.database).call("resp_lost").usage.HasField("cost")


async def test_the_spool_of_the_dead_is_booked_first(books: Books) -> None:
    """A call whose end is in a spool is no lost call."""
    await books.set_budget(budget(limit=100))
    held = hold(60, TEAM, response_id="resp_ended")
    await books.ledger.hold(held)
    await lose(books)
    ended = settlement_of(entry(held, 12))
    Spool(books.instances / GONE, max_bytes=10_000).add([ended.record(), ended.record()])

    for _ in range(3):
        await books.sweeper.sweep()
        await until(lambda: books.spool.held_bytes == 0)

    assert reserved(books) == 0
    call = Usage(books.database).call("resp_ended")
    assert (call.state, call.usage.cost.total_nanos) == (CallState.CALL_STATE_SETTLED, 12)


async def test_a_call_that_comes_back_changes_nothing(books: Books) -> None:
    """Once a lost call is booked, its own end comes too late."""
    await books.set_budget(budget(limit=100))
    held = hold(60, TEAM, response_id="resp_late")
    await books.ledger.hold(held)
    await lose(books)
    await books.sweeper.sweep()
    await until(lambda: reserved(books) == 0)

    await books.ledger.settle(entry(held, 5))

    assert Usage(books.database).call("resp_late").usage.cost.total_nanos == 60


async def test_a_call_past_its_lease_is_lost(open_books: OpensBooks, url: str) -> None:
    """Where no lock tells, time does: a minute after its deadline nobody serves a call."""
    async with open_books() as books:
        await books.ledger.hold(hold(response_id="resp_over", lease_until_ns=1))
        await books.ledger.hold(hold(response_id="resp_open"))
        await books.sweeper.sweep()
        assert reserved(books) == 2, "this process still serves both"
        books.ledger.live.clear()

        await books.sweeper.sweep()
        await until(lambda: reserved(books) == 1)

        assert Usage(books.database).call("resp_over").state == CallState.CALL_STATE_UNKNOWN
        assert Usage(books.database).call("resp_open").state == CallState.CALL_STATE_RUNNING
    assert_books_balance(url)


# PostgreSQL has a clock of its own.
sqlite_alone = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@sqlite_alone
async def test_a_clock_set_back_opens_no_window_again(open_books: OpensBooks, url: str) -> None:
    """Neither an hour forward over midnight nor the hour back gives a day's budget twice."""
    clock = FakeClock(wall_ns=1_800_000_000 * 10**9 - 1_800_000_000 * 10**9 % (86_400 * 10**9))
    clock.advance(86_400 - 1800)
    async with open_books(clock=clock, wait_s=5) as books:
        await books.set_budget(budget(limit=100, period=Period.DAY))
        spent = []
        for step_s in (0, 3600, -3600, 3600):
            clock.step_wall(step_s)
            held = hold(10, TEAM, arrived_ns=clock.wall_ns())
            await books.ledger.hold(held)
            await books.ledger.settle(entry(held, 10))
            spent.append(books.budgets.list()[0].spent_nanos)
        with books.database.reading() as connection:
            windows = connection.execute(select(BUDGET_WINDOWS)).all()

    assert spent == [10, 10, 20, 30]
    assert len(windows) == 2
    assert_books_balance(url)


@sqlite_alone
async def test_a_clock_set_forward_loses_no_call(
    open_books: OpensBooks, url: str, tmp_path: Path
) -> None:
    """What this process serves is not lost to it, whatever the clock says."""
    clock = FakeClock()
    async with open_books(clock=clock) as books:
        held = hold(lease_until_ns=clock.wall_ns() + 10**9)
        await books.ledger.hold(held)

        clock.step_wall(3600)
        await books.sweeper.sweep()
        await books.ledger.settle(entry(held))

        call = Usage(books.database).call(held.response_id)
        assert call.state == CallState.CALL_STATE_SETTLED
