"""How is the database reached? By an engine for questions, by bare connections for the hot path.

SQLite is set so that what was committed survives a loss of power: a write-ahead log that is synced
at each commit. PostgreSQL does the same unless its operator has switched `synchronous_commit` off.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from weir_server.core.clock import Clock, SystemClock

BUSY_TIMEOUT_MS: Final = 5_000
"""How long SQLite waits for another process that writes."""
CONNECT_TIMEOUT_S: Final = 3
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # Pages that are written again and again are copied into the database less often.
    "PRAGMA wal_autocheckpoint = 4000",
)
# A peer that is gone without a word is found out within ten seconds.
_ALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
STORE_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000"
"""How PostgreSQL is asked for the time, in nanoseconds."""
_STORE_NOW: Final = text(STORE_NOW)
_WRITES: Final = "weir_writes"


class StoreRefused(Exception):
    """The database cannot be used as it is; the text says what to do."""


class Database:
    """One database, by its address. Everything here blocks: call it in a thread."""

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        """url: `sqlite:////path/to/file` or `postgresql://user:password@host/name`.

        clock: tells the time where the database has none of its own, as SQLite.
        Raises StoreRefused for any other address.
        """
        self.url = _parsed(url)
        self.clock = clock or SystemClock()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite_engine() if self.is_sqlite else self._postgresql_engine()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of all tables."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes, and commit it when the block ends well."""
        engine = self.engine.execution_options(**{_WRITES: True})
        with engine.connect() as connection, connection.begin():
            yield connection

    def now_ns(self, connection: Connection) -> int:
        """Return what time it is for the books: the same for all who write them."""
        if self.is_sqlite:
            return self.clock.wall_ns()
        return int(connection.execute(_STORE_NOW).scalar_one())

    def close(self) -> None:
        """Close all idle connections of the engine."""
        self.engine.dispose()

    def sqlite(self) -> sqlite3.Connection:
        """Open a bare connection to SQLite, transactions by hand."""
        path = str(self.url.database)
        _create(path)
        connection = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_MS / 1000,
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    def postgresql(self) -> "psycopg.Connection[Any]":
        """Open a bare connection to PostgreSQL, transactions by hand."""
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(
            address,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            prepare_threshold=1,
            **_ALIVE,
        )

    def _sqlite_engine(self) -> Engine:
        if not self.url.database or self.url.database == ":memory:":
            raise StoreRefused("ledger.url: the books need a file, such as sqlite:////path/file.db")
        Path(self.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(self.url, creator=self.sqlite)

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # A transaction that reads first and writes later fails at once when another has
            # written in between; one that says so at its beginning waits.
            writes = connection.get_execution_options().get(_WRITES)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _postgresql_engine(self) -> Engine:
        return create_engine(
            self.url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=2,
            max_overflow=4,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, **_ALIVE},
        )


_creating: Final = threading.Lock()


def _create(path: str) -> None:
    """Make the file for its owner alone, if there is none; SQLite gives what it adds the same mode.

    A process that closes a file loses its locks on it, SQLite's too: so nobody here may open the
    database between the two steps, and one that exists is not touched.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with _creating:
        try:
            os.close(os.open(os.path.realpath(path), flags, 0o600))
        except OSError:
            pass  # it is there, or SQLite tells why it cannot be


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as failure:
        raise StoreRefused(f"ledger.url: {_HINT}") from failure
    if parsed.drivername not in ("sqlite", "postgresql", "postgres", "postgresql+psycopg"):
        raise StoreRefused(f"ledger.url: {parsed.drivername} is not known; {_HINT}")
    return parsed


_HINT = "write sqlite:////path/to/file or postgresql://user:password@host/name"
