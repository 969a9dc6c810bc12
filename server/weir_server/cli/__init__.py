"""What is the command `weir`? One module for each thing it does; `commands.py` lists them all.

Only the standard library and typer are imported to show help: everything else, gRPC above all,
waits until a command needs it.
"""

import sys


def main() -> None:
    """Run the command with the process's arguments, and exit with one of `exit_codes`."""
    if sys.argv[1:2] == ["serve"]:
        from weir_server.cli.early import end_on_signals

        end_on_signals()
    from weir_server.cli.commands import app

    app()
