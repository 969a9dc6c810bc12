"""What does importing Weir do besides importing?"""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gates.source import ROOT

PACKAGE = ROOT / "server" / "weir_server"
CONTRACT = ROOT / "clients" / "python" / "weir" / "v1"
MESSAGES = sorted(path.stem for path in CONTRACT.glob("*_pb2.py"))
SERVER = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

COUNT_SOCKETS = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
import {module}
print(*opened)
"""


def fresh(code: str) -> str:
    """Run code in an interpreter that has imported nothing yet; give what it printed."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", MESSAGES)
def test_messages_need_no_grpc(module: str) -> None:
    """The messages import without gRPC, so that a parent process can fork before it loads."""
    loaded = fresh(f"import sys, weir.v1.{module}; print('grpc' in sys.modules)")

    assert loaded == "False"


@pytest.mark.parametrize("module", [f"weir_server.{name}" for name in SERVER] + ["weir"])
def test_import_opens_no_socket(module: str) -> None:
    """Importing opens no socket, resolves no name and warns about nothing."""
    opened = fresh(COUNT_SOCKETS.format(module=module))

    assert opened == ""


def test_a_socket_at_import_is_seen(tmp_path: Path) -> None:
    """The counting itself works: a module that opens a socket is noticed."""
    (tmp_path / "loud.py").write_text("import socket\nsocket.socket().close()\n")

    opened = fresh(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + COUNT_SOCKETS.format(module="loud")
    )

    assert "socket.__new__" in opened


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An empty house with the rooms that the import contract names, and the contract itself."""
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    layers = rules["importlinter:contract:one-way"]["layers"].replace("|", "\n").split()
    for name in layers:
        room = tmp_path / "weir_server" / name
        room.mkdir(parents=True)
        (room / "__init__.py").touch()
    (tmp_path / "weir").mkdir()
    for package in ("weir", "weir_server"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / ".importlinter").write_text((ROOT / ".importlinter").read_text())
    return tmp_path


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    """Hold the import contract against a house."""
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports as run; "
    code += "sys.exit(run(no_cache=True))"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)


def test_empty_house_keeps_the_contract(house: Path) -> None:
    """The contract is satisfiable, so the next test's red has one cause."""
    done = lint_imports(house)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core", "import weir_server.settings"),
        ("core", "import grpc"),
        ("core", "import pydantic"),
        ("validation", "import weir_server.routing"),
        ("providers", "import grpc"),
        ("transport", "import aiohttp"),
        ("telemetry", "import weir_server.accounting"),
        ("transport", "import weir_server.app"),
        ("settings", "import weir_server.telemetry"),
    ],
)
def test_wrong_import_turns_red(house: Path, module: str, line: str) -> None:
    """An import against the path of a call, or across a border, is refused."""
    (house / "weir_server" / module / "__init__.py").write_text(line + "\n")

    done = lint_imports(house)

    assert done.returncode != 0
    assert "BROKEN" in done.stdout


def test_unplaced_package_turns_red(house: Path) -> None:
    """A new package must be given its place among the layers."""
    (house / "weir_server" / "utils").mkdir()
    (house / "weir_server" / "utils" / "__init__.py").touch()

    done = lint_imports(house)

    assert done.returncode != 0
    assert "utils" in done.stdout
