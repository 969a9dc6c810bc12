"""The tables are what the code says, however many servers start at once and whoever came before."""

import os
import stat
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from weir_server.store.database import Database, StoreRefused
from weir_server.store.migrate import REVISIONS, migrate
from weir_server.store.migrations.upgrading import steps
from weir_server.store.schema import METADATA


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path}/books/ledger.db")
    return Database(request.getfixturevalue("postgres_url"))


def test_tables_are_what_the_code_says(database: Database) -> None:
    """The steps together make exactly the tables, columns and indexes of `schema`."""
    migrate(database)

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        different = compare_metadata(context, METADATA)
    database.close()

    assert different == []


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Nobody else may read the books, nor what SQLite keeps beside them, whatever the umask."""
    file = tmp_path / "ledger.db"
    before = os.umask(0)
    try:
        database = Database(f"sqlite:///{file}")
        migrate(database)
        with database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)

    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


def test_a_file_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    """An operator who lets a group read the books is not overruled."""
    file = tmp_path / "ledger.db"
    file.touch()
    file.chmod(0o640)

    database = Database(f"sqlite:///{file}")
    migrate(database)
    database.close()

    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_servers_that_start_at_once_migrate_once(database: Database) -> None:
    """One makes the tables, the others wait for it; none fails."""
    ended: list[str] = []

    def start_one() -> None:
        own = Database(database.url.render_as_string(hide_password=False))
        ended.append(migrate(own))
        own.close()

    starts = [threading.Thread(target=start_one) for _ in range(4)]

    for start in starts:
        start.start()
    for start in starts:
        start.join()
    database.close()

    assert ended == ["0001"] * 4


def test_a_newer_database_is_refused(database: Database) -> None:
    """Weir does not write into tables that it cannot know, and says what to do."""
    migrate(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreRefused, match="newer Weir"):
        migrate(database)
    database.close()


def test_a_migrated_database_is_left_alone(database: Database) -> None:
    """A second start changes nothing."""
    migrate(database)

    migrate(database)

    assert "calls" in inspect(database.engine).get_table_names()
    database.close()


@pytest.mark.parametrize("url", ["", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(url: str) -> None:
    """An address that Weir cannot use is told with what to write."""
    with pytest.raises(StoreRefused, match=r"ledger\.url"):
        Database(url)


def test_every_step_is_known_without_loading_alembic() -> None:
    """What a start compares with is what there is; a new step has to be named there."""
    assert list(REVISIONS) == steps()
