"""While one process books the spool of the dead, no other takes their calls for lost."""

import asyncio
from pathlib import Path

from tests.store.balance import assert_books_balance
from tests.store.conftest import OpensBooks
from tests.store.entries import budget, entry, hold
from tests.store.test_away import SOFT, booked
from tests.store.test_lost_calls import GONE, lose, reserved, until
from weir_server.store.books import INSTANCES, Books
from weir_server.store.instances import Instance
from weir_server.store.operations import settlement_of
from weir_server.store.spool import Spool

MANY = 2_000


async def left_by_the_dead(books: Books) -> None:
    """Leave a call whose end only the spool of a process that is gone knows, past its lease."""
    await books.sweeper.sweep()
    await books.set_budget(budget(SOFT[0], limit=10**9, hard=False))
    held = hold(100, SOFT, response_id="resp_told", lease_until_ns=1)
    await books.ledger.hold(held)
    await lose(books)
    spool = Spool(books.instances / GONE, max_bytes=100_000)
    spool.add([settlement_of(entry(hold(5, response_id="resp_first"), 1)).record()])
    spool.seal()
    spool.add([settlement_of(entry(held, 7)).record()])


async def sweep_all(books: Books) -> None:
    for _ in range(3):
        await books.sweeper.sweep()
        await until(lambda: books.spool.held_bytes == 0)


async def test_who_takes_over_may_take_its_time(books: Books, tmp_path: Path) -> None:
    """Until it has booked the spool the dead are not gone to others, nor is a lease over."""
    await left_by_the_dead(books)
    with Instance(books.instances) as slow:
        spool = Spool(slow.folder, max_bytes=100_000)
        with slow.gone() as folders:
            for folder in folders:
                spool.adopt(folder)

        await sweep_all(books)
        held = hold(response_id="resp_after")
        await books.ledger.hold(held)
        await books.ledger.settle(entry(held, 2))

        assert booked(books) == {"resp_after": 2}
        assert reserved(books) == 1
        assert len(spool.seal()) == 2


async def test_who_takes_over_may_die(books: Books) -> None:
    """What it has not booked by then the next one finds, and nothing of it is lost or guessed."""
    await left_by_the_dead(books)
    dying = Instance(books.instances)
    spool = Spool(dying.folder, max_bytes=100_000)
    with dying.gone() as folders:
        for folder in folders:
            spool.adopt(folder)
    first, _ = spool.seal()
    spool.remove(first)
    await sweep_all(books)
    assert booked(books) == {}

    dying.close()
    await sweep_all(books)

    assert booked(books) == {"resp_told": 7}
    assert reserved(books) == 0


async def test_two_that_start_book_what_callers_were_told(
    open_books: OpensBooks, url: str, tmp_path: Path
) -> None:
    """Two servers that start on what a third has left charge what its spool says."""
    held = hold(100, SOFT, response_id="resp_told")
    async with open_books() as dead:
        await dead.set_budget(budget(SOFT[0], limit=10**9, hard=False))
        await dead.ledger.hold(held)
        name = (await dead.readers.ask(lambda: list(dead.instances.iterdir())))[0].name
    folder = tmp_path / INSTANCES / name
    folder.mkdir()
    old = [hold(5, response_id=f"resp_old_{number}") for number in range(MANY)]
    spool = Spool(folder, max_bytes=10**8)
    spool.add([settlement_of(entry(each, 1)).record() for each in old])
    spool.add([settlement_of(entry(held, 7)).record()])

    async with open_books() as a, open_books() as b:
        await asyncio.gather(*(each.sweeper.sweep() for each in (a, b, a, b)))
        await until(lambda: len(booked(a)) == MANY + 1)
        for each in (a, b):
            await sweep_all(each)

        assert booked(a)["resp_told"] == 7
        assert reserved(a) == 0
    assert_books_balance(url, nothing_open=True)
