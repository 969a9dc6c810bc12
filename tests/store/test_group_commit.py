"""Many calls share one sync."""

import asyncio
from collections.abc import Callable

from sqlalchemy import func, select

from tests.store.entries import budget, entry, hold
from weir_server.store.books import Books
from weir_server.store.schema import CALLS

CALLS_AT_ONCE = 32
SYNCS_MAX = 0.2
"""For each call."""


async def test_calls_share_syncs(
    books: Books, record_property: Callable[[str, object], None]
) -> None:
    """With 32 calls at a time, each held and settled durably, a sync serves five calls or more."""
    await books.set_budget(budget(limit=10**9))

    async def caller() -> None:
        for _ in range(12):
            held = hold(10, ["budgets/team"])
            await books.ledger.hold(held)
            await asyncio.sleep(0.002)
            await books.ledger.settle(entry(held, 5))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CALLS_AT_ONCE):
            tasks.create_task(caller())

    syncs = books.ledger.commits / (CALLS_AT_ONCE * 12)
    record_property("syncs per call", syncs)
    assert syncs < SYNCS_MAX
    with books.database.reading() as connection:
        counted = connection.execute(select(func.count()).select_from(CALLS)).scalar_one()
    assert counted == CALLS_AT_ONCE * 12
    assert books.ledger.operations == CALLS_AT_ONCE * 24
    assert books.ledger.live == set()


async def test_one_call_waits_for_nobody(books: Books) -> None:
    """Alone, each operation has a sync of its own, at once."""
    held = hold(10)

    await books.ledger.hold(held)
    await books.ledger.settle(entry(held, 5))

    assert books.ledger.commits == 2
