"""What the documents say is true: their commands run, and their tables list every setting."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from weir_server.fake_upstream.changing import CHANGES
from weir_server.fake_upstream.doing import AROUND, BASES
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.matching import CONDITIONS
from weir_server.fake_upstream.script import Script
from weir_server.routing.explain import Code
from weir_server.settings.admission import AdmissionSettings
from weir_server.settings.aws import AwsSettings
from weir_server.settings.idempotency import IdempotencySettings
from weir_server.settings.identity import IdentitySettings
from weir_server.settings.ledger import LedgerSettings
from weir_server.settings.models import ModelSettings, TargetSettings
from weir_server.settings.prices import PriceOverride, PriceSettings
from weir_server.settings.rates import LimitSettings, RatesSettings
from weir_server.settings.redis import RedisSettings
from weir_server.settings.resilience import (
    BreakerSettings,
    ConcurrencySettings,
    ResilienceSettings,
)
from weir_server.settings.tree import (
    ProviderSettings,
    ServerSettings,
    UpstreamSettings,
)
from weir_server.settings.vertex import VertexSettings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [body for found, body in _BLOCK.findall(text) if found == language]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """The server at the address that README names, with the echo and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        config, ready = Path(folder) / "weir.yaml", Path(folder) / "ready"
        config.write_text(
            "providers: [{id: echo, kind: echo}]\nmodels: [{name: echo, provider: echo}]\n"
        )
        command = [str(BIN / "weir"), "serve", "--config", str(config), "--ready-file", str(ready)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as it:
            for _ in range(300):
                if ready.exists() or it.poll() is not None:
                    break
                subprocess.run(["sleep", "0.05"], check=True)
            assert ready.exists(), "port 50051 may be taken by another program"
            yield
            it.terminate()


def test_the_two_commands_are_targets() -> None:
    """`make demo` and `make test` exist and say what they would do."""
    commands = blocks("README.md", "sh")[0].splitlines()
    for command in commands:
        assert run(["make", "-n", *command.split()[1:]]).returncode == 0, command


@pytest.mark.model
def test_the_demo_runs() -> None:
    """A real answer from the real model, at least 20 tokens of it, and exit code 0."""
    done = run([str(BIN / "weir"), "demo"])
    assert done.returncode == 0, done.stdout + done.stderr
    tokens = re.search(r"completion tokens\s+(\d+)", done.stdout)
    assert tokens is not None
    assert int(tokens[1]) >= 20
    assert "counted by" in done.stdout


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("command", blocks("README.md", "sh")[1].splitlines())
def test_a_command_of_the_readme_runs(command: str) -> None:
    """Each as written, against the server of the README."""
    done = run(["bash", "-c", command.replace(".venv/bin/", f"{BIN}/")])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.usefixtures("server")
def test_the_python_of_the_readme_runs() -> None:
    """As pasted."""
    (program,) = blocks("README.md", "python")
    done = run([sys.executable, "-c", program])
    assert done.returncode == 0, done.stderr
    assert "Hello from Python" in done.stdout


@pytest.mark.usefixtures("server")
def test_the_commands_of_the_usage_page_run(tmp_path: Path) -> None:
    """As written, one after the other; the last one shows the budget that an earlier one made."""
    (commands,) = blocks("docs/usage.md", "sh")
    said = ""
    for command in commands.splitlines():
        words = shlex.split(command)
        if "export" in words:
            words[words.index("calls.csv")] = str(tmp_path / "calls.csv")
        done = run([str(BIN / "weir"), *words[1:]])
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout
    assert "tenant search" in said
    assert (tmp_path / "calls.csv").read_text().startswith("response_id,")


def test_the_configuration_of_the_usage_page_is_valid(tmp_path: Path) -> None:
    """`weir check` takes the address of a PostgreSQL."""
    (config,) = blocks("docs/usage.md", "yaml")
    path = tmp_path / "weir.yaml"
    providers = "providers: [{id: echo, kind: echo}]\nmodels: [{name: echo, provider: echo}]\n"
    path.write_text(providers + config)
    url = "postgresql://weir:password@db.internal/weir"
    done = run([str(BIN / "weir"), "check", "--config", str(path)], WEIR_LEDGER_URL=url)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_of_the_readme_is_valid(tmp_path: Path) -> None:
    """`weir check` finds nothing to say against it."""
    (config,) = blocks("README.md", "yaml")
    path = tmp_path / "weir.yaml"
    path.write_text(config)
    done = run([str(BIN / "weir"), "check", "--config", str(path)], OPENAI_API_KEY="sk-x")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_of_routing_is_valid(tmp_path: Path) -> None:
    """`weir check` takes it, and none of its keys is written down."""
    (config,) = blocks("docs/routing.md", "yaml")
    path = tmp_path / "weir.yaml"
    path.write_text(config)
    keys = dict.fromkeys(("OPENAI_KEY_A", "OPENAI_KEY_B", "SPARE_KEY"), "sk-x")
    done = run([str(BIN / "weir"), "check", "--config", str(path)], **keys)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "literal" not in done.stdout + done.stderr


def test_every_code_of_an_explanation_is_documented() -> None:
    """The table of docs/routing.md names each code that is no lack of an ability."""
    text = (ROOT / "docs/routing.md").read_text(encoding="utf-8")
    assert [
        code for code in Code if not code.startswith("LACKS_") and f"`{code}`" not in text
    ] == []


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## `server`", ServerSettings),
        ("## `providers`", ProviderSettings),
        ("### `aws` of a provider", AwsSettings),
        ("## `models`", ModelSettings),
        ("### `targets` of a model", TargetSettings),
        ("## `upstream`", UpstreamSettings),
        ("## `resilience`", ResilienceSettings),
        ("### `breaker`", BreakerSettings),
        ("### `concurrency`", ConcurrencySettings),
        ("## `admission`", AdmissionSettings),
        ("## `identity`", IdentitySettings),
        ("## `rates`", RatesSettings),
        ("### limits of `rates`", LimitSettings),
        ("## `ledger`", LedgerSettings),
        ("## `prices`", PriceSettings),
        ("### `overrides` of prices", PriceOverride),
        ("## `redis`", RedisSettings),
        ("## `idempotency`", IdempotencySettings),
        ("### `vertex` of a provider", VertexSettings),
    ],
)
def test_every_setting_is_documented(heading: str, model: type[BaseModel]) -> None:
    """Each key stands in the table of its branch, and the table names no other."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    section = re.split(r"\n##", text.split(f"\n{heading}\n")[1])[0]
    named: set[str] = set()
    for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
        named.update(re.findall(r"`(\w+)`", row))
    assert named == set(model.model_fields)


FAKE = "docs/fake-upstream.md"


def rows(text: str) -> set[str]:
    """The names in the first column of the tables in a text."""
    return {
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }


def test_the_command_of_the_fake_upstream_runs() -> None:
    """As written: it prints the URL that the page says, and stops when told."""
    (command,) = blocks(FAKE, "sh")
    words = [str(BIN / "weir"), *command.split()[1:]]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        url = it.stdout.readline().strip()
        it.terminate()
    assert url == "http://127.0.0.1:18080/v1"
    assert f"`{url}`" in (ROOT / FAKE).read_text(encoding="utf-8")
    assert it.returncode == 0


def test_the_files_of_the_fake_upstream_are_valid(tmp_path: Path) -> None:
    """The configuration passes `weir check`, and the script can be played."""
    config, script = blocks(FAKE, "yaml")
    path = tmp_path / "weir.yaml"
    path.write_text(config)
    done = run([str(BIN / "weir"), "check", "--config", str(path)])
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(Script.parse(script).rules) == 5


def test_the_python_of_the_fake_upstream_runs() -> None:
    """As pasted."""
    (program,) = blocks(FAKE, "python")
    done = run([sys.executable, "-c", program])
    assert (done.returncode, done.stdout) == (0, "429\n"), done.stderr


def test_every_key_of_a_script_is_documented() -> None:
    """The tables name every condition and every action, and no other."""
    text = (ROOT / FAKE).read_text(encoding="utf-8")
    match, do = (
        text.split("\n### `match`\n")[1].split("\n## The journal\n")[0].split("\n### `do`\n")
    )
    assert rows(match) == set(CONDITIONS)
    assert rows(do) == {*BASES, *CHANGES, *AROUND}


def test_every_fault_is_documented() -> None:
    """The page lists the catalogue, and no other name."""
    text = (ROOT / FAKE).read_text(encoding="utf-8").split("\n## The faults by name\n")[1]
    assert set(re.findall(r"`(\w+)`", text)) == set(FAULTS)


def test_nothing_was_left_to_fill_in() -> None:
    """No page holds a name in capitals where a figure should stand."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"\b[A-Z]+_(MINUTES|ROWS|TODO)\b", text), page.name


def test_the_table_of_groups_names_every_folder_of_tests_that_takes_long() -> None:
    """A folder that the table names is there."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("Tests by folder")[1].split("\n\n`make fuzz`")[0]
    named = re.findall(r"\| `(\w+)` \|", section)
    assert len(named) >= 8
    assert all((ROOT / "tests" / name).is_dir() for name in named)


def test_links_between_documents_lead_somewhere() -> None:
    """No link to a page that is not there."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
