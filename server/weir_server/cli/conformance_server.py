"""How is a client of another language tested? By a server that plays golden scenarios to it."""

import asyncio
import contextlib
import io
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.terminal import Terminal
from weir_server.conformance import scenario
from weir_server.conformance.journal import Journal
from weir_server.conformance.ports import listening
from weir_server.conformance.scenario import Scenario, ScenariosInvalid
from weir_server.telemetry.log import Log
from weir_server.transport.serving import CannotListen


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """What was asked for on the command line."""

    scenarios: Path
    journal: Path | None
    ports_file: Path | None


def run(wished: Wished) -> ExitCode:
    """Print where the scenarios are served, and serve until SIGINT or SIGTERM.

    Raises CommandError.
    """
    scenarios = _scenarios(wished.scenarios)
    with (
        _journal(wished.journal) as file,
        tempfile.TemporaryDirectory(prefix="weir-conformance-") as folder,
        Log(sys.stderr.buffer) as log,
    ):
        asyncio.run(_serve(scenarios, Journal(file), Path(folder), log, wished.ports_file))
    return ExitCode.OK


def _scenarios(folder: Path) -> Mapping[str, Scenario]:
    try:
        return scenario.load(folder)
    except OSError as error:
        raise CommandError(
            f"--scenarios: {folder} cannot be read ({error.strerror}); name a folder that can.",
            ExitCode.CONFIGURATION,
        ) from error
    except ScenariosInvalid as invalid:
        raise CommandError(f"{invalid}.", ExitCode.CONFIGURATION) from invalid


@contextlib.contextmanager
def _journal(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield io.StringIO()
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise _unwritable("--journal", path, error) from error
    with file:
        yield file


async def _serve(
    scenarios: Mapping[str, Scenario],
    journal: Journal,
    folder: Path,
    log: Log,
    ports_file: Path | None,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with listening(scenarios, journal, folder, log) as opened:
            line = json.dumps(opened)
            if ports_file is not None:
                _write(ports_file, f"{line}\n")
            Terminal().line(line)
            await stop.wait()
    except CannotListen as failure:
        raise CommandError(f"No port can be opened: {failure}.", ExitCode.CANNOT_LISTEN) from None


def _write(path: Path, text: str) -> None:
    """Write a file whole: who waits for it never reads half."""
    try:
        half = path.with_name(f"{path.name}.part")
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        raise _unwritable("--ports-file", path, error) from error


def _unwritable(option: str, path: Path, error: OSError) -> CommandError:
    return CommandError(
        f"{option}: {path} cannot be written ({error.strerror}); name a file that can.",
        ExitCode.CONFIGURATION,
    )
