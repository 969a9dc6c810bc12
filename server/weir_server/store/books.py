"""How are the books opened? Tables first, then the threads, then what looks after them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from weir_server.core.clock import Clock
from weir_server.core.ledger import Budget
from weir_server.core.tasks import sibling
from weir_server.settings.ledger import LedgerSettings
from weir_server.store.budgets import Budgets, BudgetState
from weir_server.store.database import Database, StoreRefused
from weir_server.store.instances import Instance
from weir_server.store.known_budgets import KnownBudgets
from weir_server.store.ledger import SqlLedger
from weir_server.store.migrate import migrate
from weir_server.store.postgresql_session import PostgresqlSession
from weir_server.store.readers import Readers
from weir_server.store.session import Session
from weir_server.store.spool import Spool
from weir_server.store.sqlite_session import SqliteSession
from weir_server.store.sweeper import Sweeper
from weir_server.telemetry.log import Log

INSTANCES: Final = "instances"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The open books."""

    database: Database
    ledger: SqlLedger
    budgets: Budgets
    """The table itself; `set_budget` and `delete_budget` also make this process know at once."""
    sweeper: Sweeper
    spool: Spool
    instances: Path
    """The folder of all processes that write these books on this machine."""
    readers: Readers
    """The threads that questions to the database are asked in: `books.readers.ask(…)`."""

    async def set_budget(self, budget: Budget) -> BudgetState:
        """Make or change a budget."""
        state = await self.readers.ask(lambda: self.budgets.set(budget))
        await self.refresh()
        return state

    async def delete_budget(self, name: str) -> None:
        """End a budget. Raises BudgetNotFound."""
        await self.readers.ask(lambda: self.budgets.delete(name))
        await self.refresh()

    async def refresh(self) -> None:
        """Read all budgets again."""
        self.ledger.known = KnownBudgets(await self.readers.ask(self.budgets.all))


@asynccontextmanager
async def opened(
    settings: LedgerSettings, data_dir: Path, *, clock: Clock, log: Log
) -> AsyncIterator[Books]:
    """Open the books; leaving the block books or spools all that was posted.

    The database has to be there: without its tables nobody knows whose budgets hold.
    Raises StoreRefused.
    """
    database = Database(settings.address(data_dir), clock=clock)
    readers = Readers()
    try:
        await readers.ask(lambda: _migrate(database))
        # Whoever shares a file of SQLite shares the folder beside it, and with it the locks.
        beside = Path(str(database.url.database)).parent if database.is_sqlite else data_dir
        async with AsyncExitStack() as stack:
            instance = stack.enter_context(Instance(beside / INSTANCES))
            spool = Spool(instance.folder, max_bytes=settings.spool_max_bytes)
            ledger = SqlLedger(
                lambda: _session(database),
                instance,
                spool,
                wait_s=settings.wait_s,
                hard_wait_s=settings.hard_wait_s,
                clock=clock,
                log=log,
            )
            books = Books(
                database=database,
                ledger=ledger,
                budgets=Budgets(database),
                readers=readers,
                spool=spool,
                instances=beside / INSTANCES,
                sweeper=Sweeper(
                    database,
                    instance,
                    spool,
                    ledger,
                    readers,
                    lease_grace_s=settings.lease_grace_s,
                    clock=clock,
                    log=log,
                ),
            )
            await books.refresh()
            ledger.start()
            stack.push_async_callback(ledger.close)
            refreshing = _refreshing(books, settings.budgets_refresh_s, log)
            await stack.enter_async_context(sibling(refreshing, name="budgets"))
            await stack.enter_async_context(sibling(books.sweeper.run(), name="ledger sweeper"))
            yield books
    finally:
        await readers.close()
        database.close()


def _session(database: Database) -> Session:
    return SqliteSession(database) if database.is_sqlite else PostgresqlSession(database)


def _migrate(database: Database) -> None:
    try:
        migrate(database)
    except SQLAlchemyError as failure:
        raise StoreRefused(
            f"ledger.url: the database cannot be used ({type(failure).__name__}): "
            "is it running, and may Weir make tables there?"
        ) from failure


async def _refreshing(books: Books, interval_s: float, log: Log) -> None:
    is_away = False
    while True:
        await asyncio.sleep(interval_s)
        try:
            await books.refresh()
            is_away = False
        except SQLAlchemyError as failure:
            # What was known of budgets still holds; the writer tells that the database is away.
            if not is_away:
                log.fault("budgets_not_read", failure)
            is_away = True
