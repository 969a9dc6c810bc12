"""Does a wheel install the tree and nothing else?"""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.wheel_check import PACKAGES, ROOT, Package, build, contents, faults, tree


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_wheel_equals_the_tree(package: Package, tmp_path: Path) -> None:
    """Every file of the package is in its wheel, byte for byte, and no other file is."""
    expected = tree(package)

    found = contents(build(package, tmp_path))

    assert f"{package.name}/py.typed" in found
    assert faults(package, expected, found) == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_carries_the_licence(package: Package, tmp_path: Path) -> None:
    """Whoever receives a wheel receives the licence, the same as the repository's."""
    found = contents(build(package, tmp_path))

    licences = [body for name, body in found.items() if name.endswith("/LICENSE")]

    assert licences == [(ROOT / "LICENSE").read_bytes()]


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ({"evil.pth": b"import evil"}, "a .pth runs code at start: evil.pth"),
        ({"google/rpc/code.py": b""}, "foreign file: google/rpc/code.py"),
        ({"weir/new.py": b""}, "not in the tree: weir/new.py"),
        ({"weir/a.py": b"changed"}, "differs from the tree: weir/a.py"),
        ({"weir_client-1.data/scripts/x": b""}, "foreign file: weir_client-1.data/scripts/x"),
    ],
)
def test_doctored_wheel_turns_red(added: dict[str, bytes], said: str) -> None:
    """Each way a wheel can differ from what was reviewed is named."""
    package = Package(project=ROOT, name="weir")
    expected = {"weir/a.py": b"a"}

    found = faults(package, expected, expected | added)

    assert said in found


def test_missing_file_turns_red() -> None:
    """A file that the builder left out is named."""
    found = faults(Package(project=ROOT, name="weir"), {"weir/a.py": b"a"}, {})

    assert found == ["missing from the wheel: weir/a.py"]
