"""What can be typed after `weir`? The commands with their options, their help and an example.

Those of operators are in `operating.py`, `keying.py` and `accounting.py`; those
that act for tests in `acting.py`.

The modules that do the work are imported by the command that was asked for, not before.
"""

from pathlib import Path
from typing import Annotated

import typer

from weir_server.cli import accounting, acting, keying, operating
from weir_server.cli.options import (
    DEFAULT_ADDRESS,
    HEALTH_DEADLINE_S,
    Address,
    ApiKey,
    AsJson,
    ConfigFile,
    Deadline,
    IdempotencyKey,
    MaxTokens,
    ModelName,
    ProviderName,
    Quiet,
    Temperature,
    TlsCa,
    TlsCert,
    TlsKey,
    Wanted,
)
from weir_server.cli.starting import exit_after, server_of

_RUN = "Run Weir"
_CALL = "Call Weir"
_OPERATE = "Operate Weir"

app = typer.Typer(
    name="weir",
    help="One typed gRPC door to many language-model providers.\n\n"
    "Start with `weir demo`, or with `weir serve` in one terminal and `weir chat` in another.",
    epilog="Exit codes: 0 fine, 1 a fault of the command, 2 wrong usage, 3 invalid configuration, "
    "4 cannot listen, 5 the answer is no. A call that failed: 10 try again later, 11 out of time, "
    "12 invalid request, 13 not found, 14 not allowed, 15 used up, 16 failed or broken off. "
    "130 and 143: stopped by Ctrl-C or SIGTERM.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"weir {version('weir-server')}")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command; each acts by its own callback."""


@app.command(
    help="Start the server.\n\nThe log goes to standard error, one JSON object a line. SIGTERM or "
    "Ctrl-C drains: new calls are refused, running ones may end, and the exit code is 0. The "
    "second signal stops at once, with 143 or 130. SIGHUP reads the configuration again.",
    rich_help_panel=_RUN,
    epilog="Example: weir serve --listen 127.0.0.1:6000",
)
def serve(
    config: ConfigFile = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to listen, in place of the configuration's server.listen; port 0 takes a "
            "free one. unix:/path works too.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=128,
            help="How many processes share the port, in place of the configuration's "
            "server.workers. Linux only.",
        ),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the address into this file as soon as calls are taken.",
        ),
    ] = None,
    is_worker: Annotated[
        bool, typer.Option("--worker", hidden=True, help="Be one of several, told on stdin.")
    ] = False,
) -> None:
    """Start the server."""
    if is_worker:
        from weir_server.cli import worker

        exit_after(worker.run)
    from weir_server.cli import serve as doing

    exit_after(lambda: doing.run(config, listen=listen, workers=workers, ready_file=ready_file))


@app.command(
    help="Check a configuration whole, without starting anything.\n\nEach problem is a line: where"
    " it is, what is wrong and how to mend it. Nothing is sent anywhere. The exit code is 3 "
    "if anything is wrong.",
    rich_help_panel=_RUN,
    epilog="Example: weir check --config weir.yaml",
)
def check(config: ConfigFile = None) -> None:
    """Check a configuration whole, without starting anything."""
    from weir_server.cli import check as doing

    exit_after(lambda: doing.run(config))


@app.command(
    help="Watch a real answer from a real model, end to end.\n\nStarts a server of its own on a "
    "free port of this machine, streams an answer of the embedded model over gRPC, shows what"
    " was used and how long it took, and stops the server. It needs no key and no account.",
    rich_help_panel=_RUN,
    epilog="Example: weir demo",
)
def demo(
    prompt: Annotated[
        str | None, typer.Argument(help="What to ask in place of the demo's own question.")
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(metavar="N", min=1, help="End the answer after this many tokens.")
    ] = 120,
) -> None:
    """Watch a real answer from a real model, end to end."""
    from weir_server.cli import demo as doing

    exit_after(lambda: doing.run(prompt, max_tokens=max_tokens))


app.command(
    "fake-upstream",
    help="Play a provider that misbehaves, to test a service against.\n\nIt speaks OpenAI's "
    "protocol on this machine's loopback, prints its base URL and serves until Ctrl-C. The model "
    "a request names chooses the answer: fault/stall, recording/openai_text, any other for an "
    "echo. docs/fake-upstream.md tells how a script does more.",
    rich_help_panel=_RUN,
    epilog="Example: weir fake-upstream --port 18080 --journal journal.jsonl",
)(acting.fake_upstream)
app.command(
    "conformance-server",
    help="Play golden scenarios, to test a client of any language against.\n\nA call names its "
    "scenario in the metadata weir-conformance-scenario. Prints the ports and the certificates as "
    "a line of JSON and serves until Ctrl-C. docs/conformance.md tells what clients must show.",
    rich_help_panel=_RUN,
    epilog="Example: weir conformance-server --scenarios tests/conformance/scenarios",
)(acting.conformance_server)


@app.command(
    help="Talk with a model; the answer appears as it is written.\n\nAt a terminal and without a "
    "prompt it is a conversation: Ctrl-C ends the current answer, Ctrl-D leaves. After the "
    "answer a line tells why it ended, its tokens, its cost where prices are known, and its "
    "times.",
    rich_help_panel=_CALL,
    epilog='Example: weir chat "Name three rivers." --max-tokens 60\n\n'
    'With a file: weir chat --system "Summarise this." < report.txt',
)
def chat(
    prompt: Annotated[
        str | None,
        typer.Argument(
            help="What to say. Without it: standard input, or a conversation at the terminal."
        ),
    ] = None,
    system: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Instructions for the model.", show_default=False),
    ] = "",
    model: ModelName = "",
    provider: ProviderName = "",
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    idempotency_key: IdempotencyKey = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Talk with a model; the answer appears as it is written."""
    from weir_server.cli import chat as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    wanted = Wanted(
        model=model,
        provider=provider,
        temperature=temperature,
        max_tokens=max_tokens,
        as_json=as_json,
        quiet=quiet,
        idempotency_key=idempotency_key,
    )
    exit_after(lambda: doing.run(server, wanted, prompt=prompt, system=system), server)


@app.command(
    help="Go on from a text; what follows appears as it is written.\n\nWhere a provider has no "
    "completion wire, the prompt is sent as one user message, so a chat model answers it rather "
    "than continuing it.",
    rich_help_panel=_CALL,
    epilog='Example: weir complete "Once upon a time" --max-tokens 40',
)
def complete(
    prompt: Annotated[
        str | None, typer.Argument(help="What to go on from. Without it: standard input.")
    ] = None,
    model: ModelName = "",
    provider: ProviderName = "",
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Go on from a text; what follows appears as it is written."""
    from weir_server.cli import complete as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    wanted = Wanted(
        model=model,
        provider=provider,
        temperature=temperature,
        max_tokens=max_tokens,
        as_json=as_json,
        quiet=quiet,
    )
    exit_after(lambda: doing.run(server, wanted, prompt=prompt), server)


@app.command(
    rich_help_panel=_CALL,
    epilog='Example: weir count "How many tokens is this?"\n\n'
    "In a script: weir count --max 2000 --model gpt-4o < prompt.txt && echo it fits",
)
def count(
    text: Annotated[
        str | None, typer.Argument(help="What to count. Without it: standard input.")
    ] = None,
    maximum: Annotated[
        int | None,
        typer.Option(
            "--max",
            metavar="N",
            help="Say whether the text fits this many tokens; exit code 5 if it does not.",
        ),
    ] = None,
    model: ModelName = "",
    provider: ProviderName = "",
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Count the tokens of a text, as a model counts them."""
    from weir_server.cli import count as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    wanted = Wanted(model=model, provider=provider, as_json=as_json)
    exit_after(lambda: doing.run(server, wanted, text=text, maximum=maximum), server)


@app.command(
    rich_help_panel=_CALL,
    epilog="Example: weir models\n\nOnly some: weir models --filter 'capability=\"tools\"'",
)
def models(
    having: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="TERMS",
            show_default=False,
            help='Which models: provider="providers/x", name="models/x" or capability="tools"; '
            "several are joined by AND.",
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
    """List the models that this server offers you."""
    from weir_server.cli import models as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.run(server, having=having, as_json=as_json), server)


@app.command(
    help="Ask whether the server is serving.\n\nThe exit code is 0 if it is, and 10 if it is not, "
    "cannot be reached or does not answer in time.",
    rich_help_panel=_CALL,
    epilog="Example: weir health --service weir.v1.LLMProviderService",
)
def health(
    service: Annotated[
        str,
        typer.Option(metavar="NAME", help="One service. Without it: all.", show_default=False),
    ] = "",
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Ask every second and print each change, until Ctrl-C."),
    ] = False,
    address: Address = DEFAULT_ADDRESS,
    api_key: ApiKey = None,
    deadline: Deadline = HEALTH_DEADLINE_S,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Ask whether the server is serving."""
    from weir_server.cli import health as doing

    server = server_of(address, api_key, deadline, tls_ca, tls_cert, tls_key)
    exit_after(lambda: doing.run(server, service=service, watch=watch), server)


app.add_typer(operating.targets, rich_help_panel=_OPERATE)
app.add_typer(operating.routes, rich_help_panel=_OPERATE)
app.add_typer(keying.keys, rich_help_panel=_OPERATE)
app.command(
    "usage", epilog="Example: weir usage --by tenant,model --since 7d", rich_help_panel=_OPERATE
)(accounting.usage)
app.add_typer(accounting.calls, rich_help_panel=_OPERATE)
app.add_typer(accounting.budgets, rich_help_panel=_OPERATE)
