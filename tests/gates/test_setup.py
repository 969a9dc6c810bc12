"""Does setting up an environment do its work once, and refuse what was not locked?"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.gates.source import ROOT


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose lock asks for nothing, set up; making the environment is the slow part."""
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "scripts").mkdir()
    (checkout / "requirements").mkdir()
    shutil.copy(ROOT / "scripts" / "setup-env", checkout / "scripts")
    (checkout / "requirements" / "lock.txt").write_text("# nothing\n")
    done = setup_env(checkout, "lock")
    assert done.returncode == 0, done.stderr
    return checkout


@pytest.fixture
def checkout(ready: Path, tmp_path: Path) -> Path:
    """That checkout moved elsewhere, where the script takes nothing for granted."""
    return shutil.copytree(ready, tmp_path / "moved", symlinks=True)


def setup_env(
    checkout: Path, *arguments: str, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Run the script of a checkout on the interpreter given."""
    return subprocess.run(
        [str(checkout / "scripts" / "setup-env"), *arguments],
        env={**os.environ, "WEIR_PYTHON": python, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def wheel(directory: Path) -> Path:
    """A wheel that installs one empty module."""
    path = directory / "tiny-1.0-py3-none-any.whl"
    metadata = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(
            f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        archive.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{metadata}/RECORD", "tiny.py,,\n")
    return path


def test_second_run_does_nothing(checkout: Path) -> None:
    """What is up to date is left alone, silently; a changed lock is installed again."""
    first = setup_env(checkout, "lock")
    second = setup_env(checkout, "lock")
    (checkout / "requirements" / "lock.txt").write_text("# nothing still\n")
    third = setup_env(checkout, "lock")

    assert first.returncode == 0, first.stderr
    assert "installing the lock file writer: done" in first.stdout
    assert second.stdout == ""
    assert "installing the lock file writer: done" in third.stdout


@pytest.mark.parametrize(("honest", "installed"), [(True, True), (False, False)])
def test_installs_only_the_bytes_that_were_locked(
    checkout: Path, honest: bool, installed: bool
) -> None:
    """A package whose bytes changed after locking is refused, and said to be."""
    path = wheel(checkout)
    digest = hashlib.sha256(path.read_bytes() if honest else b"other bytes").hexdigest()
    lock = f"tiny @ {path.as_uri()} --hash=sha256:{digest}\n"
    (checkout / "requirements" / "lock.txt").write_text(lock)

    done = setup_env(checkout, "lock")

    assert (done.returncode == 0) is installed
    assert ("hash mismatch" in done.stderr) is not installed
    assert any(checkout.glob(".venv-lock/lib/*/site-packages/tiny.py")) is installed


def test_unlocked_package_is_refused(checkout: Path) -> None:
    """A lock line without a hash installs nothing."""
    (checkout / "requirements" / "lock.txt").write_text(f"tiny @ {wheel(checkout).as_uri()}\n")

    done = setup_env(checkout, "lock")

    assert done.returncode == 1
    assert "Hashes are required" in done.stderr


def test_missing_python_says_what_to_do(checkout: Path) -> None:
    """Without a Python that fits, the message names the version and the way out."""
    done = setup_env(checkout, "gen", python="/nowhere/python")

    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert "WEIR_PYTHON" in done.stderr


def test_unknown_group_is_refused(checkout: Path) -> None:
    """A misspelt group installs nothing and names the help."""
    done = setup_env(checkout, "runtme")

    assert done.returncode == 1
    assert "unknown group or option: runtme" in done.stderr
    assert not (checkout / ".venv").exists()
