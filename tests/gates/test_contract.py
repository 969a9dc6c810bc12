"""Would a change that breaks published callers be noticed?"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gates.source import ROOT

BUF = Path(sys.executable).parent / "buf"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the contract with its rules, free to be damaged."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


def buf(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run buf on a copy of the contract."""
    command = [str(BUF), *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def breaking(directory: Path) -> subprocess.CompletedProcess[str]:
    """Compare a copy with what is published."""
    return buf(directory, "breaking", "--against", str(ROOT / "proto" / "published.binpb"))


def edit(path: Path, pattern: str, replacement: str) -> None:
    """Change exactly one place of a file."""
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def test_contract_is_what_was_published_or_grew(copy: Path) -> None:
    """Nothing that a published caller relies on is gone."""
    done = breaking(copy)

    assert done.returncode == 0, done.stdout


def test_deleted_field_turns_red(copy: Path) -> None:
    """A field that callers read cannot be deleted."""
    edit(copy / "proto/weir/v1/usage.proto", r"^  int64 total_tokens = 3;\n", "")

    done = breaking(copy)

    assert done.returncode != 0
    assert 'field "3" with name "total_tokens"' in done.stdout


def test_moved_message_turns_red(copy: Path) -> None:
    """A message cannot move to another file: Python and C++ callers include it by file."""
    usage = copy / "proto/weir/v1/usage.proto"
    usage.rename(usage.with_name("tokens.proto"))
    for file in usage.parent.glob("*.proto"):
        file.write_text(file.read_text().replace("weir/v1/usage.proto", "weir/v1/tokens.proto"))

    done = breaking(copy)

    assert done.returncode != 0
    assert "usage.proto" in done.stdout


def test_new_field_stays_green(copy: Path) -> None:
    """The contract may grow."""
    edit(
        copy / "proto/weir/v1/usage.proto",
        r"^  int64 total_tokens = 3;\n",
        "  int64 total_tokens = 3;\n  // Grown.\n  int64 grown = 4000;\n",
    )

    done = breaking(copy)

    assert done.returncode == 0, done.stdout


def test_uncommented_field_turns_lint_red(copy: Path) -> None:
    """Every field tells its reader what it means."""
    edit(copy / "proto/weir/v1/usage.proto", r"(?:^  //.*\n)+(?=  int64 total_tokens = 3;)", "")

    done = buf(copy, "lint")

    assert done.returncode != 0
    assert "total_tokens" in done.stdout
