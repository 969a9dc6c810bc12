"""Processes that book calls, to be killed at any moment, or to meet others at the last dollar.

One process is started and imports everything; each line on its standard input makes it fork one
that works, so that a new process costs milliseconds. `LOAD seed path` books calls for ever and adds
a line to the file `path` for each that has ended, `BURST n path` tries to hold n calls at once.
Run: python -m tests.store.driver URL FOLDER
"""

import asyncio
import os
import random
import secrets
import signal
import sys
import time
from pathlib import Path

from pydantic import SecretStr

from tests.store.entries import entry, hold
from weir_server.core.clock import SystemClock
from weir_server.core.errors import BudgetExceeded, LedgerUnavailable
from weir_server.settings.ledger import LedgerSettings
from weir_server.store.books import Books, opened
from weir_server.telemetry.log import Log

TEAM = "budgets/team"
SOFT = "budgets/soft"
CALLERS = 8


async def load(books: Books, seed: int, acks: int) -> None:
    """Call for ever; the spool is used now and then, for the wait is short."""
    rng = random.Random(seed)

    async def caller(number: int) -> None:
        while True:
            amount = rng.randrange(50)
            names = ([], [SOFT], [TEAM], [SOFT, TEAM])[number % 4]
            held = hold(amount, names, response_id=secrets.token_hex(8))
            cost = rng.randrange(amount + 1)
            try:
                await books.ledger.hold(held)
                if rng.random() < 0.1:
                    await books.ledger.extend(held, 10)
            except LedgerUnavailable:
                # The wait is short, and a hard budget cannot be spooled.
                cost = 0
            answer = books.ledger.settle(entry(held, cost))
            if rng.random() < 0.9:
                await answer
                os.write(acks, f"{held.response_id} {cost}\n".encode())

    async with asyncio.TaskGroup() as tasks:
        for number in range(CALLERS):
            tasks.create_task(caller(number))


async def burst(books: Books, calls: int, acks: int) -> None:
    """Hold many at once, each 100 nanos, and settle those that were let in."""

    async def call() -> None:
        held = hold(100, [TEAM], response_id=secrets.token_hex(8))
        try:
            await books.ledger.hold(held)
        except BudgetExceeded:
            return
        os.write(acks, b"in\n")
        await books.ledger.settle(entry(held, 100))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(calls):
            tasks.create_task(call())


async def work(url: str, folder: Path, what: str, number: int, acks: int) -> None:
    wait_s = 0.01 if what == "LOAD" else 10.0
    settings = LedgerSettings(url=SecretStr(url), wait_s=wait_s)
    with Log(sys.stderr.buffer) as log:
        async with opened(settings, folder, clock=SystemClock(), log=log) as books:
            os.write(acks, b"ready\n")
            if what == "LOAD":
                await load(books, number, acks)
            else:
                # All processes begin at the same tenth of a second.
                await asyncio.sleep(0.2 - time.time() % 0.1)
                await burst(books, number, acks)


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    # Nobody waits for children here: their ends are seen by whoever killed them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        what, number, path = line.split()
        pid = os.fork()
        if pid == 0:
            acks = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            asyncio.run(work(url, folder, what, int(number), acks))
            os.write(acks, b"done\n")
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
