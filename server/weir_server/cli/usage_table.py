"""How does usage look? One row for each group, with its days drawn as a line of small bars."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from rich import box
from rich.table import Table
from rich.text import Text

from weir.admin.v1.usage_admin_service_pb2 import UsageGroup, UsageRow
from weir_server.cli.answer import dollars
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
_TIMES = frozenset(("hour", "day"))
_PREFIXES = {"key": "keys/", "model": "models/", "provider": "providers/"}


@dataclass(slots=True)
class Sum:
    """What one group used, and what of it on each day."""

    total: UsageRow
    days: dict[date, UsageRow] = field(default_factory=dict)


def by_group(rows: Iterable[UsageRow], groups: Sequence[str]) -> list[Sum]:
    """Join rows that are grouped by `groups` and by day, the days of one group into one.

    The dearest group comes first; where time is one of the groups, the rows stay as they came.
    """
    sums: dict[tuple[str, ...], Sum] = {}
    for row in rows:
        key = tuple(cell(row, group) for group in groups)
        joined = sums.get(key)
        if joined is None:
            total = UsageRow()
            total.CopyFrom(row)
            if not _TIMES & set(groups):
                total.ClearField("time")
            joined = sums[key] = Sum(total=total)
        else:
            for name in _SUMMED:
                setattr(joined.total, name, getattr(joined.total, name) + getattr(row, name))
        joined.days[_day(row)] = row
    if _TIMES & set(groups):
        return list(sums.values())
    return sorted(sums.values(), key=lambda each: (-each.total.cost_nanos, -_tokens(each.total)))


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
    """Return the sums in columns. drawn: with a line of bars, one for each day."""
    shown = Table(box=box.ROUNDED if framed else None, header_style="bold", pad_edge=framed)
    for group in groups:
        shown.add_column(group, overflow="fold")
    for name in ("calls", "failed", "prompt", "answer", "cost (USD)"):
        shown.add_column(name, justify="right", no_wrap=True)
    if drawn:
        shown.add_column("days", no_wrap=True)
    days = days_of(sums)
    height = _height(sums)
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
            used = (each.days.get(day) for day in days)
            cells.append(sparkline([height(row) if row is not None else 0 for row in used]))
        shown.add_row(*map(Text, cells))
    return shown


def cost_words(row: UsageRow) -> str:
    """Return a cost such as `1.25`; `?` says that the price of some calls is not known."""
    words = dollars(row.cost_nanos)
    return f"{words} + ?" if row.unpriced_calls else words


def sparkline(values: Sequence[int]) -> str:
    """Return one small bar for each value; nothing at all is a gap, and the least is a bar."""
    most = max(values, default=0)
    if most <= 0:
        return " " * len(values)
    return "".join(
        " " if value <= 0 else BARS[(value * (len(BARS) - 1) + most - 1) // most]
        for value in values
    )


def bars_words(sums: Sequence[Sum]) -> str:
    """Return what the bars say, such as `bars: cost of each day, 2026-11-20 to 2026-11-25`."""
    days = days_of(sums)
    if not days:
        return ""
    span = days[0].isoformat()
    if len(days) > 1:
        span += f" to {days[-1].isoformat()}"
    return f"bars: {'cost' if _is_priced(sums) else 'tokens'} of each day, {span}"


def days_of(sums: Sequence[Sum]) -> list[date]:
    """Return the days that are drawn: from the first that was used to the last, without a gap."""
    used = [day for each in sums for day in each.days]
    if not used:
        return []
    last = max(used)
    first = max(min(used), last - timedelta(days=DAYS_MAX - 1))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _height(sums: Sequence[Sum]) -> Callable[[UsageRow], int]:
    """Return what a bar's height is: the cost, or the tokens where nothing costs anything."""
    return (lambda row: row.cost_nanos) if _is_priced(sums) else _tokens


def _is_priced(sums: Sequence[Sum]) -> bool:
    return any(each.total.cost_nanos for each in sums)


def _tokens(row: UsageRow) -> int:
    return row.prompt_tokens + row.completion_tokens


def _day(row: UsageRow) -> date:
    return datetime.fromtimestamp(row.time.seconds, UTC).date()
