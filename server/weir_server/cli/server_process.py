"""How does the demo run a server beside itself? As `weir serve` in a process of its own."""

import multiprocessing
import os
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError, exit_code_of

READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 40.0
"""More than the server's own grace."""
POLL_INTERVAL_S = 0.02
LAST_WORDS_CHARS = 2_000


class ServerProcess:
    """One server with the default settings on a free port; leaving the block ends it.

    Its output goes to `folder`, and so does what it keeps: nobody's own ledger is written.
    """

    def __init__(self, folder: Path) -> None:
        self._ready_file = folder / "ready"
        self._log_file = folder / "log"
        # Spawned, not forked: the server must not inherit this process's gRPC.
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve,
            args=(self._ready_file, self._log_file, folder / "data"),
            name="weir-serve",
            daemon=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._process.pid is None:
            return
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    def start(self) -> None:
        """Start it; `wait_ready` tells when it takes calls."""
        self._process.start()

    def wait_ready(self) -> str:
        """Return its address as soon as it takes calls. Raises CommandError if it never does."""
        until_s = time.monotonic() + READY_TIMEOUT_S
        while not self._ready_file.exists():
            if not self._process.is_alive():
                raise self._failed(f"ended with exit code {self._process.exitcode}")
            if time.monotonic() > until_s:
                raise self._failed(f"was not ready after {READY_TIMEOUT_S:.0f} s")
            time.sleep(POLL_INTERVAL_S)
        return self._ready_file.read_text(encoding="utf-8").strip()

    def stop(self) -> int | None:
        """Send SIGTERM and return the exit code; None if it does not end."""
        self._process.terminate()
        self._process.join(STOP_TIMEOUT_S)
        return self._process.exitcode

    def last_words(self) -> str:
        """Return the end of what it printed and logged."""
        try:
            return self._log_file.read_text(encoding="utf-8")[-LAST_WORDS_CHARS:].strip()
        except OSError:
            return "nothing"

    def _failed(self, how: str) -> CommandError:
        return CommandError(f"The server {how}. It said:\n{self.last_words()}", ExitCode.UNEXPECTED)


def _serve(ready_file: Path, log_file: Path, data_dir: Path) -> NoReturn:
    """Be `weir serve` without a configuration, with standard output and error in a file."""
    from weir_server.cli import serve

    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # Not by its command line, whose options have variables of the environment beside them.
    run = partial(serve.run, None, listen="127.0.0.1:0", ready_file=ready_file, data_dir=data_dir)
    raise SystemExit(exit_code_of(run))
