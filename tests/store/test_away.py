"""While the database is away calls go on, nothing is lost, and nothing is booked twice."""

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from tests.services.postgres_server import PostgresServer
from tests.store.balance import assert_books_balance
from tests.store.conftest import OpensBooks, opening_of
from tests.store.entries import budget, entry, hold
from tests.store.test_lost_calls import until
from weir_server.core.errors import LedgerUnavailable
from weir_server.store import ledger
from weir_server.store.books import Books
from weir_server.store.database import StoreRefused
from weir_server.store.operations import Kind, Operation
from weir_server.store.schema import CALLS
from weir_server.store.spool import records
from weir_server.telemetry.log import Log

SOFT, HARD = ["budgets/soft"], ["budgets/hard"]


async def set_budgets(books: Books) -> None:
    await books.set_budget(budget(SOFT[0], limit=10**9, hard=False))
    await books.set_budget(budget(HARD[0], limit=10**9, subject="others"))


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Let another program hold the tables."""
    if url.startswith("sqlite"):
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()
    else:
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE reservations, calls IN ACCESS EXCLUSIVE MODE")
            yield


def booked(books: Books) -> dict[str, int | None]:
    with books.database.reading() as connection:
        return {row.response_id: row.cost_nanos for row in connection.execute(select(CALLS))}


async def test_a_slow_database_costs_no_call(open_books: OpensBooks, url: str) -> None:
    """After the wait the spool takes holds and settlements; hard budgets refuse; all is booked."""
    async with open_books(wait_s=0.05, hard_wait_s=0.1) as books:
        await set_budgets(books)
        held = hold(10, SOFT)
        with locked(url):
            async with asyncio.timeout(3):
                await books.ledger.hold(held)
                await books.ledger.extend(held, 5)
                with pytest.raises(LedgerUnavailable):
                    await books.ledger.hold(hold(10, HARD, response_id="resp_refused"))
                await books.ledger.settle(entry(held, 7))
            assert books.ledger.spooled >= 3
        await until(lambda: len(booked(books)) == 1 and books.spool.held_bytes == 0)

        assert booked(books) == {held.response_id: 7}
        after = hold(10, HARD)
        await books.ledger.hold(after)
        await books.ledger.settle(entry(after, 3))
    assert_books_balance(url, nothing_open=True)


async def test_a_database_that_was_slow_is_asked_again(open_books: OpensBooks, url: str) -> None:
    """Once it answers, calls under hard budgets go on, whatever became of those that waited."""
    async with open_books(wait_s=0.05, hard_wait_s=0.1) as books:
        await set_budgets(books)
        for _ in range(3):
            with locked(url):
                posted = [books.ledger.hold(hold(10, HARD)) for _ in range(20)]
                for answer in posted:
                    with pytest.raises(LedgerUnavailable):
                        await answer
            await until(lambda: not books.ledger.is_slow)

            held = hold(10, HARD)
            await books.ledger.hold(held)
            await books.ledger.settle(entry(held, 1))
        states = books.budgets.list()
    assert [(each.spent_nanos, each.reserved_nanos) for each in states] == [(3, 0), (0, 0)]
    assert_books_balance(url, nothing_open=True)


async def test_a_hard_budget_waits_for_longer(open_books: OpensBooks, url: str) -> None:
    """A pause that the spool bridges for others delays a call that nobody else could let in."""
    async with open_books(wait_s=0.05, hard_wait_s=10) as books:
        await set_budgets(books)
        with locked(url):
            answer = books.ledger.hold(held := hold(10, HARD))
            await books.ledger.hold(hold(10, SOFT, response_id="resp_soft"))
            assert books.ledger.spooled == 1
        await answer
        await books.ledger.settle(entry(held, 4))
        await books.ledger.settle(entry(hold(10, SOFT, response_id="resp_soft"), 5))
        await until(lambda: books.spool.held_bytes == 0)
    assert_books_balance(url, nothing_open=True)


async def test_a_closing_process_leaves_its_spool_to_the_next(
    open_books: OpensBooks, url: str
) -> None:
    """What cannot be booked before the end is booked by whoever comes next."""
    held = hold(10, SOFT)
    async with open_books(wait_s=0.02) as books:
        await set_budgets(books)
        await books.ledger.hold(held)
        with locked(url):
            await books.ledger.settle(entry(held, 7))
            closing = asyncio.create_task(books.ledger.close())
            await asyncio.sleep(0.05)
        await closing

    async with open_books() as books:
        for _ in range(3):
            await books.sweeper.sweep()
            await until(lambda: books.spool.held_bytes == 0)
        assert booked(books) == {held.response_id: 7}
    assert_books_balance(url, nothing_open=True)


async def test_what_nobody_waits_for_outlives_the_end(
    open_books: OpensBooks, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold that is refused while the ledger ends is still freed, by whoever comes next."""
    monkeypatch.setattr(ledger, "CLOSE_WAIT_S", 0.5)
    async with open_books(wait_s=0.05, hard_wait_s=0.1) as books:
        await set_budgets(books)
        with locked(url):
            answer = books.ledger.hold(hold(10, HARD, response_id="resp_refused"))
            await books.ledger.close()
            with pytest.raises(LedgerUnavailable):
                await answer
            found = [
                Operation.of_record(each) for path in books.spool.seal() for each in records(path)
            ]
    assert [(each.kind, each.response_id) for each in found] == [(Kind.RELEASE, "resp_refused")]


async def test_postgresql_stops_under_load(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path, log: Log
) -> None:
    """Through an outage every call that may go on does, and each is booked exactly once."""
    ended: dict[str, int] = {}
    refused = 0
    stop = asyncio.Event()

    async def caller(books: Books, number: int) -> None:
        nonlocal refused
        names = HARD if number == 0 else SOFT if number % 2 else []
        cost = 0
        while not stop.is_set():
            held = hold(10, names, tenant="others" if names == HARD else "team")
            cost += 1
            try:
                await books.ledger.hold(held)
            except LedgerUnavailable:
                refused += 1
                await asyncio.sleep(0.02)
                continue
            await books.ledger.settle(entry(held, cost % 10))
            ended[held.response_id] = cost % 10
            await asyncio.sleep(0.002)

    async with opening_of(postgres_url, tmp_path, log)(wait_s=0.1) as books:
        await set_budgets(books)
        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(caller(books, number))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(lambda: postgres.stop(crash=True))
            await until(lambda: books.ledger.is_away)
            before = len(ended)
            await asyncio.sleep(0.5)
            during = len(ended) - before
            await asyncio.to_thread(postgres.start)
            await until(lambda: not books.ledger.is_away)
            await asyncio.sleep(0.2)
            stop.set()
        await until(lambda: books.spool.held_bytes == 0)
        rows = booked(books)

    assert during > 10
    assert refused > 0
    assert rows == ended
    assert_books_balance(postgres_url, nothing_open=True)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file of this process grow any larger, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def largest(path: Path) -> int:
    """How large a file of the database is at most."""
    return max(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))


async def call_until_refused(books: Books, ended: dict[str, int]) -> None:
    for _ in range(2000):
        held = hold(10)
        await books.ledger.hold(held)
        await books.ledger.settle(entry(held, 1))
        ended[held.response_id] = 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_full_disk_refuses_and_loses_nothing(open_books: OpensBooks, url: str) -> None:
    """When neither database nor spool can grow, calls are refused; what had ended is kept."""
    ended: dict[str, int] = {}
    async with open_books(spool_max_bytes=64 * 1024) as books:
        open_holds = [hold(10) for _ in range(20)]
        for held in open_holds:
            await books.ledger.hold(held)
        with files_up_to(largest(Path(url.removeprefix("sqlite:///")))):
            with pytest.raises(LedgerUnavailable):
                await call_until_refused(books, ended)
            for held in open_holds:
                ended[held.response_id] = 2
                with pytest.raises(LedgerUnavailable):
                    await books.ledger.settle(entry(held, 2))
        await until(lambda: not books.ledger.is_away and books.spool.held_bytes == 0)
        await books.ledger.settle(entry(hold(10, response_id="resp_last"), 3))
        ended["resp_last"] = 3
        await until(lambda: len(booked(books)) >= len(ended))
        rows = booked(books)

    assert {key: rows.get(key) for key in ended} == ended
    assert_books_balance(url, nothing_open=False)


async def test_an_absent_database_is_told_at_the_start(tmp_path: Path, log: Log) -> None:
    """Without its tables Weir does not start, and says why."""
    with pytest.raises(StoreRefused, match="is it running"):
        async with opening_of("postgresql://weir@127.0.0.1:1/none", tmp_path, log)():
            pass
