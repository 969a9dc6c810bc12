"""How much may be spent, and how much is?"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from rich import box
from rich.table import Table
from rich.text import Text

import weir
from weir.admin.v1.usage_admin_service_pb2 import Budget, BudgetPeriod, WatchBudgetsResponse
from weir_server.cli.answer import as_json_line, dollars
from weir_server.cli.calling import client_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server
from weir_server.cli.periods import moment
from weir_server.cli.terminal import Terminal, visible

BAR_CELLS = 20


def show(server: Server, *, as_json: bool) -> ExitCode:
    """Print the budgets, with what is spent of each."""
    terminal = Terminal()
    budgets = asyncio.run(_list(server))
    if as_json:
        for budget in budgets:
            terminal.line(as_json_line(budget))
    elif budgets:
        terminal.out.print(table(budgets, framed=terminal.out.is_terminal))
    else:
        terminal.say("There are none. `weir budgets set --help` tells how to make one.")
    return ExitCode.OK


def put(server: Server, budget: Budget, *, as_json: bool) -> ExitCode:
    """Make a budget or change it, and print it."""
    terminal = Terminal()
    made = asyncio.run(_set(server, budget))
    terminal.line(as_json_line(made) if as_json else words(made))
    return ExitCode.OK


def delete(server: Server, name: str) -> ExitCode:
    """End a budget."""
    asyncio.run(_delete(server, full_name(name)))
    Terminal().say(f"{name} is no budget any more.")
    return ExitCode.OK


def watch(server: Server, *, since: str, as_json: bool) -> ExitCode:
    """Print what happens to budgets, a line each, until Ctrl-C.

    since: from when, as a person says it; empty: from now on.
    """
    begin = moment(since, now=datetime.now(UTC), option="--since") if since else None
    asyncio.run(_watch(server, Terminal(), begin, as_json=as_json))
    return ExitCode.OK


def budget_of(
    name: str,
    *,
    tenant: str,
    key: str,
    label: str,
    limit: str,
    per: str,
    hard: bool,
    warn_at: Sequence[float],
) -> Budget:
    """Return the contract's budget. Raises CommandError for what cannot be."""
    if sum(map(bool, (tenant, key, label))) != 1:
        raise CommandError("Say whose it is: --tenant, --key or --label.", ExitCode.USAGE)
    budget = Budget(
        name=full_name(name),
        period=BudgetPeriod.Value(f"BUDGET_PERIOD_{per.upper()}"),
        limit_nanos=nanos_of(limit),
        hard=hard,
        warn_at=warn_at,
    )
    if tenant:
        budget.tenant = tenant
    elif key:
        budget.key = key if key.startswith("keys/") else f"keys/{key}"
    else:
        budget.label = label
    return budget


def nanos_of(limit: str) -> int:
    """Return a number of dollars in billionths, exactly. Raises CommandError."""
    try:
        nanos = Decimal(limit) * 1_000_000_000
        whole = int(nanos)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise CommandError(
            f"--limit {limit}: give US dollars such as 250.", ExitCode.USAGE
        ) from error
    if whole != nanos or whole < 0:
        raise CommandError(
            f"--limit {limit}: give at least 0, with at most nine decimals.", ExitCode.USAGE
        )
    return whole


def full_name(name: str) -> str:
    """Return a resource name; people leave its collection out."""
    return name if name.startswith("budgets/") else f"budgets/{name}"


def table(budgets: Sequence[Budget], *, framed: bool) -> Table:
    """Return the budgets in columns, each with a bar of what is spent and reserved."""
    shown = Table(box=box.ROUNDED if framed else None, header_style="bold", pad_edge=framed)
    for name in ("budget", "whose", "per", "kind"):
        shown.add_column(name, overflow="fold")
    for name in ("limit (USD)", "spent", "reserved"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for budget in budgets:
        share = _share(budget.spent_nanos, budget.limit_nanos)
        shown.add_row(
            Text(visible(budget.name.removeprefix("budgets/"))),
            Text(visible(scope_words(budget))),
            Text(period_words(budget)),
            Text("hard" if budget.hard else "soft"),
            Text(dollars(budget.limit_nanos)),
            Text(dollars(budget.spent_nanos)),
            Text(dollars(budget.reserved_nanos)),
            Text(bar(budget), style="red" if share >= 1 else "yellow" if share >= 0.8 else "green"),
        )
    return shown


def bar(budget: Budget) -> str:
    """Return what is spent of the limit as full cells, what is reserved as light ones."""
    if budget.limit_nanos <= 0:
        return ""
    spent = min(BAR_CELLS, budget.spent_nanos * BAR_CELLS // budget.limit_nanos)
    both = budget.spent_nanos + budget.reserved_nanos
    reserved = min(BAR_CELLS, both * BAR_CELLS // budget.limit_nanos) - spent
    percent = budget.spent_nanos * 100 // budget.limit_nanos
    free = BAR_CELLS - spent - reserved
    return "█" * spent + "▒" * reserved + "·" * free + f" {percent} %"


def words(budget: Budget) -> str:
    """Return a budget in one line."""
    kind = "hard" if budget.hard else "soft"
    return (
        f"{budget.name.removeprefix('budgets/')}: {dollars(budget.spent_nanos)} of "
        f"{dollars(budget.limit_nanos)} USD {_period_phrase(budget)} spent by "
        f"{scope_words(budget)} ({kind})"
    )


def scope_words(budget: Budget) -> str:
    """Return whose spending a budget counts."""
    match budget.WhichOneof("scope"):
        case "key":
            return f"key {budget.key.removeprefix('keys/')}"
        case "tenant":
            return f"tenant {budget.tenant}"
        case _:
            return f"label {budget.label}"


def period_words(budget: Budget) -> str:
    """Return `day`, `month` or `total`."""
    names: dict[int, str] = {number: name for name, number in BudgetPeriod.items()}
    return names.get(budget.period, "").removeprefix("BUDGET_PERIOD_").lower()


def _period_phrase(budget: Budget) -> str:
    if budget.period == BudgetPeriod.BUDGET_PERIOD_TOTAL:
        return "in all"
    return f"per {period_words(budget)}"


def event_words(event: WatchBudgetsResponse) -> str:
    """Return what happened to a budget in one line."""
    time = event.time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
    budget = event.budget
    what = f"{event.share:.0%} reached"
    if event.share >= 1 and budget.hard and budget.spent_nanos < budget.limit_nanos:
        what = "limit met, a call was refused"
    return f"{time} UTC  {what}: {words(budget)}"


def _share(spent: int, limit: int) -> float:
    return spent / limit if limit else float(spent > 0)


async def _list(server: Server) -> list[Budget]:
    async with client_of(server) as client:
        return await client.usage.budgets(timeout_s=server.deadline_s)


async def _set(server: Server, budget: Budget) -> Budget:
    async with client_of(server) as client:
        return await client.usage.set_budget(budget, timeout_s=server.deadline_s)


async def _delete(server: Server, name: str) -> None:
    async with client_of(server) as client:
        await client.usage.delete_budget(name, timeout_s=server.deadline_s)


async def _watch(
    server: Server, terminal: Terminal, since: datetime | None, *, as_json: bool
) -> None:
    async with client_of(server) as client:
        while True:
            watching = client.usage.watch_budgets(since=since, timeout_s=server.deadline_s)
            try:
                async with aclosing(watching) as events:
                    async for event in events:
                        since = event.time.ToDatetime(tzinfo=UTC) + timedelta(microseconds=1)
                        terminal.line(as_json_line(event) if as_json else event_words(event))
            except weir.DeadlineExceededError:
                # A watch has a deadline too; who set none wants to go on.
                if server.deadline_s is not None:
                    raise
