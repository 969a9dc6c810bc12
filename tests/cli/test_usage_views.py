"""How usage, budgets and times look, without a server."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet
import pytest
from rich.console import Console

from weir.admin.v1.usage_admin_service_pb2 import (
    Budget,
    BudgetPeriod,
    UsageRow,
    WatchBudgetsResponse,
)
from weir.v1.usage_pb2 import Cost
from weir.v1.usage_service_pb2 import CallRecord
from weir_server.cli.answer import dollars
from weir_server.cli.budgets import bar, budget_of, event_words, nanos_of, words
from weir_server.cli.budgets import table as budget_table
from weir_server.cli.call_rows import COLUMNS, row_of
from weir_server.cli.calls import export, facts
from weir_server.cli.csv_text import CsvText
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server
from weir_server.cli.parquet import ParquetFile
from weir_server.cli.periods import moment
from weir_server.cli.usage import Shown, Which, run
from weir_server.cli.usage_table import bars_words, by_group, cost_words, sparkline, table

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def row(day: int, model: str, cost_nanos: int, unpriced_calls: int = 0) -> UsageRow:
    made = UsageRow(
        model=f"models/{model}", cost_nanos=cost_nanos, calls=1, unpriced_calls=unpriced_calls
    )
    made.time.FromDatetime(datetime(2026, 11, day, tzinfo=UTC))
    return made


def record(**fields: object) -> CallRecord:
    made = CallRecord(response_id="resp_1", tenant="search", model="models/fast", **fields)  # type: ignore[arg-type]
    made.start_time.FromDatetime(NOW)
    made.labels["team"] = "=1+1"
    return made


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("30min", NOW - timedelta(minutes=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T10:00:00+01:00", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ],
)
def test_times_as_people_say_them(given: str, meant: datetime) -> None:
    """So long ago, or a moment; a moment without a zone is in UTC."""
    assert moment(given, now=NOW, option="--since") == meant


def test_a_time_that_is_none() -> None:
    """The option is named, and what would do."""
    with pytest.raises(CommandError, match="--since soon: give 30min"):
        moment("soon", now=NOW, option="--since")


@pytest.mark.parametrize(
    ("nanos", "shown"),
    [(0, "0.00"), (1, "0.000000001"), (1_500_000_000, "1.50"), (-2_000, "-0.000002")],
)
def test_money_is_exact(nanos: int, shown: str) -> None:
    """Every nano shows; whole amounts have two decimals."""
    assert dollars(nanos) == shown


def test_bars_begin_with_the_least() -> None:
    """Nothing is a gap, a little is seen, the most is a whole bar."""
    assert sparkline([0, 1, 50, 100]) == " ▂▅█"
    assert sparkline([0, 0]) == "  "


def test_days_of_a_group_are_one_row() -> None:
    """Sums add up over the days, the dearest first, and a day without calls is a gap."""
    sums = by_group([row(1, "a", 5), row(1, "b", 90), row(3, "b", 10)], ["model"])
    assert [(each.total.model, each.total.cost_nanos, each.total.calls) for each in sums] == [
        ("models/b", 100, 2),
        ("models/a", 5, 1),
    ]
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(table(sums, ["model"], framed=False, drawn=True))
    _, first, second = capture.get().splitlines()
    assert first.rstrip().endswith("█ ▂")
    assert second.split()[:1] == ["a"]


def test_rows_of_days_stay_in_their_order() -> None:
    """Where the day is a group of its own, each row says which, and time goes on downwards."""
    sums = by_group([row(1, "a", 5), row(3, "a", 90)], ["day", "model"])
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(table(sums, ["day", "model"], framed=False, drawn=False))
    assert [line.split()[0] for line in capture.get().splitlines()] == [
        *("day", "2026-11-01", "2026-11-03"),
    ]


def test_the_bars_say_what_they_are() -> None:
    """They are the cost; where nothing costs anything they are tokens, rather than nothing."""
    free = row(2, "local", 0)
    free.completion_tokens = 7
    assert bars_words(by_group([row(1, "a", 5), row(3, "a", 9)], ["model"])) == (
        "bars: cost of each day, 2026-11-01 to 2026-11-03"
    )
    assert bars_words(by_group([free], ["model"])) == "bars: tokens of each day, 2026-11-02"
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(table(by_group([free], ["model"]), ["model"], framed=False, drawn=True))
    assert "█" in capture.get()


def test_an_unknown_price_is_seen() -> None:
    """A sum that leaves calls out says so."""
    assert cost_words(row(1, "a", 10**9, unpriced_calls=2)) == "1.00 + ?"


def test_groups_that_are_none_are_refused() -> None:
    """The ones there are get listed."""
    with pytest.raises(CommandError, match="choose from hour, day, tenant"):
        _ = Shown(by="week").groups
    with pytest.raises(CommandError, match="go together"):
        _ = Shown(by="label").groups


def test_short_names_become_whole_ones() -> None:
    """People leave the collection out; labels are NAME=VALUE."""
    made = Which(key="4f", model="fast", provider="providers/x", labels=("team=a=b",)).filter(NOW)
    assert (made.key, made.model, made.provider) == ("keys/4f", "models/fast", "providers/x")
    assert dict(made.labels) == {"team": "a=b"}
    with pytest.raises(CommandError, match="NAME=VALUE"):
        Which(labels=("team",)).filter(NOW)


@pytest.mark.parametrize("limit", ["a", "-1", "1.0000000001", "inf", "nan", ""])
def test_limits_that_cannot_be(limit: str) -> None:
    """Money is not rounded, and is not less than nothing."""
    with pytest.raises(CommandError, match="--limit"):
        nanos_of(limit)


def test_a_budget_of_somebody() -> None:
    """Exactly one of tenant, key and label."""
    made = budget_of(
        "b", tenant="", key="4f", label="", limit="0.1", per="day", hard=True, warn_at=()
    )
    assert (made.name, made.key, made.limit_nanos) == ("budgets/b", "keys/4f", 100_000_000)
    assert made.period == BudgetPeriod.BUDGET_PERIOD_DAY
    with pytest.raises(CommandError, match="whose"):
        budget_of("b", tenant="t", key="k", label="", limit="1", per="day", hard=True, warn_at=())


def test_a_budget_is_drawn() -> None:
    """Spent is solid, reserved is light, the rest is free."""
    budget = Budget(
        name="budgets/b",
        tenant="search",
        period=BudgetPeriod.BUDGET_PERIOD_MONTH,
        limit_nanos=100,
        spent_nanos=50,
        reserved_nanos=25,
    )
    assert bar(budget) == "█" * 10 + "▒" * 5 + "·" * 5 + " 50 %"
    assert words(budget) == (
        "b: 0.00000005 of 0.0000001 USD per month spent by tenant search (soft)"
    )
    console = Console(width=140, color_system=None)
    with console.capture() as capture:
        console.print(budget_table([budget], framed=False))
    assert "tenant search" in capture.get()


def test_events_of_a_budget_say_what_happened() -> None:
    """A share is spent, or a call was refused that could have passed the limit."""
    budget = Budget(
        name="budgets/b",
        tenant="t",
        period=BudgetPeriod.BUDGET_PERIOD_TOTAL,
        limit_nanos=10**9,
        spent_nanos=5 * 10**8,
        hard=True,
    )
    event = WatchBudgetsResponse(budget=budget, share=0.5)
    event.time.FromDatetime(NOW)
    assert event_words(event) == (
        "2026-11-25 12:00:00 UTC  50% reached: b: 0.50 of 1.00 USD in all spent by tenant t (hard)"
    )
    event.share = 1.0
    assert "limit met, a call was refused" in event_words(event)


def test_what_would_be_calculated_is_text() -> None:
    """A spreadsheet shows a label, and never runs it; numbers stay numbers."""
    out = io.StringIO(newline="")
    CsvText(out, ["label", "n"]).write([["=1+1", -5], ["@x", 2], ["fine", 3]])
    assert out.getvalue().splitlines() == ["label,n", "'=1+1,-5", "'@x,2", "fine,3"]


def test_a_call_becomes_a_row_and_back(tmp_path: Path) -> None:
    """Parquet holds every column with its type; an unknown price is null, not zero."""
    priced = record()
    priced.usage.cost.CopyFrom(Cost(currency_code="USD", total_nanos=0))
    file = tmp_path / "calls.parquet"
    with ParquetFile(file) as out:
        out.write([row_of(record()), row_of(priced)])
    read = pyarrow.parquet.read_table(file)
    assert read.column_names == list(COLUMNS)
    assert read.column("cost_nanos").to_pylist() == [None, 0]
    assert read.column("start_time").to_pylist() == [NOW, NOW]
    assert read.column("labels").to_pylist() == ['{"team": "=1+1"}'] * 2


def test_the_facts_of_a_call() -> None:
    """What is not known is left out, but for the price, whose lack is a fact."""
    said = dict(facts(record()))
    assert said["cost"] == "not known"
    assert said["labels"] == "team==1+1"
    assert "failed" not in said


def test_a_file_says_by_its_name_what_it_is(tmp_path: Path) -> None:
    """Nobody is asked for a file of which nobody knows what to write."""
    with pytest.raises(CommandError, match=r"end its name with \.csv or \.parquet"):
        export(Server(address="127.0.0.1:1"), Which(), tmp_path / "calls.xls")
    assert list(tmp_path.iterdir()) == []


def test_a_watch_is_for_people() -> None:
    """In a pipe nobody would see the table before its end."""
    with pytest.raises(CommandError, match="--watch draws at a terminal"):
        run(Server(address="127.0.0.1:1"), Which(), Shown(watch=True))
