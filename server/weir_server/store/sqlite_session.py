"""How is SQLite spoken to? Row by row: it lives here, and a sentence costs microseconds."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from weir_server.store.database import Database
from weir_server.store.operations import Row
from weir_server.store.session import (
    INSERTED,
    Conflict,
    StoreAway,
    StoreBroken,
    Unbookable,
    Words,
)

_WORDS: Final = Words(mark="?", among="IN (SELECT value FROM json_each({}))", lock="")
_INSERT: Final = {
    table.name: str(table.insert().compile(dialect=SQLiteDialect_pysqlite())) for table in INSERTED
}
_SYNC_FAILED: Final = {"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"}


class SqliteSession:
    """A connection to SQLite. See `session.Session`."""

    words = _WORDS

    def __init__(self, database: Database) -> None:
        """Raises StoreAway."""
        self._clock = database.clock
        with _told():
            self._connection = database.sqlite()

    def begin(self) -> int:
        """Take the write lock: of all processes on the file one writes at a time."""
        with _told():
            self._connection.execute("BEGIN IMMEDIATE")
        return self._clock.wall_ns()

    def commit(self) -> None:
        """Sync the write-ahead log."""
        with _told():
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Forget what was written since `begin`."""
        with _told():
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def all(self, words: str, values: Sequence[object] = ()) -> list[Row]:
        """Return what is asked for."""
        with _told():
            return self._connection.execute(words, tuple(values)).fetchall()

    def write(self, words: str, rows: Sequence[Row]) -> int:
        """Do something for each row."""
        with _told():
            return self._connection.executemany(words, rows).rowcount

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        with _told():
            self._connection.executemany(_INSERT[table.name], rows)

    def together(self) -> AbstractContextManager[object]:
        """Nothing is sent anywhere."""
        return nullcontext()


@contextmanager
def _told() -> Iterator[None]:
    """Say SQLite's errors in the words of the store."""
    try:
        yield
    except sqlite3.IntegrityError as failure:
        raise Conflict from failure
    except (sqlite3.ProgrammingError, sqlite3.DataError, OverflowError) as failure:
        raise Unbookable from failure
    except sqlite3.Error as failure:
        if failure.sqlite_errorname in _SYNC_FAILED:
            raise StoreBroken from failure
        raise StoreAway from failure
