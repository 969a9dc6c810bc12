"""Servers are killed at any moment: the books say what callers saw, and nothing stays open.

`make kill-test` kills as often as KILLS says.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from tests.service.asking import until
from tests.store.balance import assert_books_balance
from tests.storm.forked import Forked, Forker, end
from tests.storm.spending import Seen, booked, reserved, set_budget, spend, tree
from tests.storm.trees import Record
from weir.v1.usage_service_pb2 import CallState
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.store.books import INSTANCES
from weir_server.store.operations import Kind, Operation
from weir_server.store.spool import records

KILLS = int(os.environ.get("KILLS", "30")) // 2
"""For each of the two databases."""
CALLERS = 12
LOAD_S = 0.4
"""A server lives at most so long once calls come."""
ANSWER = OpenAiService(says=words(24), delay_before_headers_s=0.005, delay_between_s=0.001)
ROOMY_NANOS = 10**12
TEAMS = ("", "hard", "soft")


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(ANSWER) as upstream:
        yield upstream


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/ledger.db"
    address: str = request.getfixturevalue("postgres_url")
    return address


async def load(weir: Forked, rng: random.Random, seen: list[Seen], server: int) -> None:
    """Call until nobody answers; some callers hang up on their streams."""

    async def caller(number: int) -> None:
        count = 0
        while True:
            count += 1
            call = spend(
                weir,
                team=TEAMS[number % 3],
                streaming=number % 2 == 0,
                max_output_tokens=rng.choice((0, 24)),
                request_id=f"r-{server}-{number}-{count}",
            )
            try:
                async with asyncio.timeout(0.02 if rng.random() < 0.1 else 20):
                    told = await call
            except TimeoutError:
                continue
            seen.append(told)
            if told.reason == "UNAVAILABLE":
                return

    async with asyncio.TaskGroup() as callers:
        for number in range(CALLERS):
            callers.create_task(caller(number))


async def left_open(url: str, folder: Path) -> dict[str, int]:
    """What is reserved once the last words of a process that is gone are heard, its spool's too."""
    if url.startswith("postgresql"):
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                others = await connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                if await others.fetchone() == (0,):
                    break
                await asyncio.sleep(0.005)
    held = reserved(url)
    for segment in sorted((folder / INSTANCES).glob("*/spool-*")):
        for each in map(Operation.of_record, records(segment)):
            if each.kind in (Kind.HOLD, Kind.EXTEND):
                held[each.response_id] = max(each.nanos, held.get(each.response_id, 0))
    return held


@pytest.mark.slow
@pytest.mark.timeout(60 + 6 * KILLS)
async def test_killed_at_any_moment_of_load(
    upstream: FakeUpstream, forks: Forker, url: str, tmp_path: Path, record_property: Record
) -> None:
    """Who has a whole answer is booked with what it was told; who was lost, once, at its bound."""
    rng = random.Random(int(os.environ.get("SEED", "5")))
    patient = tree(upstream, url=url, lease_grace_s=1.0, wait_s=1.0)
    impatient = tree(upstream, url=url, lease_grace_s=1.0, wait_s=0.01)
    folder = tmp_path / "data"
    seen: list[Seen] = []
    held: dict[str, int] = {}
    for server in range(KILLS):
        # Every other server is impatient: its spool takes some of what is booked.
        config = impatient if server % 2 == 0 else patient
        async with forks.serving(folder, config) as weir:
            if server == 0:
                await set_budget(weir, "hard", ROOMY_NANOS, hard=True)
                await set_budget(weir, "soft", 10**6, hard=False)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(load(weir, rng, seen, server))
                await asyncio.sleep(rng.random() * LOAD_S)
                await end(weir.pid)
        held |= await left_open(url, folder)
    restarted_s = time.monotonic()
    async with forks.serving(folder, patient) as weir:
        await until(lambda: not reserved(url), every_s=0.1, timeout_s=30)
        cleared_s = time.monotonic() - restarted_s
        last = await spend(weir, team="soft")
        spooled = sum(line["operations"] for line in weir.log_lines("ledger_spool_booked"))
    rows = booked(url)
    seen.append(last)
    whole = {each.response_id: each.cost_nanos for each in seen if each.is_whole}
    lost = {key: row for key, row in rows.items() if row.state == CallState.CALL_STATE_UNKNOWN}
    record_property("kills", KILLS)
    record_property("whole", len(whole))
    record_property("rows", len(rows))
    record_property("lost", len(lost))
    record_property("open_at_a_kill", len(held))
    record_property("from_a_spool", spooled)
    record_property("cleared_after_s", cleared_s)
    assert last.is_whole
    assert {key: rows[key].cost_nanos for key in whole} == whole
    assert not lost.keys() & whole.keys()
    # Where no budget counts it, no bound was worked out: it is not known, which is not free.
    bounds = {key: held[key] or None for key in lost}
    assert {key: row.cost_nanos for key, row in lost.items()} == bounds
    assert held.keys() <= rows.keys()
    assert set(Counter(row.request_id for row in rows.values()).values()) == {1}
    assert_books_balance(url, nothing_open=True)
