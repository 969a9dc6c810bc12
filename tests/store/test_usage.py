"""The books answer what was used, in sums and in single calls, page by page."""

import pytest

from tests.store.entries import NOW_NS, attempt, entry, hold, usage
from weir.admin.v1.usage_admin_service_pb2 import (
    QueryUsageRequest,
    UsageFilter,
    UsageGroup,
    UsageRow,
)
from weir.v1.error_pb2 import ErrorReason
from weir.v1.usage_service_pb2 import CallRecord, CallState
from weir_server.core.errors import InvalidRequest, ResponseNotFound
from weir_server.store.books import Books
from weir_server.store.records import timestamp
from weir_server.store.usage import Usage

DAY_NS = 86_400 * 10**9
MIDNIGHT_NS = NOW_NS - NOW_NS % DAY_NS


@pytest.fixture
async def asked(books: Books) -> Usage:
    """Six calls of two tenants on two days, one failed, one without a price."""
    timeout = ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT
    day_one, day_two = MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS
    search, chat = {"app": "search"}, {"app": "chat", "env": "live"}
    rows = [
        entry(hold(tenant="a", labels=search, arrived_ns=day_one, response_id="r1"), 10),
        entry(hold(tenant="a", labels=chat, arrived_ns=day_one + 1, response_id="r2"), 20),
        entry(hold(tenant="a", arrived_ns=day_two, response_id="r3"), 30, reason=timeout),
        entry(hold(tenant="b", arrived_ns=day_two, response_id="r4"), None),
        entry(hold(tenant="b", arrived_ns=day_two + 1, response_id="r5"), 5, provider="p"),
        entry(hold(tenant="b", key="k", model="m", arrived_ns=day_two + 2, response_id="r6"), 6),
    ]
    for row in rows:
        await books.ledger.settle(row)
    return Usage(books.database)


def sums(rows: list[UsageRow], *names: str) -> list[tuple[object, ...]]:
    return [tuple(getattr(row, name) for name in (*names, "calls", "cost_nanos")) for row in rows]


@pytest.mark.parametrize(
    ("group", "name", "expected"),
    [
        (UsageGroup.USAGE_GROUP_TENANT, "tenant", [("a", 3, 60), ("b", 3, 11)]),
        (UsageGroup.USAGE_GROUP_KEY, "key", [("k", 1, 6), ("keys/one", 5, 65)]),
        (UsageGroup.USAGE_GROUP_MODEL, "model", [("m", 1, 6), ("models/fast", 5, 65)]),
        (UsageGroup.USAGE_GROUP_PROVIDER, "provider", [("p", 1, 5), ("providers/openai", 5, 66)]),
        (
            UsageGroup.USAGE_GROUP_LABEL,
            "label",
            [("", 4, 41), ("chat", 1, 20), ("search", 1, 10)],
        ),
        (
            UsageGroup.USAGE_GROUP_DAY,
            "time",
            [(timestamp(MIDNIGHT_NS), 2, 30), (timestamp(MIDNIGHT_NS + DAY_NS), 4, 41)],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_sums_by_one(
    asked: Usage, group: UsageGroup.ValueType, name: str, expected: list[tuple[object, ...]]
) -> None:
    """Each group has the sums of its calls, in the order of what it is grouped by."""
    answer = asked.query(QueryUsageRequest(group_by=[group], group_label="app"))

    assert sums(list(answer.rows), name) == expected
    assert answer.next_page_token == ""


async def test_sums_of_everything(asked: Usage) -> None:
    """Without a group there is one sum, with what failed, what has no price and what is guessed."""
    (row,) = asked.query(QueryUsageRequest()).rows

    assert (row.calls, row.failed_calls, row.unpriced_calls) == (6, 1, 1)
    assert (row.prompt_tokens, row.completion_tokens) == (60, 30)
    assert (row.cached_prompt_tokens, row.reasoning_tokens) == (18, 12)
    assert (row.cost_nanos, row.estimated_calls) == (71, 0)


async def test_sums_of_nothing(asked: Usage) -> None:
    """No call is a sum of zero, not a missing one."""
    (row,) = asked.query(QueryUsageRequest(filter=UsageFilter(tenant="nobody"))).rows

    assert row == UsageRow()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (UsageFilter(tenant="a"), ["r1", "r2", "r3"]),
        (UsageFilter(labels={"app": "chat"}), ["r2"]),
        (UsageFilter(labels={"app": "chat", "env": "test"}), []),
        (UsageFilter(start_time=timestamp(MIDNIGHT_NS + DAY_NS)), ["r3", "r4", "r5", "r6"]),
        (UsageFilter(end_time=timestamp(MIDNIGHT_NS + 1)), ["r1"]),
        (UsageFilter(provider="p"), ["r5"]),
        (UsageFilter(key="k", model="m"), ["r6"]),
        (UsageFilter(tenant="a' OR '1'='1"), []),
        (UsageFilter(labels={"app' OR 1=1 --": "x"}), []),
    ],
)
async def test_calls_are_found(asked: Usage, wanted: UsageFilter, found: list[str]) -> None:
    """All that is asked for holds together; text that is SQL is only text."""
    answer = asked.list_calls(wanted)

    assert [call.response_id for call in answer.calls] == found
    assert answer.total_size == len(found)


async def test_calls_come_in_pages(asked: Usage) -> None:
    """Each page goes on after the last, and the last says so."""
    seen, token, pages = [], "", 0
    while pages == 0 or token:
        page = asked.list_calls(UsageFilter(), page_size=4, page_token=token)
        seen += [call.response_id for call in page.calls]
        token, pages = page.next_page_token, pages + 1

    assert seen == ["r1", "r2", "r3", "r4", "r5", "r6"]
    assert pages == 2


async def test_sums_come_in_pages(asked: Usage) -> None:
    """Pages of sums go on after the last group, whatever it is made of."""
    by = [UsageGroup.USAGE_GROUP_DAY, UsageGroup.USAGE_GROUP_TENANT, UsageGroup.USAGE_GROUP_KEY]
    whole = asked.query(QueryUsageRequest(group_by=by))
    seen: list[UsageRow] = []
    token = ""
    while not seen or token:
        page = asked.query(QueryUsageRequest(group_by=by, page_size=1, page_token=token))
        seen += page.rows
        token = page.next_page_token

    assert seen == list(whole.rows)
    assert len(seen) == 4


@pytest.mark.parametrize("token", ["x", "!", "WzEsMl0", "eyJhIjoxfQ", "'; DROP TABLE calls"])
async def test_foreign_tokens_are_refused(asked: Usage, token: str) -> None:
    """A token that Weir never gave is the caller's fault, and says which field."""
    with pytest.raises(InvalidRequest) as refused:
        asked.list_calls(UsageFilter(), page_token=token)

    assert [each.field for each in refused.value.violations] == ["page_token"]


async def test_a_call_is_told_whole(books: Books) -> None:
    """All that was booked of a call comes back, with its attempts in order."""
    timeout = ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT
    held = hold(9, labels={"app": "search"}, response_id="resp_whole")
    paid = usage(20)
    failed = attempt(usage(7), charged=False, reason=timeout, provider="providers/other")
    await books.ledger.settle(entry(held, used=paid, attempts=[failed, attempt(paid)]))

    call = Usage(books.database).call("resp_whole", tenant="team")

    assert call.usage == paid
    assert call.state == CallState.CALL_STATE_SETTLED
    assert call.start_time.ToNanoseconds() == NOW_NS
    assert (call.duration.ToMicroseconds(), call.time_to_first_part.ToMicroseconds()) == (
        25_500,
        12_250,
    )
    assert dict(call.labels) == {"app": "search"}
    assert [(each.provider, each.charged, each.reason) for each in call.attempts] == [
        ("providers/other", False, timeout),
        ("providers/openai", True, 0),
    ]
    assert call.attempts[0].usage.cost.total_nanos == 7


async def test_a_running_call_is_told(books: Books) -> None:
    """A call that has not ended says so."""
    held = hold(9, response_id="resp_runs")
    await books.ledger.hold(held)

    call = Usage(books.database).call("resp_runs")

    assert (call.state, call.model) == (CallState.CALL_STATE_RUNNING, "models/fast")
    assert call == CallRecord.FromString(call.SerializeToString())


async def test_another_tenants_call_is_not_found(books: Books) -> None:
    """It looks like one that never was."""
    await books.ledger.settle(entry(hold(response_id="resp_mine", tenant="mine")))

    for response_id in ("resp_mine", "resp_never", "' OR 1=1 --"):
        with pytest.raises(ResponseNotFound):
            Usage(books.database).call(response_id, tenant="other")
