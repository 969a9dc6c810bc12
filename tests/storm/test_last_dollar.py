"""A hundred callers and the last dollar: whoever shares the books, no nano more is spent."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.store.balance import assert_books_balance
from tests.storm.forked import Forked, Forker
from tests.storm.spending import Seen, booked, budgets_of, set_budget, spend, tree
from tests.storm.trees import Record
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.upstream import FakeUpstream

CALLERS = 100
SAID_TOKENS = 50
ROUNDS_MAX = 20
ANSWER = OpenAiService(says=words(SAID_TOKENS), delay_before_headers_s=0.05)
LIMIT_NANOS = 3_000_000
"""Some 28 answers of 50 tokens; so many are let in at once as their bounds fit into it."""


async def all_at_once(servers: list[Forked]) -> list[Seen]:
    """Have every caller ask at the same moment, each second one for a stream."""
    return await asyncio.gather(
        *(
            spend(
                servers[number % len(servers)],
                team="last",
                streaming=number // len(servers) % 2 == 0,
                max_output_tokens=SAID_TOKENS,
            )
            for number in range(CALLERS)
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize(("store", "processes"), [("sqlite", 1), ("postgresql", 4)])
async def test_the_last_dollar_is_not_spent_twice(
    request: pytest.FixtureRequest,
    forks: Forker,
    tmp_path: Path,
    record_property: Record,
    store: str,
    processes: int,
) -> None:
    """All ask until nobody is let in: what is spent is what they were told, and within the limit.

    No more is left than one more call could cost. Each process has a data directory of its own,
    as on machines of their own.
    """
    url = f"sqlite:///{tmp_path}/0/ledger.db"
    if store == "postgresql":
        url = request.getfixturevalue("postgres_url")
    seen: list[Seen] = []
    async with FakeUpstream(ANSWER) as upstream, AsyncExitStack() as stack:
        # A busy machine is late with all of it, which is no reason to refuse.
        config = tree(upstream, url=url, wait_s=10.0)
        servers: list[Forked] = []
        for number in range(processes):
            serving = forks.serving(tmp_path / str(number), config)
            servers.append(await stack.enter_async_context(serving))
            if number == 0:
                await set_budget(servers[0], "last", LIMIT_NANOS, hard=True)
        rounds = 0
        while not rounds or any(each.is_whole for each in seen[-CALLERS:]):
            rounds += 1
            assert rounds <= ROUNDS_MAX
            seen += await all_at_once(servers)
        budget = (await budgets_of(servers[0]))["last"]
        asked = len(upstream.journal)
    whole = [each for each in seen if each.is_whole]
    costs = [each.cost_nanos for each in whole]
    rows = booked(url)
    let_in_first = sum(each.is_whole for each in seen[:CALLERS])
    record_property("rounds", rounds)
    record_property("let_in", len(whole))
    record_property("let_in_first", let_in_first)
    record_property("limit_nanos", LIMIT_NANOS)
    record_property("spent_nanos", budget.spent_nanos)
    assert budget.spent_nanos == sum(costs) == sum(row.cost_nanos for row in rows.values())
    assert budget.spent_nanos <= LIMIT_NANOS
    assert budget.reserved_nanos == 0
    assert Counter(each.reason for each in seen) == {
        "": len(whole),
        "BUDGET_EXCEEDED": len(seen) - len(whole),
    }
    assert len(rows) == len(whole) == asked
    assert 0 < let_in_first < CALLERS
    # What is reserved for a call is at most twice what it costs.
    assert LIMIT_NANOS - budget.spent_nanos < 2 * max(costs)
    assert_books_balance(url, nothing_open=True)
