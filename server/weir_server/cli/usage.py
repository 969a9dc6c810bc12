"""What was used, by whom, and what did it cost?"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.live import Live

import weir
from weir.admin.v1.usage_admin_service_pb2 import UsageFilter, UsageRow
from weir_server.cli.answer import as_json_line, dollars
from weir_server.cli.calling import client_of
from weir_server.cli.csv_text import CsvText
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server
from weir_server.cli.periods import moment
from weir_server.cli.terminal import Terminal
from weir_server.cli.usage_table import GROUPS, bars_words, by_group, cell, table

_WAITING = "Nothing was used yet: calls appear here as they end."
_COLUMNS = (
    *("calls", "failed_calls", "estimated_calls", "unpriced_calls"),
    *("prompt_tokens", "cached_prompt_tokens", "completion_tokens", "reasoning_tokens"),
    *("cost_nanos", "platform_cost_nanos"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which calls a question is about, as a person says it."""

    since: str = ""
    until: str = ""
    tenant: str = ""
    key: str = ""
    model: str = ""
    provider: str = ""
    labels: Sequence[str] = field(default=())

    def filter(self, now: datetime) -> UsageFilter:
        """Return the contract's filter. Raises CommandError."""
        made = UsageFilter(
            tenant=self.tenant,
            key=_named(self.key, "keys/"),
            model=_named(self.model, "models/"),
            provider=_named(self.provider, "providers/"),
            labels=dict(_label(each) for each in self.labels),
        )
        if self.since:
            made.start_time.FromDatetime(moment(self.since, now=now, option="--since"))
        if self.until:
            made.end_time.FromDatetime(moment(self.until, now=now, option="--until"))
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What sums are wanted, and how they are to be shown."""

    by: str = "model"
    label: str = ""
    as_json: bool = False
    as_csv: bool = False
    watch: bool = False

    @property
    def groups(self) -> list[str]:
        """What is grouped by. Raises CommandError for what cannot be."""
        groups = [each.strip() for each in self.by.split(",") if each.strip()]
        for group in groups:
            if group not in GROUPS:
                known = ", ".join(GROUPS)
                raise CommandError(f"--by {group}: choose from {known}.", ExitCode.USAGE)
        if ("label" in groups) != bool(self.label):
            raise CommandError("--by label and --label NAME go together.", ExitCode.USAGE)
        return groups


def run(server: Server, which: Which, shown: Shown) -> ExitCode:
    """Print sums: a table, JSON or CSV; with `watch` a table that follows every change."""
    terminal = Terminal()
    groups = shown.groups
    question = which.filter(datetime.now(UTC))
    if shown.watch:
        if not terminal.out.is_terminal:
            raise CommandError(
                "--watch draws at a terminal. In a pipe ask again and again, with --json or --csv.",
                ExitCode.USAGE,
            )
        asyncio.run(_watch(server, question, groups, shown.label, terminal))
        return ExitCode.OK
    drawn = not (shown.as_json or shown.as_csv) and "hour" not in groups and "day" not in groups
    asked = [*groups, "day"] if drawn else groups
    rows = asyncio.run(_ask(server, question, asked, shown.label))
    if shown.as_json:
        for row in rows:
            terminal.line(as_json_line(row))
    elif shown.as_csv:
        body = (
            [*(cell(row, group) for group in groups), *(getattr(row, name) for name in _COLUMNS)]
            for row in rows
        )
        CsvText(sys.stdout, [*groups, *_COLUMNS]).write(body)
    elif rows:
        _print(terminal, rows, groups, drawn=drawn)
    else:
        terminal.say(_nothing(which))
    return ExitCode.OK


def _print(
    terminal: Terminal, rows: Sequence[UsageRow], groups: Sequence[str], *, drawn: bool
) -> None:
    sums = by_group(rows, groups)
    terminal.out.print(table(sums, groups, framed=terminal.out.is_terminal, drawn=drawn))
    calls = sum(each.total.calls for each in sums)
    cost = dollars(sum(each.total.cost_nanos for each in sums))
    words = [f"{calls:,} call{'s' * (calls != 1)}", f"{cost} USD"]
    if beside := sum(each.total.platform_cost_nanos for each in sums):
        words.append(f"and {dollars(beside)} USD for attempts beside the answers")
    if unpriced := sum(each.total.unpriced_calls for each in sums):
        has = "call has" if unpriced == 1 else "calls have"
        words.append(f"{unpriced:,} {has} no known price")
    terminal.say(" · ".join(words), "dim")
    if drawn:
        terminal.say(bars_words(sums), "dim")


def _nothing(which: Which) -> str:
    """Say that no call was found, and where to look next."""
    others = (which.until, which.tenant, which.key, which.model, which.provider, *which.labels)
    if any(others):
        return "No call is like that. Leave an option out to see more."
    if which.since:
        return f"Nothing was used (--since {which.since}). Look further back, or make a call."
    return "Nothing was used yet. Make a call: weir chat Hello"


async def _ask(
    server: Server, question: UsageFilter, groups: Sequence[str], label: str
) -> list[UsageRow]:
    async with client_of(server) as client:
        wanted = [GROUPS[group] for group in groups]
        return await client.usage.query(
            *wanted, where=question, label=label, timeout_s=server.deadline_s
        )


async def _watch(
    server: Server, question: UsageFilter, groups: Sequence[str], label: str, terminal: Terminal
) -> None:
    """Draw the table anew at every change, until Ctrl-C or the end of --deadline."""
    asked = [*groups, *(["day"] if "hour" not in groups and "day" not in groups else [])]
    drawn = "day" not in groups and "hour" not in groups
    async with client_of(server) as client:
        with Live(console=terminal.out, auto_refresh=False) as live:
            while True:
                watch = client.usage.watch(
                    *(GROUPS[group] for group in asked),
                    where=question,
                    label=label,
                    timeout_s=server.deadline_s,
                )
                try:
                    async with aclosing(watch) as changes:
                        async for rows in changes:
                            sums = by_group(rows, groups)
                            shown = table(sums, groups, framed=True, drawn=drawn)
                            live.update(shown if rows else _WAITING, refresh=True)
                except weir.DeadlineExceededError:
                    # A watch has a deadline too; who set none wants to go on.
                    if server.deadline_s is not None:
                        raise


def _named(given: str, collection: str) -> str:
    """Return a resource name; people leave its collection out."""
    return given if not given or given.startswith(collection) else collection + given


def _label(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not (name and equals):
        raise CommandError(f"--where-label {given}: write NAME=VALUE.", ExitCode.USAGE)
    return name, value
