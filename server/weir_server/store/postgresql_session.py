"""How is PostgreSQL spoken to? In few sentences: each is a round trip to another process.

Rows of one table go together, as one value of JSON that the database takes apart.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg
from psycopg import errors
from sqlalchemy import JSON, Table
from sqlalchemy.dialects import postgresql

from weir_server.store.database import STORE_NOW, Database
from weir_server.store.operations import Row
from weir_server.store.session import INSERTED, Conflict, StoreAway, Unbookable, Words, columns

_WORDS: Final = Words(mark="%s", among="= ANY({})", lock=" FOR UPDATE")
# Two sentences in one round trip.
_BEGIN: Final = f"BEGIN; {STORE_NOW}".encode()
# A NUL as JSON writes it, unless the backslash before its u is one that was written itself.
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def _insert(table: Table) -> bytes:
    """Add rows that come as one array of objects. JSON within them comes as text."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # a gap in its types
    types = ", ".join(
        f"{column.name} {'text' if isinstance(column.type, JSON) else column.type.compile(dialect)}"
        for column in table.columns
    )
    values = ", ".join(
        f"{column.name}::json" if isinstance(column.type, JSON) else column.name
        for column in table.columns
    )
    names = ", ".join(columns(table))
    words = ("INSERT INTO", table.name, "(", names, ") SELECT", values)
    return " ".join((*words, "FROM json_to_recordset(%s::json) AS given(", types, ")")).encode()


_INSERT: Final = {table.name: (_insert(table), tuple(columns(table))) for table in INSERTED}


class PostgresqlSession:
    """A connection to PostgreSQL. See `session.Session`."""

    words = _WORDS

    def __init__(self, database: Database) -> None:
        """Raises StoreAway."""
        with _told():
            self._connection: psycopg.Connection[Any] = database.postgresql()

    def begin(self) -> int:
        """Begin, and ask the database for the time: it is the same for all servers."""
        with _told():
            cursor = self._connection.execute(_BEGIN)
            cursor.nextset()
            ((now_ns,),) = cursor.fetchall()
        return int(now_ns)

    def commit(self) -> None:
        """Wait until it is in the database's own log."""
        with _told():
            self._connection.execute(b"COMMIT")

    def rollback(self) -> None:
        """Forget what was written since `begin`."""
        with _told():
            self._connection.execute(b"ROLLBACK")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def all(self, words: str, values: Sequence[object] = ()) -> list[Row]:
        """Return what is asked for."""
        with _told():
            return self._connection.execute(words.encode(), values).fetchall()

    def write(self, words: str, rows: Sequence[Row]) -> int:
        """Do something for each row."""
        with _told(), self._connection.cursor() as cursor:
            cursor.executemany(words.encode(), rows)
            return cursor.rowcount

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        words, names = _INSERT[table.name]
        given = msgspec.json.encode([dict(zip(names, row)) for row in rows])
        if b"\\u0000" in given:
            # PostgreSQL takes no NUL in a text. It stands for nothing in a name or a label.
            given = _NUL.sub(rb"\1\\ufffd", given)
        with _told():
            self._connection.execute(words, (given.decode(),))

    @contextmanager
    def together(self) -> Iterator[None]:
        """One round trip for several sentences."""
        with _told(), self._connection.pipeline():
            yield


@contextmanager
def _told() -> Iterator[None]:
    """Say PostgreSQL's errors in the words of the store."""
    try:
        yield
    except (
        errors.IntegrityError,
        errors.SerializationFailure,
        errors.DeadlockDetected,
        errors.LockNotAvailable,
    ) as failure:
        raise Conflict from failure
    except errors.DataError as failure:
        raise Unbookable from failure
    except psycopg.Error as failure:
        raise StoreAway from failure
