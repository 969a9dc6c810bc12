"""What can an operator type after `weir keys`? The commands that make, show and end keys."""

from typing import Annotated

import typer

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

KeyName = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The key, as `weir keys list` shows it.", show_default=False
    ),
]

keys = typer.Typer(
    name="keys",
    help="Make the keys that callers need, see them, and end them.\n\nEach needs an operator's key "
    "in WEIR_API_KEY where the server asks for keys; the first one is in operator.key in its data "
    "directory.",
    epilog="Example: weir keys create --tenant search --model fast",
    rich_markup_mode="rich",
    no_args_is_help=True,
)


@keys.command(
    help="Make a key.\n\nIts secret is printed alone, this once; what else is said goes to "
    "standard error.",
    epilog="Example: weir keys create --tenant search --model fast --expires-in 90d > search.key",
)
def create(
    tenant: Annotated[str, typer.Option(metavar="NAME", help="Whose it is: who pays.")],
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="What people call it.", show_default=False)
    ] = "",
    operator: Annotated[
        bool, typer.Option("--operator", help="Who holds it may also configure, and see all.")
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A model that it may use, a trailing * for anything; several times for several. "
            "Without it: all.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A label that each of its calls carries."),
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Calls that may be made with it.")
    ] = None,
    tokens_per_minute: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tokens, in and out together.")
    ] = None,
    concurrent_calls: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Calls at a time.")
    ] = None,
    expires_in: Annotated[
        str,
        typer.Option(
            metavar="SPAN", help="When it ends by itself, such as 90d or 12h.", show_default=False
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
    """Make a key."""
    from weir_server.cli import keys as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    wanted = doing.Wanted(
        tenant=tenant,
        display_name=name,
        operator=operator,
        models=model or (),
        labels=label or (),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        concurrent_calls=concurrent_calls,
        expires_in=expires_in,
    )
    exit_after(lambda: doing.create(server, wanted, as_json=as_json), server)


@keys.command("list", epilog="Example: weir keys list --tenant search")
def list_keys(
    tenant: Annotated[
        str, typer.Option(metavar="NAME", help="Only this one's.", show_default=False)
    ] = "",
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """List the keys, the newest first, without their secrets."""
    from weir_server.cli import keys as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.show_all(server, tenant, as_json=as_json), server)


@keys.command(epilog="Example: weir keys show 4f1d8a03c9e2")
def show(
    name: KeyName,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Show what a key may do."""
    from weir_server.cli import keys as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.show(server, name, as_json=as_json), server)


@keys.command(epilog="Example: weir keys rotate 4f1d8a03c9e2 --overlap 24h > search.key")
def rotate(
    name: KeyName,
    overlap: Annotated[
        str,
        typer.Option(
            metavar="SPAN",
            help="How long the old secret still works, such as 24h. Without it: not at all.",
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
    """Give a key another secret, and print it alone, this once."""
    from weir_server.cli import keys as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.rotate(server, name, overlap, as_json=as_json), server)


@keys.command(epilog="Example: weir keys revoke 4f1d8a03c9e2")
def revoke(
    name: KeyName,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """End a key for good: within five seconds no server takes it."""
    from weir_server.cli import keys as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.revoke(server, name, as_json=as_json), server)
