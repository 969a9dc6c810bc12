"""Is an artifact that must not be published told apart from one that may?"""

import tarfile
import zipfile
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

import pytest

from scripts.release_check import artifacts, collisions, faults

Make = Callable[[str, Iterable[str]], list[str]]
"""Makes an artifact with these files in it, and says what is wrong with it."""

WHEEL = "weir_client-0.1.0-py3-none-any.whl"
OF_WHEEL = ("weir/__init__.py", "weir_client-0.1.0.dist-info/licenses/LICENSE")
JAR = "weir-grpc-0.1.0.jar"
OF_JAR = ("META-INF/LICENSE", "weir/client/WeirClient.class")
PAGES = "weir-grpc-0.1.0-javadoc.jar"
OF_PAGES = ("META-INF/MANIFEST.MF", "index.html", "weir/client/WeirClient.html", "script.js")
CRATE = "weir-client-0.1.0.crate"
OF_CRATE = tuple(
    f"weir-client-0.1.0/{name}" for name in ("Cargo.toml", "README.md", "LICENSE", "src/lib.rs")
)
MODULE = "v0.1.0.zip"
OF_MODULE = tuple(
    f"weir.example/go@v0.1.0/{name}" for name in ("go.mod", "README.md", "LICENSE", "client.go")
)
PACKAGE = "weir-client-0.1.0.tgz"
OF_PACKAGE = tuple(
    f"package/{name}" for name in ("package.json", "README.md", "LICENSE", "dist/index.js")
)


def pack(path: Path, files: Iterable[str]) -> None:
    """Write an archive of empty files, of the sort that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".crate", ".tgz"):
        with tarfile.open(path, "w:gz") as archive:
            for name in files:
                archive.addfile(tarfile.TarInfo(name), BytesIO())
        return
    with zipfile.ZipFile(path, "w") as zipped:
        for name in files:
            zipped.writestr(name, "")


@pytest.fixture
def made(tmp_path: Path) -> Make:
    def make(name: str, files: Iterable[str]) -> list[str]:
        pack(tmp_path / name, files)
        (artifact,) = artifacts(tmp_path)
        return faults(artifact, "0.1.0")

    return make


@pytest.mark.parametrize(
    ("name", "files"),
    [
        (WHEEL, OF_WHEEL),
        (JAR, OF_JAR),
        (PAGES, OF_PAGES),
        (CRATE, OF_CRATE),
        (MODULE, OF_MODULE),
        (PACKAGE, OF_PACKAGE),
    ],
)
def test_may_go_out(made: Make, name: str, files: tuple[str, ...]) -> None:
    """What holds the licence and its own files has no fault."""
    assert made(name, files) == []


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        (WHEEL, OF_WHEEL[:1], "missing: LICENSE"),
        (WHEEL, (*OF_WHEEL, "google/rpc/code_pb2.py"), "not Weir's: google/rpc/code_pb2.py"),
        (WHEEL, (*OF_WHEEL, "weir/x.pth"), "runs code: weir/x.pth"),
        (JAR, (*OF_JAR, "com/google/rpc/Code.class"), "not Weir's: com/google/rpc/Code.class"),
        (JAR, (*OF_JAR, "index.html"), "not Weir's: index.html"),
        (CRATE, (*OF_CRATE, "weir-client-0.1.0/build.rs"), "runs code: build.rs"),
        (CRATE, (*OF_CRATE, "elsewhere/x"), "outside of weir-client-0.1.0/: elsewhere/x"),
        (CRATE, OF_CRATE[1:], "missing: Cargo.toml"),
        (MODULE, (*OF_MODULE, "weir.example/go@v0.1.0/vendor/x.go"), "not Weir's: vendor/x.go"),
        (PACKAGE, (*OF_PACKAGE, "package/test/x.js"), "not Weir's: test/x.js"),
        (
            WHEEL.replace("0.1.0", "0.2.0"),
            OF_WHEEL,
            "its version is 0.2.0, the repository's is 0.1.0",
        ),
    ],
)
def test_named_faults(made: Make, name: str, files: tuple[str, ...], said: str) -> None:
    """Each thing that must not be published is named."""
    assert said in made(name, files)


def test_two_that_hold_one_file(tmp_path: Path) -> None:
    """Jars that are used together and hold the same class are told; licences may be in both."""
    pack(tmp_path / JAR, OF_JAR)
    pack(tmp_path / "weir-proto-0.1.0.jar", OF_JAR)
    pack(tmp_path / "weir-proto-0.1.0-sources.jar", OF_JAR)

    assert collisions(list(artifacts(tmp_path))) == [
        f"weir-proto-0.1.0.jar and {JAR} both hold weir/client/WeirClient.class"
    ]
