"""How is a service tested against a vendor that fails? By one that is played on loopback."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.terminal import Terminal
from weir_server.fake_upstream.by_model import by_model, special_models
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.journal import Journal
from weir_server.fake_upstream.journal_file import JournalFile
from weir_server.fake_upstream.reading import ScriptInvalid
from weir_server.fake_upstream.script import Script
from weir_server.fake_upstream.upstream import FakeUpstream, Step, loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """What was asked for on the command line."""

    host: str
    port: int
    script: Path | None
    fault: str | None
    journal: Path | None


def show_models() -> ExitCode:
    """Print every model that chooses an answer, a line each."""
    terminal = Terminal()
    for model in special_models():
        terminal.line(model)
    return ExitCode.OK


def run(wished: Wished) -> ExitCode:
    """Print the base URL and serve until SIGINT or SIGTERM. Raises CommandError."""
    try:
        host = loopback(wished.host)
    except ValueError as error:
        raise CommandError(f"--host: {error}.", ExitCode.USAGE) from error
    step = _step(wished)
    with _journal(wished.journal) as journal:
        asyncio.run(_serve(step, host=host, port=wished.port, journal=journal))
    return ExitCode.OK


def _step(wished: Wished) -> Step:
    if wished.script is not None and wished.fault is not None:
        raise CommandError(
            "--fault and --script do not go together: write `do: {fault: ...}` in the script.",
            ExitCode.USAGE,
        )
    if wished.script is not None:
        return _script(wished.script)
    if wished.fault is None:
        return by_model
    if wished.fault not in FAULTS:
        raise CommandError(
            f"--fault: {wished.fault} is not known; `weir fake-upstream --list` prints them all.",
            ExitCode.USAGE,
        )
    return FAULTS[wished.fault].behaviour


def _script(file: Path) -> Script:
    try:
        return Script.load(file)
    except OSError as error:
        raise CommandError(
            f"--script: {file} cannot be read ({error.strerror}); name a file that can.",
            ExitCode.CONFIGURATION,
        ) from error
    except ScriptInvalid as invalid:
        lines = "".join(f"\n  {problem}" for problem in invalid.problems)
        raise CommandError(
            f"{file} is no script that can be played:{lines}", ExitCode.CONFIGURATION
        ) from invalid


@contextlib.contextmanager
def _journal(path: Path | None) -> Iterator[Journal]:
    """Give a journal that keeps no rows in memory, and writes them into a new file if asked."""
    if path is None:
        yield Journal(keep=0)
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"--journal: {path} cannot be written ({error.strerror}); name a file that can.",
            ExitCode.CONFIGURATION,
        ) from error
    with file:
        yield Journal(keep=0, on_finished=JournalFile(file).write)


async def _serve(step: Step, *, host: str, port: int, journal: Journal) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    upstream = FakeUpstream(step, host=host, port=port, journal=journal)
    async with _listening(upstream):
        Terminal().line(upstream.url)
        await stop.wait()


@contextlib.asynccontextmanager
async def _listening(upstream: FakeUpstream) -> AsyncIterator[None]:
    try:
        await upstream.__aenter__()
    except OSError as error:
        raise CommandError(
            f"Port {upstream.port} cannot be opened ({error.strerror}); choose another with "
            "--port, or leave it out for a free one.",
            ExitCode.CANNOT_LISTEN,
        ) from error
    try:
        yield
    finally:
        await upstream.__aexit__(None, None, None)
