"""Does the source keep what no linter rule says?"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.gates.source import ROOT, forbidden, modules

MAX_LINES = 400
ENGINE = ROOT / "server/weir_server/providers/local/engine.py"
"""Starts the embedded model's program; docs/decisions/0004 says why."""
WORKER = ROOT / "server/weir_server/cli/worker_process.py"
"""Starts workers, which are this program again; docs/decisions/0007 says why."""
ADMITTED = {ENGINE: "subprocess", WORKER: "asyncio.create_subprocess_exec"}
"""The modules that may start a program, and by what; each has a test of its own below."""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_runs_no_text_and_starts_no_program(path: Path) -> None:
    """No module evaluates text, revives objects, fills templates or starts programs."""
    found = list(forbidden(path.read_text()))

    if path in ADMITTED:
        found = [line for line in found if ADMITTED[path] not in line]
    assert found == []


def test_workers_are_started_by_constants() -> None:
    """A worker runs our interpreter and our module; whatever it is told comes another way."""
    tree = ast.parse(WORKER.read_text())
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and "subprocess" in ast.unparse(node.func)
    ]

    assert [ast.unparse(call.func) for call in calls] == ["asyncio.create_subprocess_exec"]
    (command,) = calls[0].args
    assert ast.unparse(command) == (
        "*(sys.executable, '-P', '-m', 'weir_server.cli', 'serve', '--worker')"
    )
    assert {keyword.arg for keyword in calls[0].keywords} == {
        "stdin",
        "stdout",
        "start_new_session",
    }


def test_the_models_program_is_fixed() -> None:
    """The embedded model's process runs our interpreter and our file; nothing of it is given."""
    tree = ast.parse(ENGINE.read_text())
    used = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "subprocess"
        and node.attr not in ("PIPE", "TimeoutExpired")
    ]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.func in used]

    assert [ast.unparse(call.func) for call in calls] == ["subprocess.Popen"]
    (command,) = calls[0].args
    assert ast.unparse(command) == "[sys.executable, '-I', '-S', str(_CHILD)]"
    assert "shell" not in {keyword.arg for keyword in calls[0].keywords}
    assert "_CHILD = Path(__file__).with_name('child.py')" in ast.unparse(tree)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_fits_one_sitting(path: Path) -> None:
    """No module is longer than 400 lines; before that it becomes a folder."""
    lines = len(path.read_text().splitlines())

    assert lines <= MAX_LINES


def test_sees_the_whole_house() -> None:
    """The gate walks both packages, and leaves out generated code alone."""
    names = {path.relative_to(ROOT).as_posix() for path in modules()}

    assert "server/weir_server/core/errors/base.py" in names
    assert "clients/python/weir/__init__.py" in names
    assert not any("_pb2" in name for name in names)


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "run = exec",
        "import pickle",
        "from marshal import loads",
        "import subprocess as s",
        "import os\nos.system('ls')",
        "import os as o\no.execv('/bin/ls', [])",
        "from os import system as s\ns('ls')",
        "import yaml\nyaml.load(text, Loader)",
        "import jinja2.sandbox",
        "import asyncio\nasyncio.create_subprocess_exec('ls')",
        "from string import Template",
        "def f():\n    import shelve",
    ],
)
def test_forbidden_code_turns_the_gate_red(text: str) -> None:
    """Each way to run text or a program is seen, under another name too."""
    found = list(forbidden(text))

    assert found


@pytest.mark.parametrize(
    "text",
    [
        "import re\nre.compile('a')",
        "import yaml\nyaml.safe_load(text)",
        "evaluation = 1\nevaluation",
        "code = error.code()\ncode.name",
    ],
)
def test_harmless_code_stays_green(text: str) -> None:
    """Names that only resemble a forbidden one pass."""
    found = list(forbidden(text))

    assert found == []
