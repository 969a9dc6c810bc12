"""What can be typed to play a part for tests? `weir fake-upstream`, `weir conformance-server`."""

from pathlib import Path
from typing import Annotated

import typer

from weir_server.cli.starting import exit_after


def fake_upstream(
    port: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=65535, help="Where to listen; 0 takes a free one."),
    ] = 0,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="127.0.0.1, ::1 or localhost; no other.")
    ] = "127.0.0.1",
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rules for which request is answered how, YAML."),
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Answer every request with this fault of the list."),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a JSON object a line, for each request as it ends."
        ),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Print the models that choose an answer, and stop.")
    ] = False,
) -> None:
    """Play a provider that misbehaves, to test a service against."""
    from weir_server.cli import fake_upstream as doing

    wished = doing.Wished(host=host, port=port, script=script, fault=fault, journal=journal)
    exit_after(doing.show_models if show_list else lambda: doing.run(wished))


def conformance_server(
    scenarios: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the golden files are, *.json.")
    ],
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a JSON object a line, for each RPC as it ends."),
    ] = None,
    ports_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the line of JSON into this file, too."),
    ] = None,
) -> None:
    """Play golden scenarios, to test a client of any language against."""
    from weir_server.cli import conformance_server as doing

    wished = doing.Wished(scenarios=scenarios, journal=journal, ports_file=ports_file)
    exit_after(lambda: doing.run(wished))
