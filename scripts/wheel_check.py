"""Do the wheels hold the tree and nothing else?

Both packages are built as a release would build them. A wheel must carry every file of its
package byte for byte, no file beside it (a `.pth` runs code at every start of Python), and no
top-level name that another project could own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One wheel: where it is built from and the one top-level name it may install."""

    project: Path
    name: str


PACKAGES = (
    Package(project=ROOT / "clients" / "python", name="weir"),
    Package(project=ROOT / "server", name="weir_server"),
)


def tree(package: Package) -> dict[str, bytes]:
    """The package's files as Git knows them, new ones included, ignored ones not."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", package.name],
        cwd=package.project,
        check=True,
        capture_output=True,
    ).stdout.decode()
    files = [package.project / name for name in listing.split("\0") if name]
    return {
        file.relative_to(package.project).as_posix(): file.read_bytes()
        for file in files
        if file.exists()
    }


def build(package: Package, into: Path) -> Path:
    """Build the wheel offline with the pinned builder and return its path."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(into), str(package.project)], check=True)
    (wheel,) = into.glob("*.whl")
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    """Every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def faults(package: Package, expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """What is wrong with a wheel's contents, in words; empty when nothing is."""
    own = {name: body for name, body in found.items() if name.split("/")[0] == package.name}
    metadata = {name for name in found if name.split("/")[0].endswith(".dist-info")}
    said = [f"foreign file: {name}" for name in sorted(found.keys() - own.keys() - metadata)]
    said += [f"a .pth runs code at start: {name}" for name in sorted(found) if ".pth" in name]
    said += [f"missing from the wheel: {name}" for name in sorted(expected.keys() - own.keys())]
    said += [f"not in the tree: {name}" for name in sorted(own.keys() - expected.keys())]
    said += [
        f"differs from the tree: {name}"
        for name in sorted(own.keys() & expected.keys())
        if own[name] != expected[name]
    ]
    return said


def main() -> int:
    """Build and compare both wheels; the exit code says whether all is well."""
    bad = 0
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as scratch:
            wheel = build(package, Path(scratch))
            expected = tree(package)
            said = faults(package, expected, contents(wheel))
            bad += len(said)
            for line in said:
                print(f"{wheel.name}: {line}", file=sys.stderr)
            print(f"wheel: {wheel.name} holds {len(expected)} files, {len(said)} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
