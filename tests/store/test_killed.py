"""Processes that die at any moment, and processes that meet, leave books that balance.

`make kill-test` kills as often as KILLS says.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.store.balance import assert_books_balance
from tests.store.conftest import OpensBooks
from tests.store.driver import SOFT, TEAM
from tests.store.entries import budget
from tests.store.test_lost_calls import reserved, until
from weir.v1.usage_service_pb2 import CallState
from weir_server.core.ledger import Period
from weir_server.store.schema import CALLS

KILLS = int(os.environ.get("KILLS", "30")) // 2
"""For each of the two databases."""
ROOT = Path(__file__).parents[2]


class Driver:
    """Starts processes that book."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._count = 0

    def start(self, what: str, number: int) -> tuple[int, Path]:
        """Return the process's id, and the file it writes what came of its calls to."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._count += 1
        path = self._folder / f"acks-{self._count}"
        self._process.stdin.write(f"{what} {number} {path}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()), path


@contextmanager
def driver(url: str, folder: Path) -> Iterator[Driver]:
    command = [sys.executable, "-m", "tests.store.driver", url, str(folder)]
    pipe = subprocess.PIPE
    with (
        (folder / "driver.log").open("wb") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=errors, text=True
        ) as process,
    ):
        yield Driver(process, folder)
        process.kill()


def wait_for(path: Path, word: str) -> None:
    until_s = time.monotonic() + 20
    while not path.exists() or word not in path.read_text():
        assert time.monotonic() < until_s, "the process says nothing"
        time.sleep(0.002)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def kill_often(url: str, folder: Path, rng: random.Random) -> list[Path]:
    """Start processes that book and kill each; return what they said before."""
    paths = []
    with driver(url, folder) as processes:
        for number in range(KILLS):
            pid, path = processes.start("LOAD", number)
            wait_for(path, "ready")
            time.sleep(rng.random() * 0.2)
            os.kill(pid, signal.SIGKILL)
            while not gone(pid):
                time.sleep(0.001)
            paths.append(path)
    return paths


async def test_killed_at_any_moment(
    open_books: OpensBooks,
    url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """No call that was answered is missing, none is charged twice, and what was open is booked."""
    rng = random.Random(int(os.environ.get("SEED", "5")))
    async with open_books() as books:
        await books.set_budget(budget(TEAM, limit=10**12, period=Period.MONTH))
        await books.set_budget(budget(SOFT, limit=10**4, hard=False))
    paths = await asyncio.to_thread(kill_often, url, tmp_path, rng)
    lines = [line.split() for path in paths for line in path.read_text().splitlines()]
    answered = {line[0]: int(line[1]) for line in lines if len(line) == 2}

    async with open_books() as books:
        for _ in range(3):
            await books.sweeper.sweep()
            await until(lambda: books.spool.held_bytes == 0)
        await until(lambda: reserved(books) == 0)
        with books.database.reading() as connection:
            rows = connection.execute(select(CALLS)).all()

    booked = {row.response_id: row for row in rows}
    assert {key: booked[key].cost_nanos for key in answered} == answered
    lost = [row for row in rows if row.state == CallState.CALL_STATE_UNKNOWN]
    assert not {row.response_id for row in lost} & set(answered)
    assert_books_balance(url, nothing_open=True)
    record_property("kills", KILLS)
    record_property("answered", len(answered))
    record_property("lost", len(lost))


@pytest.mark.parametrize(("processes", "url"), [(1, "sqlite"), (4, "postgresql")], indirect=["url"])
async def test_the_last_dollar_is_spent_once_by_all(
    open_books: OpensBooks, url: str, tmp_path: Path, processes: int
) -> None:
    """A hundred calls at once, from however many servers: as many are let in as the limit holds."""
    async with open_books() as books:
        await books.set_budget(budget(TEAM, limit=1050))

    with driver(url, tmp_path) as each:
        paths = [each.start("BURST", 100 // processes)[1] for _ in range(processes)]
        for path in paths:
            wait_for(path, "done")

    assert sum(path.read_text().count("in\n") for path in paths) == 10
    async with open_books() as books:
        (state,) = books.budgets.list()
    assert (state.spent_nanos, state.reserved_nanos) == (1000, 0)
    assert_books_balance(url, nothing_open=True)
