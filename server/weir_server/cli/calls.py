"""Which calls were made, and how are they taken home? A table of one, or a file of all."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from weir.admin.v1.usage_admin_service_pb2 import UsageFilter
from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_service_pb2 import CallRecord, CallState
from weir_server.cli.answer import as_json_line, money, tokens_words
from weir_server.cli.call_rows import COLUMNS, name_of, row_of
from weir_server.cli.calling import client_of
from weir_server.cli.csv_text import CsvText
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server
from weir_server.cli.terminal import Terminal
from weir_server.cli.usage import Which


def show(server: Server, response_id: str, *, as_json: bool) -> ExitCode:
    """Print what one call used."""
    terminal = Terminal()
    record = asyncio.run(_of(server, response_id))
    if as_json:
        terminal.line(as_json_line(record))
        return ExitCode.OK
    for name, value in facts(record):
        terminal.line(f"{name:<12} {value}")
    return ExitCode.OK


def export(server: Server, which: Which, file: Path) -> ExitCode:
    """Write calls into a CSV or Parquet file, by its ending; a bar shows how far it is."""
    question = which.filter(datetime.now(UTC))
    write = _WRITERS.get(file.suffix)
    if write is None:
        raise CommandError(f"{file}: end its name with .csv or .parquet.", ExitCode.USAGE)
    try:
        with _whole(file) as part:
            rows = asyncio.run(write(server, question, part))
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written ({error.strerror}).", ExitCode.USAGE
        ) from error
    Terminal().say(f"{rows:,} calls are in {file}.")
    return ExitCode.OK


def facts(record: CallRecord) -> list[tuple[str, str]]:
    """Return what is known of a call, a name and a value each."""
    usage = record.usage
    said = [
        ("response", record.response_id),
        ("state", name_of(CallState.items(), record.state, "CALL_STATE_")),
        ("method", record.method),
        ("tenant", record.tenant),
        ("key", record.key),
        ("model", record.model),
        ("answered by", f"{record.provider} {record.vendor_model}".strip()),
        ("ended", name_of(FinishReason.items(), record.finish_reason, "FINISH_REASON_")),
        ("failed", name_of(ErrorReason.items(), record.reason, "ERROR_REASON_")),
        ("began", record.start_time.ToDatetime(tzinfo=UTC).isoformat(timespec="milliseconds")),
        ("took", f"{record.duration.ToNanoseconds() / 1e9:.3f} s"),
        ("used", tokens_words(usage)),
        ("cost", money(usage.cost) if usage.HasField("cost") else "not known"),
        ("attempts", str(len(record.attempts))),
        ("labels", ", ".join(f"{name}={value}" for name, value in sorted(record.labels.items()))),
    ]
    return [(name, value) for name, value in said if value]


async def _of(server: Server, response_id: str) -> CallRecord:
    async with client_of(server) as client:
        return await client.usage.of(response_id, timeout_s=server.deadline_s)


async def _to_csv(server: Server, question: UsageFilter, file: Path) -> int:
    count = 0
    with file.open("w", newline="", encoding="utf-8") as out:
        table = CsvText(out, list(COLUMNS))
        async for records in _pages(server, question):
            count += len(records)
            table.write(row_of(record) for record in records)
    return count


async def _to_parquet(server: Server, question: UsageFilter, file: Path) -> int:
    try:
        from weir_server.cli.parquet import ParquetFile
    except ImportError as error:
        raise CommandError(
            "Parquet needs a package more: pip install 'weir-server[parquet]'. "
            "CSV does without: end the file's name with .csv.",
            ExitCode.USAGE,
        ) from error
    count = 0
    with ParquetFile(file) as out:
        async for records in _pages(server, question):
            count += len(records)
            out.write([row_of(record) for record in records])
    return count


_WRITERS = {".csv": _to_csv, ".parquet": _to_parquet}


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Give a file beside `file` to write into; it takes its place once it is whole."""
    part = file.with_name(f".{file.name}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


async def _pages(server: Server, question: UsageFilter) -> AsyncIterator[Sequence[CallRecord]]:
    """Give calls page by page, with a bar of how many have come."""
    columns = (TextColumn("calls"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    err = Terminal().err
    drawn = err.is_terminal
    with Progress(*columns, console=err, transient=True, disable=not drawn) as progress:
        task = progress.add_task("calls", total=None)
        async with client_of(server) as client:
            listing = client.usage.calls(question, timeout_s=server.deadline_s)
            async with aclosing(listing) as pages:
                async for page in pages:
                    if page.total_size:
                        progress.update(task, total=page.total_size)
                    progress.advance(task, len(page.calls))
                    yield page.calls
