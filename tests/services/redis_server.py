"""How does a test get a real Redis? One in memory, on a free port, that ends with the run."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.process import ServerProcess, free_port, give

_SETTINGS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")


def binary() -> Path | None:
    """The program, or None."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


class RedisServer:
    """A running Redis. `pause` lets it hang, `stop` ends it; what it held is then lost."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.port = free_port()
        give(folder)
        self._process = ServerProcess(
            [str(program), "--port", str(self.port), "--dir", str(folder), *_SETTINGS],
            folder=folder,
            environment={"PATH": os.defpath},
        )

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._process.start(lambda: self.ask("PING") == "+PONG")

    def stop(self) -> None:
        self._process.stop(signal.SIGKILL)

    def pause(self) -> None:
        self._process.pause()

    def go_on(self) -> None:
        self._process.go_on()

    def ask(self, command: str) -> str:
        """Send one inline command and return the first line of the answer; empty: nobody there."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(command.encode() + b"\r\n")
                return connection.makefile("r").readline().strip()
        except OSError:
            return ""


@contextmanager
def redis_server(program: Path) -> Iterator[RedisServer]:
    """Run a Redis."""
    with tempfile.TemporaryDirectory(prefix="weir-redis-") as name:
        server = RedisServer(Path(name), program)
        server.start()
        try:
            yield server
        finally:
            server.stop()
