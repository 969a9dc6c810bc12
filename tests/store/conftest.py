"""Books on both databases, each test with empty ones."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from pydantic import SecretStr

from tests.services.postgres_server import PostgresServer
from tests.store.balance import assert_books_balance
from weir_server.core.clock import Clock, SystemClock
from weir_server.settings.ledger import LedgerSettings
from weir_server.store.books import Books, opened
from weir_server.store.database import Database
from weir_server.store.migrate import migrate
from weir_server.store.schema import METADATA
from weir_server.telemetry.log import Log


class OpensBooks(Protocol):
    """Opens the test's books, as often as it likes."""

    def __call__(
        self, *, clock: Clock | None = None, **settings: object
    ) -> AbstractAsyncContextManager[Books]: ...


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with (tmp_path / "log").open("wb", buffering=0) as file, Log(file) as log:
        yield log


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated(tmp_path_factory.mktemp("books") / "template.db")


def migrated(path: Path) -> Path:
    """Make an empty database in one file; copying it is faster than making it anew."""
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("_sqlite_template")
        shutil.copy(template, tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return emptied_books(server)


def emptied_books(server: PostgresServer) -> str:
    """Return the address of a database with empty tables; emptying is faster than making them."""
    url = server.url("tests")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            assert revision == ("0001",)
            connection.execute(_TRUNCATE)
    except (psycopg.Error, ValueError, AssertionError):
        server.emptied()
    return url


_TRUNCATE = "; ".join(f"DELETE FROM {name}" for name in METADATA.tables).encode()


@pytest.fixture
def open_books(url: str, tmp_path: Path, log: Log) -> OpensBooks:
    return opening_of(url, tmp_path, log)


def opening_of(url: str, data_dir: Path, log: Log) -> OpensBooks:
    """Return what opens the books of one address."""

    @asynccontextmanager
    async def opening(*, clock: Clock | None = None, **settings: object) -> AsyncIterator[Books]:
        given = LedgerSettings.model_validate({"wait_s": 5.0, **settings, "url": SecretStr(url)})
        async with opened(given, data_dir, clock=clock or SystemClock(), log=log) as books:
            yield books

    return opening


@pytest.fixture
async def books(open_books: OpensBooks, url: str) -> AsyncIterator[Books]:
    """Open books, which balance at the end."""
    async with open_books() as books:
        yield books
    assert_books_balance(url)
