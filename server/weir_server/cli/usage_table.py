"""How does usage look? One row for each group, with its days drawn as a line of small bars."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from rich import box
from rich.table import Table
from rich.text import Text

from weir.admin.v1.usage_admin_service_pb2 import UsageGroup, UsageRow
from weir_server.cli.terminal import visible

BARS = "▁▂▃▄▅▆▇█"
DAYS_MAX = 31
"""So many days are drawn, the last ones."""
GROUPS: Mapping[str, UsageGroup.ValueType] = {
    name.removeprefix("USAGE_GROUP_").lower(): number for name, number in UsageGroup.items()[1:]
}
"""What can be grouped by, as people write it."""
_SUMMED = (
    "calls",
    "failed_calls",
    "prompt_tokens",
    "completion_tokens",
    "cached_prompt_tokens",
    "reasoning_tokens",
    "cost_nanos",
    "unpriced_calls",
    "platform_cost_nanos",
    "estimated_calls",
)
_PREFIXES = {"key": "keys/", "model": "models/", "provider": "providers/"}


@dataclass(slots=True)
class Sum:
    """What one group used, and what of it on each day."""

    total: UsageRow
    days: dict[date, UsageRow] = field(default_factory=dict)


def by_group(rows: Iterable[UsageRow], groups: Sequence[str]) -> list[Sum]:
    """Join rows that are grouped by `groups` and by day, the days of one group into one."""
    sums: dict[tuple[str, ...], Sum] = {}
    for row in rows:
        key = tuple(cell(row, group) for group in groups)
        joined = sums.get(key)
        if joined is None:
            total = UsageRow()
            total.CopyFrom(row)
            total.ClearField("time") if "hour" not in groups else None
            joined = sums[key] = Sum(total=total)
        else:
            for name in _SUMMED:
                setattr(joined.total, name, getattr(joined.total, name) + getattr(row, name))
        joined.days[_day(row)] = row
    return sorted(sums.values(), key=lambda each: -each.total.cost_nanos)


def cell(row: UsageRow, group: str) -> str:
    """Return what a row is grouped by, as people write it."""
    match group:
        case "day":
            return _day(row).isoformat()
        case "hour":
            return row.time.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:00")
        case "label":
            return row.label
        case _:
            return str(getattr(row, group)).removeprefix(_PREFIXES.get(group, ""))


def table(sums: Sequence[Sum], groups: Sequence[str], *, framed: bool, drawn: bool) -> Table:
    """Return the sums in columns. drawn: with a line of bars, one for each day's cost."""
    shown = Table(box=box.ROUNDED if framed else None, header_style="bold", pad_edge=framed)
    for group in groups:
        shown.add_column(group, overflow="fold")
    for name in ("calls", "failed", "prompt", "answer", "cost (USD)"):
        shown.add_column(name, justify="right", no_wrap=True)
    if drawn:
        shown.add_column("days", no_wrap=True)
    first, last = _range(sums)
    for each in sums:
        total = each.total
        cells = [
            *(visible(cell(total, group)) or "-" for group in groups),
            f"{total.calls:,}",
            f"{total.failed_calls:,}",
            f"{total.prompt_tokens:,}",
            f"{total.completion_tokens:,}",
            cost_words(total),
        ]
        if drawn:
            cells.append(sparkline([_cost_of(each, day) for day in _days(first, last)]))
        shown.add_row(*map(Text, cells))
    return shown


def cost_words(row: UsageRow) -> str:
    """Return a cost such as `1.25`; `?` says that the price of some calls is not known."""
    words = dollars(row.cost_nanos)
    return f"{words} + ?" if row.unpriced_calls else words


def dollars(nanos: int) -> str:
    """Return an amount exactly, with at least two decimals, such as `0.000123` or `1.50`."""
    whole, rest = divmod(abs(nanos), 1_000_000_000)
    sign = "-" if nanos < 0 else ""
    return f"{sign}{whole:,}." + f"{rest:09d}".rstrip("0").ljust(2, "0")


def sparkline(values: Sequence[int]) -> str:
    """Return one small bar for each value; nothing at all is a gap, and the least is a bar."""
    most = max(values, default=0)
    if most <= 0:
        return " " * len(values)
    return "".join(
        " " if value <= 0 else BARS[(value * (len(BARS) - 1) + most - 1) // most]
        for value in values
    )


def _cost_of(each: Sum, day: date) -> int:
    row = each.days.get(day)
    return row.cost_nanos if row is not None else 0


def _range(sums: Sequence[Sum]) -> tuple[date, date]:
    days = [day for each in sums for day in each.days]
    return (min(days), max(days)) if days else (date.min, date.min)


def _days(first: date, last: date) -> list[date]:
    first = max(first, last - timedelta(days=DAYS_MAX - 1)) if last > date.min else first
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _day(row: UsageRow) -> date:
    return datetime.fromtimestamp(row.time.seconds, UTC).date()
