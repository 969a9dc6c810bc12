"""What can be typed to see and bound what is spent? `weir usage`, `weir calls`, `weir budgets`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from weir_server.cli.operating import refuse_options_before
from weir_server.cli.options import (
    DEFAULT_ADDRESS,
    Address,
    ApiKey,
    AsJson,
    Deadline,
    TlsCa,
    TlsCert,
    TlsKey,
)
from weir_server.cli.starting import exit_after, server_of

_WHICH = "Which calls"

Since = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="From when: 12h, 30d, 4w ago, or a date. Without it: from the beginning.",
        rich_help_panel=_WHICH,
        show_default=False,
    ),
]
Recent = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="TIME",
        help="From when: 12h, 30d, 4w ago, or a date.",
        rich_help_panel=_WHICH,
    ),
]
Until = Annotated[
    str,
    typer.Option(metavar="TIME", help="Until when.", rich_help_panel=_WHICH, show_default=False),
]
Tenant = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Of this tenant.", rich_help_panel=_WHICH, show_default=False
    ),
]
Key = Annotated[
    str,
    typer.Option(metavar="ID", help="Of this key.", rich_help_panel=_WHICH, show_default=False),
]
Model = Annotated[
    str,
    typer.Option(metavar="NAME", help="Of this model.", rich_help_panel=_WHICH, show_default=False),
]
Provider = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Of this provider.", rich_help_panel=_WHICH, show_default=False
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--where-label",
        metavar="NAME=VALUE",
        help="With this label; may be given again.",
        rich_help_panel=_WHICH,
        show_default=False,
    ),
]
BudgetName = Annotated[str, typer.Argument(metavar="NAME", help="The budget.", show_default=False)]

calls = typer.Typer(
    name="calls",
    help="See what one call used, or take all of them home.",
    epilog="Example: weir calls export november.csv --since 2026-11-01",
    rich_markup_mode="rich",
    no_args_is_help=True,
)
budgets = typer.Typer(
    name="budgets",
    help="See and set how much may be spent.",
    epilog="Example: weir budgets set search --tenant search --limit 250 --per month",
    rich_markup_mode="rich",
)


def usage(
    by: Annotated[
        str,
        typer.Option(
            metavar="GROUPS",
            help="What to sum by, with commas: hour, day, tenant, key, model, provider, label.",
        ),
    ] = "model",
    label: Annotated[
        str,
        typer.Option(metavar="NAME", help="Which label `--by label` means.", show_default=False),
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Follow every change.")] = False,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")] = False,
    since: Recent = "30d",
    until: Until = "",
    tenant: Tenant = "",
    key: Key = "",
    model: Model = "",
    provider: Provider = "",
    labels: Labels = None,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """See what was used, by whom, and what it cost: each day of a group is a small bar."""
    if as_json + as_csv + watch > 1:
        raise typer.BadParameter("Choose one of --json, --csv and --watch.")
    from weir_server.cli import usage as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    which = doing.Which(
        since=since,
        until=until,
        tenant=tenant,
        key=key,
        model=model,
        provider=provider,
        labels=labels or (),
    )
    shown = doing.Shown(by=by, label=label, as_json=as_json, as_csv=as_csv, watch=watch)
    exit_after(lambda: doing.run(server, which, shown), server)


@calls.callback()
def calls_root() -> None:
    """See what single calls used."""


@calls.command("show", epilog="Example: weir calls show resp_0f3a")
def show_call(
    response_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="The answer's identity: weir-response-id.", show_default=False
        ),
    ],
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """See what one call used, also where its answer never came."""
    from weir_server.cli import calls as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.show(server, response_id, as_json=as_json), server)


@calls.command("export", epilog="Example: weir calls export november.csv --since 2026-11-01")
def export_calls(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Where to: a name ending with .csv or .parquet.",
            show_default=False,
        ),
    ],
    since: Since = "",
    until: Until = "",
    tenant: Tenant = "",
    key: Key = "",
    model: Model = "",
    provider: Provider = "",
    labels: Labels = None,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Write calls into a file, a row each: what was used, never what was said."""
    from weir_server.cli import calls as doing
    from weir_server.cli.usage import Which

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    which = Which(
        since=since,
        until=until,
        tenant=tenant,
        key=key,
        model=model,
        provider=provider,
        labels=labels or (),
    )
    exit_after(lambda: doing.export(server, which, file), server)


@budgets.callback(invoke_without_command=True)
def show_budgets(
    context: typer.Context,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """See how much may be spent, and how much is."""
    if context.invoked_subcommand is not None:
        refuse_options_before(context, context.invoked_subcommand)
        return
    from weir_server.cli import budgets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.show(server, as_json=as_json), server)


@budgets.command("list", epilog="Example: weir budgets list --json")
def list_budgets(
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """See how much may be spent, and how much is; `weir budgets` alone does it too."""
    from weir_server.cli import budgets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.show(server, as_json=as_json), server)


@budgets.command(
    "set", epilog="Example: weir budgets set search --tenant search --limit 250 --per month"
)
def set_budget(
    name: BudgetName,
    limit: Annotated[
        str, typer.Option(metavar="USD", help="How much, in US dollars.", show_default=False)
    ],
    tenant: Annotated[
        str, typer.Option(metavar="NAME", help="Spent by this tenant.", show_default=False)
    ] = "",
    key: Annotated[
        str, typer.Option(metavar="ID", help="Spent with this key.", show_default=False)
    ] = "",
    label: Annotated[
        str,
        typer.Option(metavar="NAME=VALUE", help="Spent under this label.", show_default=False),
    ] = "",
    per: Annotated[
        Literal["day", "month", "total"], typer.Option(help="When it begins anew, in UTC.")
    ] = "month",
    hard: Annotated[
        bool,
        typer.Option(
            "--hard/--soft", help="Refuse calls that could pass it, or only tell when it is passed."
        ),
    ] = True,
    warn_at: Annotated[
        list[float] | None,
        typer.Option(
            metavar="0..1",
            help="Share at which it is told; may be given again. Without it: 0.5, 0.8 and 1.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Make a budget, or change the one of that name."""
    from weir_server.cli import budgets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(
        lambda: doing.put(
            server,
            doing.budget_of(
                name,
                tenant=tenant,
                key=key,
                label=label,
                limit=limit,
                per=per,
                hard=hard,
                warn_at=warn_at or (),
            ),
            as_json=as_json,
        ),
        server,
    )


@budgets.command("delete", epilog="Example: weir budgets delete search")
def delete_budget(
    name: BudgetName,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """End a budget. What was spent stays in the ledger."""
    from weir_server.cli import budgets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.delete(server, name), server)


@budgets.command("watch", epilog="Example: weir budgets watch --json")
def watch_budgets(
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="From when: 12h, 30d, 4w ago, or a date. Without it: from now on.",
            show_default=False,
        ),
    ] = "",
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Print each share of a limit as it is reached, until Ctrl-C."""
    from weir_server.cli import budgets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.watch(server, since=since, as_json=as_json), server)
