"""Is there one version? The contract's is that of the stubs, and of every client and driver."""

import re
from pathlib import Path

from scripts.release_check import ROOT, VERSIONS, versions
from weir_server.transport.facts import CONTRACT_VERSION

CODE = {".go", ".java", ".py", ".rs", ".ts"}
BUILT = {"node_modules", "target", "build", "dist", ".venv"}
LITERAL = re.compile(r"""["'](\d+\.\d+\.\d+)["']""")


def test_every_place_says_the_same() -> None:
    """Manifests, locks and constants of all languages name the version that the server tells."""
    said = versions()

    assert said == dict.fromkeys(said, CONTRACT_VERSION)


def test_no_other_place() -> None:
    """Code of clients has a version nowhere else, where a release would forget it."""
    written = {
        str(path.relative_to(ROOT))
        for path in _code(ROOT / "clients")
        if any(LITERAL.search(line) for line in _outside_of_comments(path))
    }

    assert written - VERSIONS.keys() == set()


def test_readmes_name_it() -> None:
    """An install line that names a version names this one."""
    named = {
        (path.name, found)
        for path in (ROOT / "clients").glob("*/**/README.md")
        if not BUILT.intersection(path.relative_to(ROOT).parts)
        for found in re.findall(
            r"(?:<version>|@v|==|weir-client = \")(\d+\.\d+\.\d+)", path.read_text()
        )
    }

    assert {version for _, version in named} == {CONTRACT_VERSION}


def _code(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.suffix in CODE
        and "_pb2"
        not in path.name  # Python's stubs name the version of gRPC that they were made by
        and not BUILT.intersection(path.relative_to(ROOT).parts)
    ]


def _outside_of_comments(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.lstrip().startswith(("//", "*", "#", "/*"))]
