"""What the books and the counters stand on goes away under load: calls go on, nothing is lost.

`make outage-test` lets it be away for as long as OUTAGE_S says.
"""

import asyncio
import os
import resource
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.service.asking import until
from tests.services.postgres_server import PostgresServer
from tests.services.redis_server import RedisServer
from tests.store.balance import assert_books_balance
from tests.storm.forked import Forked, Forker
from tests.storm.measured import p99
from tests.storm.spending import Seen, booked, budgets_of, reserved, set_budget, spend, tree
from tests.storm.trees import Record
from weir.v1.usage_service_pb2 import CallState
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.upstream import FakeUpstream

SAID_TOKENS = 20
ANSWER = OpenAiService(says=words(SAID_TOKENS), delay_before_headers_s=0.01)
PROCESSES = 2
WELL_S, AWAY_S = 1.5, float(os.environ.get("OUTAGE_S", "3"))
CALLERS = 8
PAUSE_S = 0.03
"""Between two calls of a caller: what is measured is waiting, not a machine that is full."""
ROOMY_NANOS = 10**12
TIGHT = 100
"""Calls a minute: what two callers ask for in a few seconds."""
MINUTE_NS = 60 * 10**9
TEAMS = ("", "soft", "hard", "soft")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + AWAY_S)]

Asks = Callable[[int, int], Awaitable[Seen]]
"""Makes a call: of which caller, and his how manieth."""


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(ANSWER) as upstream:
        yield upstream


@asynccontextmanager
async def callers(ask: Asks, number: int = CALLERS) -> AsyncIterator[list[Seen]]:
    """Have so many callers ask again and again, until the block ends and the last have heard."""
    seen: list[Seen] = []
    enough = asyncio.Event()

    async def calls(caller: int) -> None:
        count = 0
        while not enough.is_set():
            count += 1
            seen.append(await ask(caller, count))
            await asyncio.sleep(PAUSE_S)

    async with asyncio.TaskGroup() as group:
        for caller in range(number):
            group.create_task(calls(caller))
        try:
            yield seen
        finally:
            enough.set()


def of_a_team(weir: Forked) -> Asks:
    """Ask for a team, every other call as a stream; each call says which team's it is."""

    def ask(caller: int, count: int) -> Awaitable[Seen]:
        team = TEAMS[caller % len(TEAMS)]
        return spend(
            weir,
            team=team,
            streaming=count % 2 == 0,
            max_output_tokens=SAID_TOKENS,
            request_id=f"{team}-{caller}-{count}",
        )

    return ask


def assert_ledgered(url: str, seen: Sequence[Seen]) -> None:
    """Each whole answer has one row that says what its caller was told; no other call cost any."""
    rows = booked(url)
    whole = {each.response_id: each.cost_nanos for each in seen if each.is_whole}
    settled = {
        key: row.cost_nanos
        for key, row in rows.items()
        if row.state == CallState.CALL_STATE_SETTLED and row.cost_nanos
    }
    assert settled == whole
    assert not {key for key, row in rows.items() if row.state == CallState.CALL_STATE_UNKNOWN}
    assert_books_balance(url, nothing_open=True)


@pytest.mark.parametrize("way", ["hangs", "stops"])
async def test_postgresql_goes_away_under_load(
    postgres: PostgresServer,
    postgres_url: str,
    upstream: FakeUpstream,
    forks: Forker,
    tmp_path: Path,
    record_property: Record,
    way: str,
) -> None:
    """Calls are answered, or refused where a hard budget counts; all is booked exactly once."""
    loop = asyncio.get_running_loop()
    config = tree(upstream, url=postgres_url)
    async with forks.serving(tmp_path / "data", config) as weir:
        await set_budget(weir, "hard", ROOMY_NANOS, hard=True)
        await set_budget(weir, "soft", ROOMY_NANOS, hard=False)
        async with callers(of_a_team(weir)) as seen:
            await asyncio.sleep(WELL_S)
            away_s = loop.time()
            if way == "hangs":
                postgres.pause()
            else:
                await asyncio.to_thread(postgres.stop)
            try:
                await asyncio.sleep(AWAY_S)
            finally:
                if way == "hangs":
                    postgres.go_on()
                else:
                    await asyncio.to_thread(postgres.start)
            back_s = loop.time()
            await until(lambda: bool(weir.log_lines("ledger_spool_booked")))
            await asyncio.sleep(WELL_S)
        await until(lambda: not reserved(postgres_url), every_s=0.1)
        budgets = await budgets_of(weir)
        spooled = sum(line["operations"] for line in weir.log_lines("ledger_spool_booked"))
        last = await spend(weir, team="hard")
    before = [each for each in seen if each.begun_s + each.took_s < away_s]
    during = [each for each in seen if away_s < each.begun_s < back_s]
    refused = Counter(each.reason for each in seen if not each.is_whole)
    record_property("calls", len(seen))
    record_property("whole_while_away", sum(each.is_whole for each in during))
    record_property("refused", dict(refused))
    record_property("from_the_spool", spooled)
    record_property("p99_before_ms", 1000 * p99([each.took_s for each in before]))
    record_property("p99_while_away_ms", 1000 * p99([each.took_s for each in during]))
    assert refused.keys() == {"LEDGER_UNAVAILABLE"}
    assert sum(each.is_whole for each in during) > 10
    assert last.is_whole
    assert_ledgered(postgres_url, [*seen, last])
    rows = booked(postgres_url).values()
    by_team: Counter[str] = Counter()
    for row in rows:
        by_team[row.labels.get("team", "")] += row.cost_nanos or 0
    assert budgets["soft"].spent_nanos == by_team["soft"]
    assert set(Counter(row.request_id for row in rows).values()) == {1}


async def test_redis_hangs_under_load(
    redis: RedisServer,
    upstream: FakeUpstream,
    forks: Forker,
    tmp_path: Path,
    record_property: Record,
) -> None:
    """Every call is answered, hardly later than before, and hardly more are let in than may be."""
    loop = asyncio.get_running_loop()
    config = tree(upstream, url=None)
    config["models"] = [
        {"name": name, "provider": "fake", "vendor_model": "vendor-m"} for name in ("m", "tight")
    ]
    config["redis"] = {"url": redis.url}
    config["rates"] = {
        # Left out, it is found out within some seconds of the last one's start.
        "replicas": PROCESSES,
        "default": {"requests_per_minute": 10**6, "concurrent_calls": 10**4},
        "models": {"tight": {"requests_per_minute": TIGHT}},
    }
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(forks.serving(tmp_path / str(number), config))
            for number in range(PROCESSES)
        ]

        def ask(caller: int, count: int) -> Awaitable[Seen]:
            return spend(
                servers[caller % PROCESSES],
                model="tight" if caller >= CALLERS - 2 else "m",
                streaming=count % 2 == 0,
                request_id=f"{caller}-{count}",
            )

        async with callers(ask) as seen:
            await asyncio.sleep(WELL_S)
            away_s = loop.time()
            redis.pause()
            try:
                await asyncio.sleep(AWAY_S)
            finally:
                redis.go_on()
            back_s = loop.time()
            await until(lambda: all(server.log_lines("redis_back") for server in servers))
            await asyncio.sleep(2 * WELL_S)
    urls = [_file(tmp_path / str(number)) for number in range(PROCESSES)]
    rows = [row for url in urls for row in booked(url).values()]
    before = [each for each in seen if each.is_whole and each.begun_s + each.took_s < away_s]
    during = [each for each in seen if each.is_whole and away_s < each.begun_s < back_s]
    refused = Counter(each.reason for each in seen if not each.is_whole)
    tight = most_in_a_minute([row.arrived_ns for row in rows if row.model == "models/tight"])
    before_s, during_s = p99([each.took_s for each in before]), p99([e.took_s for e in during])
    record_property("calls", len(seen))
    record_property("answered_while_away", len(during))
    record_property("refused_by_the_limit", dict(refused))
    record_property("p99_before_ms", 1000 * before_s)
    record_property("p99_while_away_ms", 1000 * during_s)
    record_property("added_p99_ms (promised: 60 at most)", 1000 * (during_s - before_s))
    record_property("admitted_of_the_limit", tight / TIGHT)
    # Only who asks for more than the limit is refused.
    assert refused.keys() == {"RATE_LIMITED"}
    assert len(during) > 10
    # The machine's own pauses are in it: this tells waiting for 20 ms from waiting for Redis.
    assert during_s - before_s < 1.0
    assert 0.9 * TIGHT <= tight <= 1.1 * TIGHT
    for url in urls:
        assert_books_balance(url, nothing_open=True)


def most_in_a_minute(at_ns: Sequence[int]) -> int:
    """Return how many of these moments lie within the fullest minute."""
    at_ns = sorted(at_ns)
    return max(bisect_left(at_ns, begin_ns + MINUTE_NS) - nth for nth, begin_ns in enumerate(at_ns))


def _file(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"


async def test_a_full_disk_refuses_and_loses_nothing(
    upstream: FakeUpstream, forks: Forker, tmp_path: Path, record_property: Record
) -> None:
    """Once neither the database nor the spool can grow, calls are refused until there is room."""
    folder = tmp_path / "data"
    url = _file(folder)
    config = tree(upstream, url=None, spool_max_bytes=64 * 1024)
    async with forks.serving(folder, config) as weir:
        await set_budget(weir, "soft", ROOMY_NANOS, hard=False)
        await set_budget(weir, "hard", ROOMY_NANOS, hard=True)
        async with callers(of_a_team(weir)) as seen:
            await asyncio.sleep(0.3)
            with files_up_to(weir, max(each.stat().st_size for each in folder.glob("ledger.db*"))):
                await until(lambda: bool(weir.log_lines("ledger_spool_full")), timeout_s=40)
                full = len(seen)
                await until(lambda: len(seen) > full + 5 * CALLERS)
                at_full = seen[full + 2 * CALLERS :]
            await until(lambda: bool(weir.log_lines("ledger_spool_booked")))
            await asyncio.sleep(0.5)
        await until(lambda: not reserved(url), every_s=0.1)
        budgets = await budgets_of(weir)
        last = await spend(weir, team="hard")
    refused = Counter(each.reason for each in seen if not each.is_whole)
    record_property("calls", len(seen))
    record_property("refused", dict(refused))
    assert last.is_whole
    assert refused.keys() == {"LEDGER_UNAVAILABLE"}
    assert {each.reason for each in at_full} == {"LEDGER_UNAVAILABLE"}
    whole = {each.response_id: each.cost_nanos for each in seen if each.is_whole}
    rows = booked(url)
    assert {key: rows[key].cost_nanos for key in whole} == whole
    assert_books_balance(url, nothing_open=True)
    assert budgets["soft"].reserved_nanos == 0
    assert not weir.log_lines("ledger_forgets")


@contextmanager
def files_up_to(weir: Forked, size: int) -> Iterator[None]:
    """Let no file of a server grow any larger, as on a full disk."""
    soft, hard = resource.prlimit(weir.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(weir.pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(weir.pid, resource.RLIMIT_FSIZE, (soft, hard))
