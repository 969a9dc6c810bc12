"""May these artifacts be published? What a release would upload, opened and looked at.

    python -m scripts.release_check DIRECTORY [LANGUAGE...]

Whatever its language, an artifact carries the licence, holds nothing that belongs to another
project, runs nothing at install or build time, shares no file with another artifact of its
language, and has the one version number of the repository. Of each language named (all, if none is)
there must be one.
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
LICENCE_NAMES = {"LICENSE", "LICENSE.txt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is allowed in one sort of artifact."""

    language: str
    pattern: re.Pattern[str]
    """Of the file's name; `version` is what it says of itself."""
    top: str
    """The folder that all of it lies in, with `{version}`; empty: there is none."""
    own: re.Pattern[str]
    """Of the paths within `top` that are Weir's."""
    needed: tuple[str, ...] = ()
    """Paths without which it cannot be used."""
    licensed: bool = True
    """Whether it carries Weir's licence itself. Pages about code that does need not."""
    shared: re.Pattern[str] = re.compile(r"(?!)")
    """Of the paths that another artifact of the language may hold too."""


KINDS = (
    Kind(
        language="python",
        pattern=re.compile(r"weir_(client|server)-(?P<version>[^-]+)-py3-none-any\.whl"),
        top="",
        own=re.compile(r"weir/|weir_server/|weir_(client|server)-[^/]+\.dist-info/"),
    ),
    Kind(
        language="go",
        pattern=re.compile(r"v(?P<version>\d[^/]*)\.zip"),
        top="weir.example/go@v{version}/",
        # A module is its folder as it is committed: a proxy takes tests and internal ones along.
        own=re.compile(
            r"(weir/(admin/)?v1|internal/conformance)/[\w.]+\.go$|[a-z_]+\.go$|go\.(mod|sum)$"
            r"|(LICENSE|README\.md|buf\.gen\.yaml|\.gitattributes)$"
        ),
        needed=("go.mod", "README.md"),
    ),
    Kind(
        language="typescript",
        pattern=re.compile(r"weir-client-(?P<version>\d[^/]*)\.tgz"),
        top="package/",
        # Folders of dist are no names that anyone imports: package.json lists what is exported.
        own=re.compile(r"dist/[\w./-]+\.(js|d\.ts)$|(LICENSE|README\.md|package\.json)$"),
        needed=("package.json", "README.md"),
    ),
    Kind(
        language="rust",
        pattern=re.compile(r"weir-client-(?P<version>\d[^/]*)\.crate"),
        top="weir-client-{version}/",
        own=re.compile(
            r"(src|tests|examples)/|(LICENSE|README\.md|Cargo\.(toml|toml\.orig|lock))$"
            r"|\.cargo_vcs_info\.json$"
        ),
        needed=("Cargo.toml", "README.md"),
    ),
    Kind(
        language="java",
        pattern=re.compile(r"weir-(proto|grpc)-(?P<version>\d[\w.]*?)(-sources)?\.jar"),
        top="",
        own=re.compile(
            r"weir/((admin/)?v1|client)/[\w$-]+\.(class|java|proto)$"
            r"|META-INF/(LICENSE|MANIFEST\.MF|maven/example\.weir/.+)$"
        ),
        shared=re.compile(r"META-INF/"),
    ),
    Kind(
        language="java",
        pattern=re.compile(r"weir-(proto|grpc)-(?P<version>\d[\w.]*?)-javadoc\.jar"),
        top="",
        # What javadoc writes, its scripts and their licences included.
        own=re.compile(
            r"weir/|META-INF/|[\w.-]+\.(html|css|js|svg)$|(element|package)-list$"
            r"|(resources|legal|script-dir|search-dir|index-files)/"
        ),
        needed=("index.html",),
        licensed=False,
    ),
)
RUNS_CODE = re.compile(r"(^|/)(build\.rs|setup\.py|[^/]*\.pth)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file of a release."""

    path: Path
    kind: Kind
    version: str
    size: int
    members: frozenset[str]


def artifacts(directory: Path) -> Iterator[Artifact]:
    """Open every artifact below a directory, by name. Other files are a registry's own indexes."""
    for path in sorted(directory.rglob("*")):
        for kind in KINDS:
            if found := kind.pattern.fullmatch(path.name):
                yield Artifact(
                    path=path,
                    kind=kind,
                    version=found["version"],
                    size=path.stat().st_size,
                    members=frozenset(_members(path)),
                )


def faults(artifact: Artifact, version: str) -> list[str]:
    """Return what is wrong with one artifact, in words; empty when nothing is."""
    kind = artifact.kind
    top = kind.top.format(version=artifact.version)
    inside = {name.removeprefix(top) for name in artifact.members if name.startswith(top)}
    said = []
    if artifact.version != version:
        said.append(f"its version is {artifact.version}, the repository's is {version}")
    said += [f"outside of {top}: {name}" for name in artifact.members if not name.startswith(top)]
    said += [f"missing: {name}" for name in kind.needed if name not in inside]
    if kind.licensed and not any(name.rsplit("/", 1)[-1] in LICENCE_NAMES for name in inside):
        said.append("missing: LICENSE")
    said += [f"not Weir's: {n}" for n in inside if not kind.own.match(n)]
    said += [f"runs code: {name}" for name in inside if RUNS_CODE.search(name)]
    return sorted(said)


def collisions(found: Sequence[Artifact]) -> list[str]:
    """Return what two artifacts of a language both install, which makes one break the other."""
    owners: dict[tuple[str, str], Path] = {}
    said = []
    for artifact in found:
        kind = artifact.kind
        if artifact.path.name.endswith(("-sources.jar", "-javadoc.jar")):
            continue  # read by people, never installed together
        for name in sorted(artifact.members):
            if kind.shared.match(name):
                continue
            other = owners.setdefault((kind.language, name), artifact.path)
            if other != artifact.path:
                said.append(f"{artifact.path.name} and {other.name} both hold {name}")
    return said


VERSIONS: Mapping[str, str] = {
    "clients/python/pyproject.toml": r'^version = "(.+)"$',
    "clients/python/weir/_version.py": r'^VERSION = "(.+)"$',
    "server/pyproject.toml": r'^version = "(.+)"$',
    "server/weir_server/transport/facts.py": r'^CONTRACT_VERSION = "(.+)"$',
    "clients/go/version.go": r'^const Version = "(.+)"$',
    "clients/go/internal/conformance/main.go": r'^const contractVersion = "(.+)"$',
    "clients/typescript/package.json": r'^  "version": "(.+)",$',
    "clients/typescript/package-lock.json": r'^  "version": "(.+)",$',
    "clients/typescript/src/version.ts": r'^export const VERSION = "(.+)";$',
    "clients/rust/Cargo.toml": r'^version = "(.+)"$',
    "clients/rust/Cargo.lock": r'^name = "weir-client"\nversion = "(.+)"$',
    "clients/java/pom.xml": r"<version>(.+)</version>",
    "clients/java/weir-proto/pom.xml": r"<version>(.+)</version>",
    "clients/java/weir-grpc/pom.xml": r"<version>(.+)</version>",
    "clients/java/conformance/pom.xml": r"<version>(.+)</version>",
    "clients/java/weir-grpc/src/main/java/weir/client/WeirClient.java": (
        r'String VERSION = "(.+)";$'
    ),
}
"""By file: the line that names the version. A release changes all of them."""


def versions(root: Path = ROOT) -> dict[str, str]:
    """Return every place that names the version, and what it says."""
    said = {}
    for name, pattern in VERSIONS.items():
        found = re.search(pattern, (root / name).read_text(), re.MULTILINE)
        said[name] = found[1] if found else "nothing"
    return said


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at every artifact of a directory; the exit code says whether all may go out."""
    given = sys.argv[1:] if arguments is None else arguments
    languages = {kind.language for kind in KINDS}
    if not given or not languages.issuperset(given[1:]):
        print(__doc__, file=sys.stderr)
        return 2
    said_versions = versions()
    version = said_versions["clients/python/weir/_version.py"]
    found = list(artifacts(Path(given[0])))
    wrong = [f"{name} says {said}" for name, said in said_versions.items() if said != version]
    missing = set(given[1:] or languages) - {each.kind.language for each in found}
    wrong += [f"no artifact of {language}" for language in sorted(missing)]
    wrong += collisions(found)
    table = Table("artifact", "language", "KiB", "files", "verdict", title=f"release {version}")
    for artifact in found:
        said = faults(artifact, version)
        wrong += [f"{artifact.path.name}: {each}" for each in said]
        table.add_row(
            artifact.path.name,
            artifact.kind.language,
            f"{artifact.size / 1024:,.0f}",
            f"{len(artifact.members):,}",
            "may go out" if not said else f"{len(said)} faults",
        )
    Console().print(table)
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


def _members(path: Path) -> Iterator[str]:
    if path.suffix in (".tgz", ".crate"):
        with tarfile.open(path) as archive:
            yield from (each.name for each in archive if each.isfile())
    else:
        with zipfile.ZipFile(path) as archive:
            yield from (name for name in archive.namelist() if not name.endswith("/"))


if __name__ == "__main__":
    sys.exit(main())
