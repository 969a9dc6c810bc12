"""Does a newcomer find the way, and find it quickly?"""

import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.cli.command import environment_of, run_weir

COMMANDS = (
    "serve",
    "check",
    "demo",
    "fake-upstream",
    "chat",
    "complete",
    "count",
    "models",
    "health",
    "targets",
    "routes",
    "keys",
)
HELP_CPU_S = 1.0
HEAVY = ("grpc", "aiohttp", "pydantic", "yaml", "google.protobuf", "weir_server.app")


def test_help_lists_every_command() -> None:
    """`weir --help` names each command and the exit codes."""
    done = run_weir("--help")

    assert done.code == 0
    assert [command for command in COMMANDS if f" {command} " not in done.out] == []
    assert "Exit codes: 0 fine" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command: str) -> None:
    """Each command explains itself with an example, in less than a second of work."""
    done = run_weir(command, "--help")

    assert done.code == 0
    assert f"Usage: weir {command}" in done.out.replace("python -m weir_server.cli", "weir")
    assert f"Example: weir {command}" in done.out
    assert done.cpu_s < HELP_CPU_S


@pytest.mark.parametrize(
    "command",
    [
        *("targets open", "targets close", "targets auto", "routes explain"),
        *("keys create", "keys list", "keys show", "keys rotate", "keys revoke"),
    ],
)
def test_help_of_an_inner_command(command: str) -> None:
    """So does each command inside a command."""
    done = run_weir(*command.split(), "--help")

    assert done.code == 0
    assert f"Example: weir {command}" in done.out


def test_help_tells_how_chat_models_complete() -> None:
    """Who asks a chat model to go on from a text learns beforehand that it will answer."""
    done = run_weir("complete", "--help")

    said = " ".join(done.out.split())
    assert "so a chat model answers it rather than continuing it." in said


def test_help_loads_nothing_heavy() -> None:
    """gRPC and its like wait until a command needs them."""
    program = (
        "import sys; from weir_server.cli import commands; print(*sorted(sys.modules), sep='\\n')"
    )
    done = subprocess.run(
        (sys.executable, "-c", program),
        capture_output=True,
        text=True,
        check=True,
        env=environment_of(),
    )

    assert "weir_server.cli.commands" in done.stdout.split()
    assert set(HEAVY) & set(done.stdout.split()) == set()


def test_no_command_shows_the_help() -> None:
    """`weir` alone is a question, and is answered."""
    done = run_weir()

    assert "Usage:" in done.out + done.err
    assert "serve" in done.out + done.err


def test_version() -> None:
    """`weir --version` is one line."""
    done = run_weir("--version")

    assert (done.code, done.out) == (0, f"weir {version('weir-server')}\n")


def test_key_from_the_environment_is_not_shown() -> None:
    """Help names WEIR_API_KEY, never its value."""
    done = run_weir("chat", "--help", environment={"WEIR_API_KEY": "weir-secret-key"})

    assert "WEIR_API_KEY" in done.out
    assert "weir-secret-key" not in done.out
