"""Does an operator see what was used, take it home, and bound it? At a running server."""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet
import pytest

import weir
from tests.cli.command import Serving, serving
from tests.cli.pseudo_terminal import CTRL_C, at_a_terminal
from weir.v1.generation_pb2 import GenerationOptions
from weir_server.cli.call_rows import COLUMNS
from weir_server.cli.exit_codes import ExitCode

CONFIG = {
    "providers": [{"id": "echo", "kind": "echo"}],
    "models": [{"name": "dear", "provider": "echo"}, {"name": "free", "provider": "echo"}],
    "prices": {"overrides": [{"model": "dear", "prompt_tokens": 1000, "completion_tokens": 4000}]},
}
"""One token of `dear` is a thousandth of a dollar in, and four of them out."""
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Books:
    """A server with three calls in its books, one of them two days old."""

    server: Serving
    calls: Sequence[str]
    """The identities of their answers, the oldest first."""
    today: datetime

    def ask(self, *arguments: str) -> list[str]:
        """Run a command that goes well, and return its lines."""
        done = self.server.ask(*arguments)
        assert done.code == 0, done.err
        return done.out.splitlines()


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """Two dear calls of tenant search, in team blue, and a free one of another tenant."""
    folder = tmp_path_factory.mktemp("booked")
    data_dir = folder / "data"
    with serving(folder, {**CONFIG, "server": {"data_dir": str(data_dir)}}) as server:
        options = GenerationOptions(labels={"team": "blue"})
        search = [("weir-tenant", "search")]
        with weir.Client(server.address) as client:
            calls = [
                client.chat("one two", model="dear", options=options, metadata=search),
                client.chat("one two three four", model="dear", options=options, metadata=search),
                client.chat("one", model="free"),
            ]
        names = [call.metadata.response_id for call in calls]
        with closing(sqlite3.connect(data_dir / "ledger.db", timeout=10)) as ledger:
            moved = "UPDATE calls SET arrived_ns = arrived_ns - ? WHERE response_id = ?"
            ledger.execute(moved, (2 * DAY_NS, names[0]))
            ledger.commit()
        yield Books(server=server, calls=names, today=datetime.now(UTC))


def test_a_table_with_a_bar_for_each_day(books: Books) -> None:
    """The dearest first, what costs nothing too; below it what it comes to, and of which days."""
    done = books.server.ask("usage")
    header, dear, free = done.out.splitlines()
    assert header.split() == [
        "model",
        "calls",
        "failed",
        "prompt",
        "answer",
        "cost",
        "(USD)",
        "days",
    ]
    assert dear.split() == ["dear", "2", "0", "6", "6", "0.03", "▅", "█"]
    assert free.split() == ["free", "1", "0", "1", "1", "0.00"]
    first = (books.today - timedelta(days=2)).date()
    assert done.err.splitlines() == [
        "3 calls · 0.03 USD",
        f"bars: cost of each day, {first} to {books.today.date()}",
    ]


def test_what_it_is_grouped_by(books: Books) -> None:
    """Several groups, the day among them: a row each, in the order of time."""
    lines = books.ask("usage", "--by", "day,tenant,label", "--label", "team")
    first, second = (books.today - timedelta(days=2)).date(), books.today.date()
    assert [line.split()[:4] for line in lines[1:]] == [
        [str(first), "search", "blue", "1"],
        [str(second), "default", "-", "1"],
        [str(second), "search", "blue", "1"],
    ]


def test_which_calls_are_meant(books: Books) -> None:
    """Since when, whose, of which model and with which label, for programs."""
    (row,) = books.ask("usage", "--since", "1d", "--model", "dear", "--json")
    assert json.loads(row)["cost_nanos"] == str(20_000_000)
    arguments = ("--csv", "--tenant", "search", "--where-label", "team=blue", "--by", "provider")
    rows = list(csv.DictReader(io.StringIO("\n".join(books.ask("usage", *arguments)))))
    assert [(row["provider"], row["calls"], row["cost_nanos"]) for row in rows] == [
        ("echo", "2", "30000000")
    ]


def test_nothing_found_says_where_to_look(books: Books) -> None:
    """An empty table would not."""
    done = books.server.ask("usage", "--tenant", "nobody")
    assert (done.code, done.out) == (0, "")
    assert done.err == "No call is like that. Leave an option out to see more.\n"


def test_a_watch_follows_calls(books: Books) -> None:
    """A call that ends is seen at the terminal; Ctrl-C ends it."""
    arguments = ("usage", "--watch", "--tenant", "watched", "--address", books.server.address)
    with at_a_terminal(*arguments) as screen:
        screen.read_until("calls appear here")
        with weir.Client(books.server.address) as client:
            client.chat("one", model="free", metadata=[("weir-tenant", "watched")])
        screen.read_until("free")
        screen.type(CTRL_C)
        code = screen.wait()
    assert code == ExitCode.INTERRUPTED
    assert "Traceback" not in screen.seen


def test_one_call(books: Books) -> None:
    """What it used and cost, a fact a line."""
    facts = dict(
        line.split(maxsplit=1) for line in books.ask("calls", "show", books.calls[1]) if line
    )
    assert facts["state"] == "settled"
    assert (facts["tenant"], facts["labels"]) == ("search", "team=blue")
    assert facts["cost"] == "0.02 USD"
    assert facts["used"] == "4 + 4 tokens, counted by the provider"


def test_a_call_that_is_not_there(books: Books) -> None:
    """Exit code 13, and what to do."""
    done = books.server.ask("calls", "show", "resp_0")
    assert (done.code, done.out) == (ExitCode.NOT_FOUND, "")
    assert "RESPONSE_NOT_FOUND" in done.err
    assert "next: Check the response's id" in done.err


def test_calls_are_taken_home_as_csv(books: Books, tmp_path: Path) -> None:
    """One row each, the oldest first; no control character of a bar in what a pipe gets."""
    file = tmp_path / "calls.csv"
    done = books.server.ask("calls", "export", str(file), "--tenant", "search")
    rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
    assert (done.code, done.out) == (0, "")
    assert done.err == f"2 calls are in {file}.\n"
    assert [row["response_id"] for row in rows] == list(books.calls[:2])
    assert [row["cost_nanos"] for row in rows] == ["10000000", "20000000"]
    assert (rows[0]["reason"], rows[0]["finish_reason"]) == ("", "stop")
    assert list(tmp_path.iterdir()) == [file]


def test_calls_are_taken_home_as_parquet(books: Books, tmp_path: Path) -> None:
    """The same columns, at a terminal with a bar, which is gone when it is done."""
    file = tmp_path / "calls.parquet"
    arguments = ("calls", "export", str(file), "--since", "1d", "--model", "dear")
    with at_a_terminal(*arguments, "--address", books.server.address) as screen:
        code = screen.wait()
    table = pyarrow.parquet.read_table(file)
    assert code == 0
    assert "1/1" in screen.seen
    assert screen.seen.rstrip().endswith(".parquet.")
    assert table.column_names == list(COLUMNS)
    assert table.column("response_id").to_pylist() == [books.calls[1]]


def test_a_file_that_cannot_be(books: Books, tmp_path: Path) -> None:
    """Its folder is missing: one line says so."""
    done = books.server.ask("calls", "export", str(tmp_path / "no" / "calls.csv"))
    assert done.code == ExitCode.USAGE
    assert done.err.endswith("cannot be written (No such file or directory).\n")


def test_a_budget_from_its_beginning_to_its_end(books: Books) -> None:
    """Made, met, told of, listed, ended; a call that could pass it is refused meanwhile."""
    none = books.server.ask("budgets")
    assert none.err.startswith("There are none. `weir budgets set --help`")
    watching = books.server.begin("budgets", "watch", "--since", "1h")
    try:
        limit = ("--limit", "0.1", "--per", "total")
        shares = ("--warn-at", "0.1", "--warn-at", "1")
        made = books.ask("budgets", "set", "small", "--tenant", "bounded", *limit, *shares)
        bounded = [("weir-tenant", "bounded")]
        with weir.Client(books.server.address) as client:
            short = GenerationOptions(max_output_tokens=3)
            client.chat("one two three", model="dear", options=short, metadata=bounded)
            long = GenerationOptions(max_output_tokens=300)
            with pytest.raises(weir.QuotaExceededError) as refusal:
                client.chat("one two three", model="dear", options=long, metadata=bounded)
        assert watching.stdout is not None
        told = [watching.stdout.readline() for _ in range(2)]
        header, row = books.ask("budgets", "list")
        (as_json,) = books.ask("budgets", "--json")
        ended = books.server.ask("budgets", "delete", "small")
    finally:
        watching.kill()
        watching.communicate()
    assert made == ["small: 0.00 of 0.10 USD in all spent by tenant bounded (hard)"]
    assert refusal.value.reason == "BUDGET_EXCEEDED"
    assert "10% reached: small: 0.015 of 0.10 USD in all spent by tenant bounded" in told[0]
    assert "limit met, a call was refused" in told[1]
    assert " ".join(header.split()) == "budget whose per kind limit (USD) spent reserved"
    assert " ".join(row.split()[:8]) == "small tenant bounded total hard 0.10 0.015 0.00"
    assert row.rstrip().endswith(" 15 %")
    assert json.loads(as_json)["spent_nanos"] == str(15_000_000)
    assert ended.err == "small is no budget any more.\n"


def test_a_budget_that_cannot_be(books: Books) -> None:
    """No amount, or none of that name: the option or the next step is named."""
    amount = books.server.ask("budgets", "set", "x", "--tenant", "a", "--limit", "much")
    absent = books.server.ask("budgets", "delete", "nothing")
    assert amount.err == "error: --limit much: give US dollars such as 250.\n"
    assert amount.code == ExitCode.USAGE
    assert absent.code == ExitCode.NOT_FOUND
    assert "next: `weir budgets` tells the budgets there are." in absent.err


def test_where_the_ledger_is_off(tmp_path: Path) -> None:
    """It is said, and what to do."""
    with serving(tmp_path, {**CONFIG, "ledger": {"enabled": False}}) as server:
        done = server.ask("usage")
    assert done.code == ExitCode.INVALID_REQUEST
    assert "FEATURE_DISABLED" in done.err
    assert "next: This server has it switched off" in done.err
