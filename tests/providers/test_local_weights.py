"""The weights of the embedded model: found without importing, and checked before they are used."""

import subprocess
import sys
from pathlib import Path

import pytest

from weir_server.providers.local import weights
from weir_server.providers.local.errors import WeightsDamaged, WeightsMissing
from weir_server.providers.local.weights import (
    FILE_NAME,
    SIZE_BYTES,
    published_path,
    usable_weights,
)

SERVER = Path(__file__).parents[2] / "server"


@pytest.mark.model
def test_the_published_file_is_found_and_whole() -> None:
    """`make model` installed the file that was published; its hash says so."""
    path = usable_weights(None)

    assert path == published_path()
    assert path.stat().st_size == SIZE_BYTES


@pytest.mark.model
def test_finding_it_imports_nothing() -> None:
    """The package around the file, which wants another engine, is not imported."""
    program = (
        f"import sys; sys.path.insert(0, {str(SERVER)!r})\n"
        "from weir_server.providers.local.weights import usable_weights\n"
        "usable_weights(None)\n"
        "print([name for name in sys.modules if 'llm' in name or 'llama' in name])\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert said.stdout.strip() == b"[]"


@pytest.mark.model
def test_the_file_is_hashed_once() -> None:
    """The second check of an unchanged file reads nothing."""
    usable_weights(None)
    read_before = weights._sha256_hex.cache_info().misses

    usable_weights(None)

    assert weights._sha256_hex.cache_info().misses == read_before


def test_without_the_package_the_command_is_named(tmp_path: Path) -> None:
    """Where nothing is installed, the error names the one command that installs it."""
    program = (
        f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        f"sys.path.insert(0, {str(SERVER)!r})\n"
        "from weir_server.providers.local.weights import published_path\n"
        "published_path()\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, cwd=tmp_path
    )

    assert said.returncode == 1
    assert b"WeightsMissing" in said.stderr
    assert b"run `make model`" in said.stderr


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    """A download that was cut is found by its size."""
    short = tmp_path / FILE_NAME
    short.write_bytes(b"GGUF")

    with pytest.raises(WeightsDamaged, match=f"4 bytes instead of {SIZE_BYTES}"):
        weights._check_published(short)


def test_a_file_of_another_content_is_refused(tmp_path: Path) -> None:
    """A file of the right size with other bytes is found by its hash."""
    other = tmp_path / FILE_NAME
    with other.open("wb") as file:
        file.write(b"GGUF")
        file.truncate(SIZE_BYTES)

    with pytest.raises(WeightsDamaged, match="SHA-256"):
        weights._check_published(other)


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    """What was found whole once is not believed after its time of change differs."""
    file = tmp_path / "any.gguf"
    file.write_bytes(b"one")
    first = weights._sha256_hex(file, 3, file.stat().st_mtime_ns)
    file.write_bytes(b"two")

    assert weights._sha256_hex(file, 3, file.stat().st_mtime_ns + 1) != first


def test_an_own_file_must_be_a_gguf(tmp_path: Path) -> None:
    """An operator's own file is checked for its kind alone."""
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF and more")
    page = tmp_path / "page.gguf"
    page.write_bytes(b"<html>")

    assert usable_weights(own) == own
    with pytest.raises(WeightsDamaged, match="not a GGUF file"):
        usable_weights(page)
    with pytest.raises(WeightsMissing, match=r"absent\.gguf"):
        usable_weights(tmp_path / "absent.gguf")
