"""Does a newcomer get an answer? Each README's quickstart, from the packed artifact, elsewhere.

Every artifact is built as a release builds it. A project in an empty folder outside of the
checkout depends on it, compiles what the README shows, and calls `weir serve`.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.languages import ROOT, SCRIPTS, Client, clients

LINES_MAX = 15
QUESTION = "Name three rivers."
BUILD_TIMEOUT_S = 900
RUN_TIMEOUT_S = 600
CONFIG = "providers: [{id: echo, kind: echo}]\nmodels: [{name: echo, provider: echo}]\n"
READMES = {"rust": "clients/rust/weir-client/README.md"}
"""Where they are not in `clients/LANGUAGE`."""
LANGUAGES = sorted({client.script.name for client in clients()})

pytestmark = pytest.mark.timeout(BUILD_TIMEOUT_S)


@pytest.fixture(scope="module")
def packed(
    require_built: Callable[[Client], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Pack what a release would upload of a language; the checks of its contents have passed."""

    def pack(language: str) -> Path:
        require_built(Client(name=language, script=SCRIPTS / language))
        into = tmp_path_factory.mktemp("release")
        done = subprocess.run(
            [str(ROOT / "scripts/release-dry-run"), str(into)],
            env={**os.environ, "WEIR_CLIENTS": language},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return into / language

    return pack


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `weir serve` listens, with the echo as its only model."""
    folder = tmp_path_factory.mktemp("served")
    config, ready, log = folder / "weir.yaml", folder / "ready", folder / "log"
    config.write_text(f"server: {{listen: '127.0.0.1:0', data_dir: {folder / 'data'}}}\n{CONFIG}")
    command = [sys.executable, "-m", "weir_server.cli", "serve", "--config", str(config)]
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [*command, "--ready-file", str(ready)], stdout=subprocess.DEVNULL, stderr=said
        ) as server,
    ):
        try:
            waited = subprocess.run(
                ["timeout", "30", "sh", "-c", f"until [ -s {ready} ]; do sleep 0.05; done"],
                check=False,
            )
            assert waited.returncode == 0, log.read_text()
            yield ready.read_text().strip()
        finally:
            server.terminate()


@pytest.mark.parametrize("language", LANGUAGES)
def test_runs_from_its_artifact(
    language: str, packed: Callable[[str], Path], address: str, tmp_path: Path
) -> None:
    """The README's program compiles without a warning and streams the answer."""
    done = subprocess.run(
        [str(SCRIPTS / language), "quickstart", str(packed(language)), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "WEIR_TARGET": address},
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert QUESTION in done.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_is_short(language: str) -> None:
    """What is to be pasted has few lines; blank ones are not counted."""
    readme = (ROOT / READMES.get(language, f"clients/{language}/README.md")).read_text()
    block = readme.split("## Stream an answer")[1].split("```")[1]
    lines = [line for line in block.splitlines()[1:] if line.strip()]

    assert QUESTION in block
    assert len(lines) <= LINES_MAX, len(lines)
