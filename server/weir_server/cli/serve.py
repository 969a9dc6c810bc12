"""How does the server run in this process? One event loop, until it is told to stop.

The first SIGTERM or SIGINT drains, the second ends the process within a second.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from weir_server.cli.banner import banner
from weir_server.cli.configuring import Configured, configured, told
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.terminal import Terminal
from weir_server.core.errors import ConfigInvalid
from weir_server.providers.local.errors import LocalEngineError
from weir_server.settings.load import Problem, SettingsInvalid
from weir_server.telemetry.log import Log

AT_ONCE_S = 0.5
"""How long the process may take to end in good order after the second signal."""
_EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


def run(config: Path | None, *, listen: str | None, ready_file: Path | None) -> ExitCode:
    """Serve until a signal. Raises CommandError where the server cannot start."""
    terminal = Terminal()
    try:
        found = configured(config, listen)
    except SettingsInvalid as invalid:
        raise _not_configured(invalid.problems) from invalid

    def announce(address: str) -> None:
        for line in banner(found, address):
            terminal.line(line)
        if ready_file is not None:
            _write_whole(ready_file, f"{address}\n")

    with Log(sys.stderr.buffer) as log, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_Serving(found, log, announce).run())


class _Serving:
    """One server from start to stop, and the signals that steer it."""

    def __init__(self, found: Configured, log: Log, announce: Callable[[str], None]) -> None:
        self._found = found
        self._log = log
        self._announce = announce
        self._stop = asyncio.Event()
        self._signals = 0
        self._exit_code = ExitCode.OK
        self._is_serving = False

    async def run(self) -> ExitCode:
        """Serve, drain and stop; the exit code is 0 unless a second signal cut it short."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        for number in _EXIT_CODES:
            loop.add_signal_handler(number, self._on_signal, number, loop, task)
        try:
            await self._serve()
        except asyncio.CancelledError:
            if not self._signals:
                raise
            task.uncancel()
        return self._exit_code

    async def _serve(self) -> None:
        # gRPC starts threads when it is imported, and takes a quarter of a second.
        from weir_server.app import running
        from weir_server.transport.serving import CannotListen

        try:
            async with running(self._found.settings, self._log) as app:
                self._is_serving = True
                self._log.event("serving", address=app.address)
                self._announce(app.address)
                await self._stop.wait()
                await app.drain()
                self._log.event("drained")
        except CannotListen as failure:
            raise CommandError(f"{failure}.", ExitCode.CANNOT_LISTEN) from failure
        except ConfigInvalid as invalid:
            raise _not_configured(
                [Problem(where=each.field, what=each.description) for each in invalid.violations]
            ) from invalid
        except LocalEngineError as failure:
            raise CommandError(str(failure), ExitCode.CONFIGURATION) from failure

    def _on_signal(
        self, number: signal.Signals, loop: asyncio.AbstractEventLoop, task: asyncio.Task[ExitCode]
    ) -> None:
        self._signals += 1
        self._log.event("signal", name=number.name, count=self._signals)
        if self._signals == 1 and self._is_serving:
            self._stop.set()
            return
        if self._signals == 1:
            # Nothing runs yet that could be drained.
            task.cancel()
            return
        self._exit_code = _EXIT_CODES[number]
        task.cancel()
        # What is stuck does not keep the process: its sockets end with it.
        loop.call_later(AT_ONCE_S, os._exit, int(self._exit_code))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _not_configured(problems: list[Problem]) -> CommandError:
    lines = "\n".join(f"  {told(problem)}" for problem in problems)
    return CommandError(f"The configuration is invalid:\n{lines}", ExitCode.CONFIGURATION)


def _write_whole(file: Path, text: str) -> None:
    """Write a file so that whoever waits for it never reads half of it."""
    draft = file.with_name(f"{file.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
