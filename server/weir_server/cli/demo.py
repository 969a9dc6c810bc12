"""Can one see the whole of it work? A real server, model and answer, and what was booked of it."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

import weir
from weir.v1.generation_pb2 import StreamEnd
from weir.v1.usage_service_pb2 import CallRecord
from weir_server.cli.answer import AnswerView, finish_words, money, source_words
from weir_server.cli.asking import ask
from weir_server.cli.calling import client_of
from weir_server.cli.calls import facts
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server, Wanted
from weir_server.cli.server_process import ServerProcess
from weir_server.cli.terminal import Terminal
from weir_server.settings.defaults import LOCAL_MODEL, local_is_installed

NAME_CELLS = 19
"""As wide as the longest name, so that both tables are one."""
QUESTION = "Explain in three sentences why the sky is blue."
ANSWER_DEADLINE_S = 120.0
BOOKED = ("state", "tenant", "model", "answered by", "used", "cost", "took")
"""What is shown of the row; `weir calls show` tells all of it."""


def run(prompt: str | None, *, max_tokens: int) -> ExitCode:
    """Start a server, show one answer with its facts, stop the server. Raises CommandError."""
    terminal = Terminal()
    if not local_is_installed():
        raise CommandError(
            "The embedded model is not installed: run `make model`, then this again.",
            ExitCode.CONFIGURATION,
        )
    wanted = Wanted(model=LOCAL_MODEL, max_tokens=max_tokens, quiet=True)
    with (
        tempfile.TemporaryDirectory(prefix="weir-demo-") as folder,
        ServerProcess(Path(folder)) as process,
    ):
        address = _started(process, terminal)
        server = Server(address=address, deadline_s=ANSWER_DEADLINE_S)
        view, record = asyncio.run(_answer(server, wanted, terminal, prompt or QUESTION))
        terminal.line("")
        terminal.out.print(_table(_rows(view)))
        terminal.line("")
        terminal.line("its row in the ledger, which holds no word of what was said:")
        terminal.out.print(_table([row for row in facts(record) if row[0] in BOOKED]))
        terminal.line("")
        _stopped(process, terminal)
    return ExitCode.OK


def _started(process: ServerProcess, terminal: Terminal) -> str:
    terminal.line("starting the server…")
    terminal.line("loading the model… (SmolLM2, 135 million parameters, on the CPU)")
    begun_s = time.monotonic()
    process.start()
    address = process.wait_ready()
    terminal.line(f"ready at {address} after {time.monotonic() - begun_s:.1f} s")
    return address


async def _answer(
    server: Server, wanted: Wanted, terminal: Terminal, prompt: str
) -> tuple[AnswerView, CallRecord]:
    """Show an answer, and return its view and what the ledger holds of it."""
    terminal.line(f"asking {wanted.model} over gRPC: {prompt}")
    terminal.line("")
    async with client_of(server) as client:
        view = AnswerView.of(wanted, terminal)
        await ask(client, [weir.user(prompt)], server, wanted, view)
        record = await client.usage.of(_end(view).metadata.response_id)
    return view, record


def _end(view: AnswerView) -> StreamEnd:
    assert view.end is not None, "an answer that was read whole has an end"
    return view.end


def _table(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", min_width=NAME_CELLS)
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _rows(view: AnswerView) -> Sequence[tuple[str, str]]:
    end = _end(view)
    usage = end.usage
    first_s = view.first_token_s or view.total_s
    # The first token's time is the prompt's; the others tell how fast the model writes.
    speed = (usage.completion_tokens - 1) / max(view.total_s - first_s, 1e-3)
    cost = "not known"
    if usage.HasField("cost"):
        cost = f"{money(usage.cost)}: the local model has the price 0, for it runs here"
    return (
        ("finish reason", finish_words(end.finish_reason)),
        ("prompt tokens", str(usage.prompt_tokens)),
        ("completion tokens", str(usage.completion_tokens)),
        ("counted by", source_words(usage.source)),
        ("cost", cost),
        ("time to first token", f"{first_s:.2f} s"),
        ("tokens per second", f"{speed:.1f}"),
        ("total time", f"{view.total_s:.2f} s"),
        ("response id", end.metadata.response_id),
    )


def _stopped(process: ServerProcess, terminal: Terminal) -> None:
    terminal.line("stopping the server with SIGTERM…")
    begun_s = time.monotonic()
    exit_code = process.stop()
    if exit_code != ExitCode.OK:
        raise CommandError(
            f"The server ended with exit code {exit_code} instead of 0. It said:\n"
            f"{process.last_words()}",
            ExitCode.UNEXPECTED,
        )
    terminal.line(f"drained after {time.monotonic() - begun_s:.1f} s, exit code 0")
