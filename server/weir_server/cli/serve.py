"""What does `weir serve` do? It serves in this process, or has several workers do so.

The first SIGTERM or SIGINT drains, the second ends the process within a second. SIGHUP reads the
configuration again.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from weir_server.cli.banner import banner
from weir_server.cli.configuring import Overrides, configured
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.reloading import Reloading
from weir_server.cli.serving import SIGNAL_CODES, Serving, loop_factory, not_configured
from weir_server.cli.supervisor import supervise
from weir_server.cli.terminal import Terminal
from weir_server.settings.load import SettingsInvalid
from weir_server.telemetry.libraries import libraries_tell
from weir_server.telemetry.log import Log


def run(
    config: Path | None,
    *,
    listen: str | None,
    ready_file: Path | None,
    workers: int | None = None,
    data_dir: Path | None = None,
) -> ExitCode:
    """Serve until a signal. Raises CommandError where the server cannot start.

    listen, workers, data_dir: what holds in place of the configuration's; None: that holds.
    """
    terminal = Terminal()
    if config is not None:
        # Until the server takes it as a wish to reload; without a file the terminal's end is meant.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    overrides = Overrides(
        listen=listen, workers=workers, data_dir=str(data_dir) if data_dir is not None else None
    )
    try:
        found = configured(config, overrides)
    except SettingsInvalid as invalid:
        raise not_configured(invalid.problems) from invalid

    def announce(address: str) -> None:
        for line in banner(found, address):
            terminal.line(line)
        if ready_file is not None:
            _write_whole(ready_file, f"{address}\n")

    if found.settings.server.workers > 1:
        return supervise(found, config, overrides, announce)
    with (
        Log(sys.stderr.buffer) as log,
        libraries_tell(log),
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        reloading = Reloading(config, overrides, found.marks, log) if config is not None else None
        return runner.run(Serving(found.settings, log, announce, reloading).run(_by_signals(log)))


def _by_signals(log: Log) -> Callable[[Serving], None]:
    """Return what lets signals steer a server."""
    count = 0

    def on_signal(number: signal.Signals, serving: Serving) -> None:
        nonlocal count
        count += 1
        log.event("signal", name=number.name, count=count)
        if count == 1:
            serving.drain()
        else:
            serving.stop(SIGNAL_CODES[number])

    def steer(serving: Serving) -> None:
        for number in SIGNAL_CODES:
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number, serving)
        if serving.is_reloadable:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, serving.reload)

    return steer


def _write_whole(file: Path, text: str) -> None:
    """Write a file so that whoever waits for it never reads half of it."""
    draft = file.with_name(f"{file.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
