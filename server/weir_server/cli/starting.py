"""How does a command begin and end? Options become values; what went wrong becomes an exit code."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import typer

from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.options import Server


def exit_after(work: Callable[[], ExitCode], server: Server | None = None) -> NoReturn:
    """Do the work and leave with its exit code. server: the one that is called; None: none is."""
    from weir_server.cli.failures import exit_code_of

    raise typer.Exit(exit_code_of(work, server))


def server_of(
    address: str,
    api_key: str | None,
    deadline_s: float | None,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> Server:
    """Return the server that the options of a connection name."""
    return Server(
        address=address,
        api_key=api_key,
        deadline_s=deadline_s,
        tls_ca=tls_ca,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
