"""What is the command `weir`? One module for each thing it does; `commands.py` lists them all.

Only the standard library and typer are imported to show help: everything else, gRPC above all,
waits until a command needs it.
"""


def main() -> None:
    """Run the command with the process's arguments, and exit with one of `exit_codes`."""
    from weir_server.cli.commands import app

    app()
