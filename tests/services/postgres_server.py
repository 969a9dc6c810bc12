"""How does a test get a real PostgreSQL? A cluster of its own, in a folder that ends with it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.services.process import ServerProcess, free_port, give, owner

_SETTINGS = (
    # Processes are killed in tests, not machines: what the system was handed is kept.
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=200",
    "listen_addresses=127.0.0.1",
)
_CLUSTER = ("-U", "weir", "-A", "trust", "--no-sync", "--locale=C", "--encoding=UTF8")


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL here, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if found:
        return found[-1].parent
    if (path := shutil.which("postgres")) is not None and shutil.which("initdb") is not None:
        return Path(path).resolve().parent
    return None


class PostgresServer:
    """A running PostgreSQL. `stop` and `start` play an outage; databases outlive it."""

    def __init__(
        self, folder: Path, programs: Path, *, settings: tuple[str, ...] = _SETTINGS
    ) -> None:
        self.port = free_port()
        self._made = False
        data = folder / "data"
        give(folder)
        subprocess.run(
            [programs / "initdb", "-D", data, *_CLUSTER],
            check=True,
            capture_output=True,
            user=owner(),
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
        options = [part for setting in settings for part in ("-c", setting)]
        options += ["-p", str(self.port)]
        self._process = ServerProcess(
            [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options],
            folder=folder,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
        )

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://weir@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self._process.start(self._answers)

    def stop(self, *, crash: bool = False) -> None:
        """End all connections and the server; `crash`: without a word to anybody."""
        self._process.stop(signal.SIGQUIT if crash else signal.SIGINT)

    def pause(self) -> None:
        """Let it hang, connections and all: each has a process of its own."""
        self._process.pause()

    def go_on(self) -> None:
        self._process.go_on()

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement.encode())

    def emptied(self) -> str:
        """Throw out whoever is connected, empty the tests' database, and return its address.

        Emptying one costs a tenth of making one.
        """
        if not self._made:
            self.execute("CREATE DATABASE tests")
            self._made = True
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'tests'"
        )
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", database="tests")
        return self.url("tests")

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres_server(programs: Path, *, durable: bool = False) -> Iterator[PostgresServer]:
    """Run a PostgreSQL. durable: with real syncs, where the test measures them."""
    settings = (*_SETTINGS, "fsync=on") if durable else _SETTINGS
    with tempfile.TemporaryDirectory(prefix="weir-postgres-") as name:
        server = PostgresServer(Path(name), programs, settings=settings)
        server.start()
        try:
            yield server
        finally:
            server.stop(crash=True)
