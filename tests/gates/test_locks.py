"""Is what gets installed exactly what was chosen, and is each choice explained?"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.gates.source import ROOT, imported, modules

REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", re.MULTILINE)
DEPENDENCY = re.compile(r"^([A-Za-z0-9._-]+)", re.MULTILINE)
OPTIONAL = {
    "xllamacpp",  # the `local` extra; without it the embedded model says how to get it
    "pyarrow",  # the `parquet` extra; without it the export says how to get it
}
FLOORS = {"grpcio": (1, 66), "protobuf": (6, 33, 5), "aiohttp": (3, 14, 1)}


def name_of(requirement: str) -> str:
    """The name in a requirement, spelled the one way that packaging compares by."""
    found = DEPENDENCY.match(requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[1]).lower()


def pins(lock: Path) -> dict[str, str]:
    """Name to version of one lock file."""
    return {name_of(name): version for name, version in PIN.findall(lock.read_text())}


def chosen(path: Path) -> set[str]:
    """The names that one .in file asks for itself."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return {name_of(line) for line in lines if line and not line.startswith(("#", "-r"))}


def declared(project: Path) -> set[str]:
    """The names that a package declares as its dependencies."""
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    return {name_of(requirement) for requirement in table["dependencies"]}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_carries_its_hashes(lock: Path) -> None:
    """A file that differs from what was locked is refused by pip."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]

    bare = [block.split()[0] for block in blocks if "--hash=sha256:" not in block]

    assert blocks
    assert bare == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_names_no_index(lock: Path) -> None:
    """A lock says what, never from where: each machine has its own index."""
    text = lock.read_text()

    assert "://" not in text
    assert not re.search(
        r"^\s*(-i|-f|--index|--extra-index|--find-links|--trusted)", text, re.MULTILINE
    )


def test_locks_agree() -> None:
    """One environment can hold several groups, because no two pin a package differently."""
    together = [pins(REQUIREMENTS / f"{name}.txt") for name in ("build", "dev", "model", "runtime")]

    versions: dict[str, set[str]] = {}
    for lock in together:
        for name, version in lock.items():
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_dev_holds_all_of_runtime_and_build() -> None:
    """The set-up script installs `dev` alone and relies on this."""
    needed = pins(REQUIREMENTS / "runtime.txt").keys() | pins(REQUIREMENTS / "build.txt").keys()

    assert needed <= pins(REQUIREMENTS / "dev.txt").keys()


def test_every_input_has_its_lock() -> None:
    """No group is installed unpinned, and no lock outlives its input."""
    inputs = {path.stem for path in REQUIREMENTS.glob("*.in")}

    assert inputs == {path.stem for path in LOCKS}


def test_runtime_is_what_the_packages_declare() -> None:
    """What a wheel asks for and what is locked are the same names."""
    packages = declared(ROOT / "server") | declared(ROOT / "clients" / "python")

    assert packages - {"weir-client"} == chosen(REQUIREMENTS / "runtime.in")


def test_the_oldest_versions_of_the_client_are_tried() -> None:
    """The floors that weir-client declares are locked exactly, for `scripts/client-envs`."""
    table = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text())["project"]
    floors = dict(
        re.findall(r"^([a-z-]+)>=([0-9.]+)", "\n".join(table["dependencies"]), re.MULTILINE)
    )
    oldest = ("client-protobuf-5", "client-grpcio-oldest")

    locked = [pins(REQUIREMENTS / f"{name}.txt") for name in oldest]

    assert {name: pin for lock in locked for name, pin in lock.items()} == floors


@pytest.mark.parametrize(
    ("project", "package"),
    [(ROOT / "server", "weir_server"), (ROOT / "clients" / "python", "weir")],
    ids=["server", "client"],
)
def test_every_import_is_declared(project: Path, package: str) -> None:
    """A package never leans on something that only another dependency happens to bring."""
    written = [path for path in modules() if path.is_relative_to(project / package)]
    names = set[str]().union(*(imported(path.read_text()) for path in written))
    foreign = names - sys.stdlib_module_names - {package}
    owners = {**packages_distributions(), "weir": ["weir-client"]}  # an editable one has no files

    undeclared = {
        name
        for name in foreign
        if not {name_of(owner) for owner in owners.get(name, [])} & declared(project)
    }

    assert written
    assert undeclared - OPTIONAL == set()


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_keeps_above_known_holes(name: str) -> None:
    """Versions with a known hole on our path are never locked."""
    version = tuple(int(part) for part in pins(REQUIREMENTS / "runtime.txt")[name].split("."))

    assert version >= FLOORS[name]


def test_every_choice_is_explained() -> None:
    """`docs/dependencies.md` has one line for each direct dependency and none for another."""
    page = (ROOT / "docs" / "dependencies.md").read_text()
    explained = [name_of(name) for name in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)]

    direct = set[str]().union(*(chosen(path) for path in REQUIREMENTS.glob("*.in")))

    assert sorted(explained) == sorted(direct)
