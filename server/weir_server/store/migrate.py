"""Are the tables what this Weir knows? They are made so before it serves, whoever starts first.

Several servers may start at once. One migrates behind a lock, the others wait for it; where the
tables are right already, nobody takes a lock at all.
"""

from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from weir_server.store.database import Database, StoreRefused

REVISIONS: Final = ("0001",)
"""The steps in `migrations/versions/`, in their order."""
REVISION: Final = REVISIONS[-1]
_TABLE: Final = "alembic_version"
_TAKEN: Final = text("SELECT version_num FROM alembic_version")
LOCK_WAIT_S: Final = 10
"""How long to wait for another server that migrates."""
# Any number that no other program would take for its own advisory lock.
_LOCK: Final = 0x77656972


def migrate(database: Database) -> str:
    """Bring the tables to what this Weir knows and return their revision.

    Raises StoreRefused where a newer Weir has been here, or another one migrates for too long.
    """
    with database.reading() as connection:
        if _revision(connection) == REVISION:
            return REVISION
    # What makes tables takes a fifth of a second to load, and most starts find them made.
    from weir_server.store.migrations.upgrading import upgrade

    try:
        with database.writing() as connection:
            _lock(connection)
            if _revision(connection) != REVISION:
                upgrade(connection)
    except OperationalError as failure:
        with database.reading() as connection:
            if _revision(connection) != REVISION:
                raise StoreRefused(
                    f"the ledger's tables could not be brought up to date within {LOCK_WAIT_S} s: "
                    "another Weir may be doing it; look at its log and start again"
                ) from failure
    return REVISION


def _revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None: there are none yet."""
    if not inspect(connection).has_table(_TABLE):
        return None
    revision: str | None = connection.execute(_TAKEN).scalar()
    if revision is not None and revision not in REVISIONS:
        raise StoreRefused(
            f"the ledger's tables are of a newer Weir (revision {revision}): "
            "start that version, or point ledger.url at another database"
        )
    return revision


def _lock(connection: Connection) -> None:
    """Let one server migrate at a time. SQLite's transactions begin with its write lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
