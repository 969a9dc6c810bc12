"""Are the tables what this Weir knows? They are made so before it serves, whoever starts first.

Several servers may start at once. One migrates behind a lock, the others wait for it; where the
tables are right already, nobody takes a lock at all.
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from weir_server.store.database import Database, StoreRefused

LOCK_WAIT_S: Final = 10
"""How long to wait for another server that migrates."""
# Any number that no other program would take for its own advisory lock.
_LOCK: Final = 0x77656972


def migrate(database: Database) -> str:
    """Bring the tables to what this Weir knows and return their revision.

    Raises StoreRefused where a newer Weir has been here, or another one migrates for too long.
    """
    config = _config()
    script = ScriptDirectory.from_config(config)
    head = script.get_current_head() or ""
    with database.reading() as connection:
        if _revision(connection, script) == head:
            return head
    try:
        with database.writing() as connection:
            _lock(connection)
            if _revision(connection, script) != head:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except OperationalError as failure:
        with database.reading() as connection:
            if _revision(connection, script) != head:
                raise StoreRefused(
                    f"the ledger's tables could not be brought up to date within {LOCK_WAIT_S} s: "
                    "another Weir may be doing it; look at its log and start again"
                ) from failure
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    # Alembic splits the paths of versions by this, and warns where it is not said.
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection, script: ScriptDirectory) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {each.revision for each in script.walk_revisions()}
    if revision is not None and revision not in known:
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
