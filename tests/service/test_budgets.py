"""Nobody spends more than a hard budget allows; a soft one tells."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest

from tests.service.asking import maybe_refused, refused
from tests.service.booked import (
    IN_NANOS,
    OUT_NANOS,
    booking,
    budget_of,
    cost_of,
    priced,
    records,
    set_budget,
)
from tests.service.weir import Weir, chat_request, hear, stream_request
from weir.admin.v1.usage_admin_service_pb2 import (
    DeleteBudgetRequest,
    ListCallsRequest,
    QueryUsageRequest,
    UsageGroup,
    WatchBudgetsRequest,
    WatchBudgetsResponse,
    WatchUsageRequest,
    WatchUsageResponse,
)
from weir.v1.generation_pb2 import FinishReason
from weir_server.admission.bound import PROMPT_MARGIN_TOKENS
from weir_server.fake_upstream.behaviour import Sse
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events
from weir_server.fake_upstream.upstream import FakeUpstream

SAID = OpenAiService(says=words(50))
ROOMY_NANOS = 10**9
PLAIN = ("time", "house", "water", "people", "world", "day", "man", "year")


def bound_nanos(prompt_tokens: int, completion_tokens: int) -> int:
    """What is reserved at least for a call, without the margin's tenth of its prompt."""
    return (prompt_tokens + PROMPT_MARGIN_TOKENS) * IN_NANOS + completion_tokens * OUT_NANOS


def talks(count: int) -> Sse:
    """An endless talker: so many words, a token each, slowly enough to be followed."""
    chunks = [
        ChatChunks().role(),
        *(ChatChunks().content(f" {PLAIN[number % len(PLAIN)]}") for number in range(count)),
    ]
    return Sse(events=encode_events(chunks, done=False), delay_between_s=0.0005)


async def test_a_spent_budget_refuses_before_anybody_is_asked(tmp_path: Path) -> None:
    """The refusal names the budget, asks not to be retried, and no provider is called."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        await set_budget(weir, 1_000)
        failure = await refused(weir.llm.Chat(chat_request("hi", model="m", max_output_tokens=5)))
        assert len(upstream.journal) == 0
        state = await budget_of(weir)
    assert failure.verdict == ("RESOURCE_EXHAUSTED", "BUDGET_EXCEEDED")
    assert failure.details["ErrorInfo"].metadata["budget"] == "budgets/b"
    assert failure.details["QuotaFailure"].violations[0].subject == "budgets/b"
    assert failure.trailers["grpc-retry-pushback-ms"] == "-1"
    assert (state.spent_nanos, state.reserved_nanos) == (0, 0)


async def test_what_is_spent_is_what_answers_cost(tmp_path: Path) -> None:
    """Nothing stays reserved, and the sum is exact to the nano."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        await set_budget(weir, ROOMY_NANOS)
        costs = []
        for number in range(5):
            request = chat_request(f"Tell me {number}", model="m", max_output_tokens=60)
            costs.append(cost_of((await weir.llm.Chat(request)).usage))
        state = await budget_of(weir)
    assert state.spent_nanos == sum(costs)
    assert state.reserved_nanos == 0


async def test_a_hundred_callers_and_the_last_dollar(tmp_path: Path) -> None:
    """All at once, each with its output capped: never a nano over the limit."""
    limit = 10 * bound_nanos(10, 50)
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        await set_budget(weir, limit)

        async def ask(number: int) -> str:
            request = chat_request(f"Tell me {number}", model="m", max_output_tokens=50)
            refusal = await maybe_refused(weir.llm.Chat(request, timeout=30))
            return refusal.reason if refusal else "OK"

        outcomes = await asyncio.gather(*map(ask, range(100)))
        state = await budget_of(weir)
    assert set(outcomes) == {"OK", "BUDGET_EXCEEDED"}
    assert 0 < state.spent_nanos <= limit
    assert state.reserved_nanos == 0


async def test_an_answer_without_a_maximum_gets_one(tmp_path: Path) -> None:
    """Under a hard budget a unary call is sent with what was reserved as its cap; else as it is."""
    ledger = {"reserve_step_tokens": 64}
    async with (
        FakeUpstream(SAID) as upstream,
        booking(priced(upstream.url), tmp_path, ledger=ledger) as weir,
    ):
        await set_budget(weir, ROOMY_NANOS)
        await weir.llm.Chat(chat_request("Tell me", model="m"))
        await set_budget(weir, ROOMY_NANOS, hard=False)
        await weir.llm.Chat(chat_request("Tell me", model="m"))
    capped, free = (attempt.json for attempt in upstream.journal)
    assert 64 in capped.values()
    assert 64 not in free.values()


async def test_a_stream_goes_on_as_long_as_its_budget_lasts(tmp_path: Path) -> None:
    """It is extended step by step, and then ends as interrupted, with its usage and its cost."""
    limit = bound_nanos(10, 4_000)
    ledger = {"reserve_step_tokens": 500}
    async with (
        FakeUpstream(talks(6_000)) as upstream,
        booking(priced(upstream.url), tmp_path, ledger=ledger) as weir,
    ):
        await set_budget(weir, limit)
        heard = await hear(weir.llm.StreamChat(stream_request("Tell me", model="m")))
        (told,) = await records(weir, 1)
        state = await budget_of(weir)
    assert heard.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert heard.failure.reason == "BUDGET_EXCEEDED"
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_INTERRUPTED
    assert heard.end.usage.completion_tokens > 1_500
    assert told.usage == heard.end.usage
    assert state.spent_nanos == cost_of(heard.end.usage) <= limit
    assert state.reserved_nanos == 0


async def test_a_stream_that_fits_is_whole(tmp_path: Path) -> None:
    """Extensions are not noticed by its reader."""
    ledger = {"reserve_step_tokens": 64}
    async with (
        FakeUpstream(OpenAiService(says=words(3_000))) as upstream,
        booking(priced(upstream.url), tmp_path, ledger=ledger) as weir,
    ):
        await set_budget(weir, ROOMY_NANOS)
        heard = await hear(weir.llm.StreamChat(stream_request("Tell me", model="m")))
        state = await budget_of(weir)
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == words(3_000)
    assert state.spent_nanos == cost_of(heard.end.usage)
    assert state.reserved_nanos == 0


async def test_a_model_without_a_price(tmp_path: Path) -> None:
    """A hard budget cannot hold what nobody can reckon; else the call is booked, unpriced."""
    async with FakeUpstream(SAID) as upstream:
        tree = priced(upstream.url)
        del tree["prices"]
        async with booking(tree, tmp_path) as weir:
            answer = await weir.llm.Chat(chat_request("Tell me", model="m"))
            await set_budget(weir, ROOMY_NANOS)
            failure = await refused(weir.llm.Chat(chat_request("Tell me", model="m")))
            await set_budget(weir, ROOMY_NANOS, hard=False)
            await weir.llm.Chat(chat_request("Tell me", model="m"))
            sums = (await weir.usage_admin.QueryUsage(QueryUsageRequest())).rows
    assert not answer.usage.HasField("cost")
    assert failure.verdict == ("FAILED_PRECONDITION", "PRICE_UNKNOWN")
    assert failure.details["ErrorInfo"].metadata["model"] == "models/m"
    assert (sums[0].calls, sums[0].unpriced_calls, sums[0].cost_nanos) == (2, 2, 0)


async def test_a_budget_of_a_label(tmp_path: Path) -> None:
    """It counts calls that carry the label, and no others."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        await set_budget(weir, 1_000, label="team=search")
        await weir.llm.Chat(chat_request("Tell me", model="m"))
        labelled = chat_request("Tell me", model="m", labels={"team": "search"})
        assert (await refused(weir.llm.Chat(labelled))).reason == "BUDGET_EXCEEDED"
        other = chat_request("Tell me", model="m", labels={"team": "maps"})
        await weir.llm.Chat(other)


async def test_a_soft_budget_tells(tmp_path: Path) -> None:
    """Each share is told once, in order, to who watches and in the log; no call is refused."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        await set_budget(weir, 300_000, hard=False)
        watch = weir.usage_admin.WatchBudgets(WatchBudgetsRequest())
        told: list[WatchBudgetsResponse] = []
        reading = asyncio.ensure_future(_read(watch, told, 3))
        await asyncio.sleep(0.1)
        for number in range(4):
            await weir.llm.Chat(chat_request(f"Tell me {number}", model="m"))
        await asyncio.wait_for(reading, 10)
        watch.cancel()
    assert [event.share for event in told] == [0.5, 0.8, 1.0]
    assert all(event.budget.name == "budgets/b" for event in told)
    logged = [line["share"] for line in weir.log_lines("budget_reached")]
    assert logged == [0.5, 0.8, 1.0]


async def _read(call: object, into: list[WatchBudgetsResponse], count: int) -> None:
    while len(into) < count:
        into.append(await call.read())  # type: ignore[attr-defined]


async def test_a_budget_ends(tmp_path: Path) -> None:
    """Once it is deleted nothing is refused; a second deletion finds none."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        await set_budget(weir, 1)
        await refused(weir.llm.Chat(chat_request("Tell me", model="m")))
        request = DeleteBudgetRequest(name="budgets/b")
        await weir.usage_admin.DeleteBudget(request)
        await weir.llm.Chat(chat_request("Tell me", model="m"))
        refusal = await refused(weir.usage_admin.DeleteBudget(request))
    assert refusal.verdict == ("NOT_FOUND", "BUDGET_NOT_FOUND")


GROUPS: Sequence[tuple[UsageGroup.ValueType, str, set[str]]] = [
    (UsageGroup.USAGE_GROUP_TENANT, "tenant", {"default"}),
    (UsageGroup.USAGE_GROUP_MODEL, "model", {"models/m"}),
    (UsageGroup.USAGE_GROUP_PROVIDER, "provider", {"providers/fake"}),
    (UsageGroup.USAGE_GROUP_LABEL, "label", {"search", "maps"}),
]


@pytest.mark.parametrize(("group", "field", "names"), GROUPS)
async def test_usage_is_summed(
    tmp_path: Path, group: UsageGroup.ValueType, field: str, names: set[str]
) -> None:
    """By whatever it is grouped, the sums are those of the single calls."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        for team in ("search", "maps", "search"):
            await weir.llm.Chat(chat_request("Tell me", model="m", labels={"team": team}))
        label = "team" if group == UsageGroup.USAGE_GROUP_LABEL else ""
        query = QueryUsageRequest(group_by=[group], group_label=label)
        rows = (await weir.usage_admin.QueryUsage(query)).rows
        calls = await records(weir, 3)
    assert {getattr(row, field) for row in rows} == names
    assert sum(row.calls for row in rows) == 3
    assert sum(row.cost_nanos for row in rows) == sum(cost_of(call.usage) for call in calls)


async def test_a_watch_follows_what_is_booked(tmp_path: Path) -> None:
    """The sums come at once, and again when a call has ended."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        request = WatchUsageRequest()
        request.interval.FromMilliseconds(100)
        watch = weir.usage_admin.WatchUsage(request)
        first = await watch.read()
        await weir.llm.Chat(chat_request("Tell me", model="m"))
        second = await asyncio.wait_for(watch.read(), 5)
        assert isinstance(first, WatchUsageResponse)
        assert isinstance(second, WatchUsageResponse)
        watch.cancel()
    assert sum(row.calls for row in first.rows) == 0
    assert [row.calls for row in second.rows] == [1]


async def test_pages_of_calls(tmp_path: Path) -> None:
    """Each call comes once, in order; the first page tells how many there are."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        for _ in range(5):
            await weir.llm.Chat(chat_request("Tell me", model="m"))
        told = await _all_pages(weir)
    assert len(told) == len(set(told)) == 5


async def _all_pages(weir: Weir) -> list[str]:
    request = ListCallsRequest(page_size=2)
    told: list[str] = []
    totals: list[int] = []
    while True:
        page = await weir.usage_admin.ListCalls(request)
        told += [call.response_id for call in page.calls]
        totals.append(page.total_size)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert totals == [5, 0, 0]
    return told
