"""What can an operator type after `weir`? The commands that watch and steer a running server."""

from typing import Annotated

import typer

from weir_server.cli.options import (
    DEFAULT_ADDRESS,
    Address,
    ApiKey,
    AsJson,
    Deadline,
    Explained,
    TlsCa,
    TlsCert,
    TlsKey,
)
from weir_server.cli.starting import exit_after, server_of

TargetName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The target, as `weir targets` shows it, such as openai/gpt-4o-mini; the last part is "
        "enough where only one provider has it.",
        show_default=False,
    ),
]

targets = typer.Typer(
    name="targets",
    help="See how the targets are doing, live; take them out and bring them back.\n\nAt a terminal "
    "the table follows every change until Ctrl-C. In a pipe, or with --once, it is printed once.",
    epilog="Example: weir targets\n\nIn a script: weir targets --json | grep FORCED_OPEN",
    rich_markup_mode="rich",
)
routes = typer.Typer(
    name="routes",
    help="See which way requests go.",
    epilog="Example: weir routes explain fast --tools",
    rich_markup_mode="rich",
    no_args_is_help=True,
)


@targets.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print the table once.")] = False,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """See how the targets are doing."""
    if context.invoked_subcommand is not None:
        refuse_options_before(context, context.invoked_subcommand)
        return
    from weir_server.cli import targets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.run(server, once=once, as_json=as_json), server)


@targets.command("open", epilog="Example: weir targets open openai/gpt-4o-mini")
def force_open(
    name: TargetName,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Take a target out: no call goes there until `auto` or `close`."""
    from weir_server.cli import targets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.force(server, name, "FORCED_OPEN", as_json=as_json), server)


@targets.command("close", epilog="Example: weir targets close openai/gpt-4o-mini")
def force_closed(
    name: TargetName,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Keep a target in, whatever happens there, until `auto` or `open`."""
    from weir_server.cli import targets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.force(server, name, "FORCED_CLOSED", as_json=as_json), server)


@targets.command("auto", epilog="Example: weir targets auto openai/gpt-4o-mini")
def give_back(
    name: TargetName,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Give a target back to its circuit breaker, which begins anew with it closed."""
    from weir_server.cli import targets as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.force(server, name, "CLOSED", as_json=as_json), server)


@routes.callback()
def routes_root() -> None:
    """See which way requests go."""


@routes.command(
    "explain",
    help="Tell which targets a chat would be sent to, in what order, and why others are left out."
    "\n\nNothing is sent to a provider. The exit code is 5 if no target would be tried.",
    epilog="Example: weir routes explain fast --tools --prompt-tokens 9000",
)
def explain(
    model: Annotated[
        str, typer.Argument(help="The model. Without it: the server's default.", show_default=False)
    ] = "",
    tools: Annotated[bool, typer.Option("--tools", help="The chat offers a tool.")] = False,
    image: Annotated[bool, typer.Option("--image", help="The chat shows an image.")] = False,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="The chat asks for JSON that follows a schema.")
    ] = False,
    prompt_tokens: Annotated[
        int, typer.Option(metavar="N", min=0, help="How long its prompt is.", show_default=False)
    ] = 0,
    affinity_key: Annotated[
        str, typer.Option(metavar="KEY", help="Its affinity key.", show_default=False)
    ] = "",
    provider: Annotated[
        str, typer.Option(metavar="NAME", help="The provider it names.", show_default=False)
    ] = "",
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Whether its answer is streamed.")
    ] = True,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Tell which way a chat would go."""
    from weir_server.cli import explain as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    explained = Explained(
        model=model,
        provider=provider,
        tools=tools,
        image=image,
        json_schema=json_schema,
        prompt_tokens=prompt_tokens,
        affinity_key=affinity_key,
        stream=stream,
    )
    exit_after(lambda: doing.run(server, explained, as_json=as_json), server)


def refuse_options_before(context: typer.Context, command: str) -> None:
    """Refuse options that stand before a command, where they would count for nothing."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"Write the options after `{command}`.", ctx=context)
