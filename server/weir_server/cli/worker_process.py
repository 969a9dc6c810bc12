"""How is a worker started, heard and told? As `weir serve --worker`, over its standard streams."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from typing import Self


class WorkerProcess:
    """One process that serves; see `worker.py` for its side."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.address: str | None = None
        """Where it takes calls; None: not yet."""

    @classmethod
    async def start(cls) -> Self:
        """Start a process; it gets ready and waits for its order."""
        # A program of its own, not a fork: gRPC does not bear one. Its arguments are constants;
        # what it is to do, secrets too, comes through the pipe. -P: the folder that this was
        # started in gives it no modules. A session of its own keeps a terminal's Ctrl-C from it.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "weir_server.cli", "serve", "--worker"),
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with, a signal as a negative number; None: it runs."""
        return self._process.returncode

    async def serves(self, order: bytes) -> bool:
        """Tell it what to serve and wait until it does; False: it ended before."""
        self._write(order)
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if line:
            self.address = str(json.loads(line)["address"])
        return self.address is not None

    async def ended(self) -> int:
        """Wait for its end and return the exit code."""
        return await self._process.wait()

    def tell(self, word: str) -> None:
        """Say a word that `worker.py` knows."""
        self._write(f"{word}\n".encode())

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        # A process that has ended does not read, which is told by its exit code.
        self._process.stdin.write(data)

    def drain(self) -> None:
        """Let its calls end, and then itself; one that has not begun ends now."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it without further ado."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        try:
            self._process.send_signal(number)
        except ProcessLookupError:
            pass  # it has ended


class Standby:
    """One process that has everything ready but an order, for when a worker dies.

    Getting ready takes more than a second of processor time, and longer where the others are busy
    with the dead one's callers.
    """

    def __init__(self) -> None:
        self._worker: WorkerProcess | None = None
        self._one_at_a_time = asyncio.Lock()
        self._is_over = False

    async def prepare(self) -> None:
        """Have one stand by, if none does."""
        async with self._one_at_a_time:
            if not self._is_over and (self._worker is None or self._worker.exit_code is not None):
                self._worker = await WorkerProcess.start()

    async def take(self) -> WorkerProcess:
        """Return the one that stands by, or a new one."""
        worker, self._worker = self._worker, None
        if worker is not None and worker.exit_code is None:
            return worker
        return await WorkerProcess.start()

    async def dismiss(self) -> None:
        """End the one that stands by; it serves nobody. There will be no other."""
        self._is_over = True
        async with self._one_at_a_time:
            worker, self._worker = self._worker, None
            if worker is not None:
                worker.kill()
                await worker.ended()
