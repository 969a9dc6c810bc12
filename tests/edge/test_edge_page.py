"""What docs/edge.md says runs: its servers, its commands, its Python."""

import json
import re
import shlex
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ECHO_CONFIG, Serving, serving, wait_until
from tests.docs.test_documents import BIN, blocks, run
from tests.edge.envoy import RECIPES, ROOT, WEIRS, listener_port
from tests.edge.test_browser import PAGE_PORT, put
from tests.services.process import free_port

pytestmark = pytest.mark.usefixtures("needs_envoy")

BROWSER, JSON_SERVERS, CURL, BUF_CURL, BALANCE = blocks("docs/edge.md", "sh")
(PROGRAM,) = blocks("docs/edge.md", "python")
LISTENERS = {path.name: listener_port(path.read_text()) for path in RECIPES.glob("*.yaml")}


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The Weir that the page starts, at a port that is free."""
    with serving(tmp_path_factory.mktemp("weir"), {**ECHO_CONFIG, "default_model": "echo"}) as it:
        yield it


class Place:
    """The page's commands with other ports, so that nothing on this machine is in their way."""

    def __init__(self, folder: Path, weir: Serving) -> None:
        self._folder = folder
        self.change: tuple[str, str] = ("\0", "")
        """What the recipes say, and what they shall say instead."""
        self.page = folder / "page"
        self.page.mkdir()
        near = int(weir.address.rpartition(":")[2])
        self.ports: Mapping[int, int] = {
            **dict.fromkeys(WEIRS, near),
            **{port: free_port() for port in (*LISTENERS.values(), PAGE_PORT)},
        }

    def text(self, text: str) -> str:
        """A text with other ports."""
        named = "|".join(map(str, self.ports))
        return re.sub(rf"\b({named})\b", lambda found: str(self.ports[int(found[1])]), text)

    def command(self, command: str) -> str:
        """A command with other ports, and with files that have them."""
        for path in RECIPES.glob("*.yaml"):
            changed = self._folder / path.name
            changed.write_text(self.text(path.read_text().replace(*self.change)))
            command = command.replace(f"deploy/envoy/{path.name}", str(changed))
        command = command.replace("deploy/envoy/web/dist", str(self.page))
        return self.text(command.replace(".venv/bin/", f"{BIN}/"))

    @contextmanager
    def running(self, commands: Sequence[str], *listening: int) -> Iterator[None]:
        """Run commands, those that end with `&` until the block ends; wait for their ports."""
        processes = []
        try:
            for command in map(self.command, commands):
                words = shlex.split(command)
                if words[-1] != "&":
                    subprocess.run(words, cwd=ROOT, check=True, timeout=50)
                    continue
                processes.append(
                    subprocess.Popen(
                        words[:-1],
                        cwd=ROOT,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                )
            for port in listening:
                wait_until(lambda port=port: _listens(self.ports[port]))  # type: ignore[misc]
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def place(tmp_path: Path, weir: Serving) -> Place:
    """Where the commands run."""
    return Place(tmp_path, weir)


def without_weir(block: str) -> list[str]:
    """The commands of a block but the one that starts a Weir: it runs already."""
    commands = block.splitlines()
    commands.remove(".venv/bin/weir serve &")
    return commands


def told(command: str) -> str:
    done = run(["bash", "-c", command])
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_servers_for_browsers_run(place: Place, built_page: Path) -> None:
    """The page is there, and may call Envoy from where it is."""
    made, *servers = without_weir(BROWSER)
    assert run(["make", "-n", *made.split()[1:]]).returncode == 0
    put(built_page, place.page, place.ports)
    envoy_port = LISTENERS["browser.yaml"]
    with place.running(servers, PAGE_PORT, envoy_port):
        here = f"http://localhost:{place.ports[PAGE_PORT]}"
        with urllib.request.urlopen(here) as reply:
            page = reply.read().decode()
        preflight = urllib.request.Request(
            f"http://localhost:{place.ports[envoy_port]}/weir.v1.ModelService/ListModels",
            headers={"origin": here, "access-control-request-method": "POST"},
            method="OPTIONS",
        )
        with urllib.request.urlopen(preflight) as reply:
            allowed = reply.headers["access-control-allow-origin"]
    assert f'name="weir" content="http://localhost:{place.ports[envoy_port]}"' in page
    assert allowed == here


def test_the_commands_for_curl_run(place: Place) -> None:
    """Each answers with JSON, and what the page says of its limits is so."""
    with place.running(without_weir(JSON_SERVERS), LISTENERS["json.yaml"]):
        commands = [place.command(command) for command in CURL.splitlines()]
        chat, stream, models = map(told, commands)
        misspelt = told(commands[0].replace('"model"', '"options": {"temprature": 2}, "model"'))
        role = told(commands[0].replace("ROLE_USER", "user") + " -w ' %{http_code}'")
        refused = told(commands[0].replace('"echo"', '"gone"') + " -w ' %{http_code}'")
        broken = told(commands[1].replace("Hello", SCRIPT))
    said: dict[str, Any] = json.loads(chat)
    events = [event for line in stream.splitlines() for event in json.loads(line)["events"]]
    assert said["message"]["parts"] == [{"text": "Hello"}]
    assert isinstance(said["usage"]["totalTokens"], str)
    assert len(stream.splitlines()) > 1
    assert "sequence" not in events[0]
    assert "end" in events[-1]
    assert json.loads(models)["models"][0]["name"] == "models/echo"
    assert json.loads(misspelt)["message"] == said["message"]
    assert role.endswith(" 400")
    assert "invalid value" in role
    assert refused.endswith(" 404")
    status = json.loads(refused.rpartition(" ")[0])
    assert (status["code"], status["details"][0]["reason"]) == (5, "MODEL_NOT_FOUND")
    assert json.loads(broken.splitlines()[-1])["events"][-1]["end"]["error"]["reason"] == (
        "ERROR_REASON_UPSTREAM_STREAM_BROKEN"
    )


SCRIPT = r"/script [{\"text\": \"Hello\"}, {\"fail\": \"UPSTREAM_STREAM_BROKEN\"}]"


def test_a_stream_can_be_server_sent_events(place: Place) -> None:
    """With the option that the page names."""
    option, other = "stream_newline_delimited: true", "stream_sse_style_delimited: true"
    text = (ROOT / "docs/edge.md").read_text(encoding="utf-8")
    assert f"`{other}`" in text
    place.change = (option, other)
    with place.running(without_weir(JSON_SERVERS), LISTENERS["json.yaml"]):
        stream = told(place.command(CURL.splitlines()[1]))
    assert stream.startswith('data: {"events":')


def test_ctrl_c_cancels_the_call(place: Place, weir: Serving) -> None:
    """When curl ends, so does the call in Weir."""
    hang = CURL.splitlines()[1].replace("Hello", r"/script [{\"text\": \"a\"}, {\"hang\": true}]")
    with place.running(without_weir(JSON_SERVERS), LISTENERS["json.yaml"]):
        words = shlex.split(place.command(hang))
        with subprocess.Popen(words, stdout=subprocess.PIPE) as curl:
            assert curl.stdout is not None
            assert b"start" in curl.stdout.readline()
            curl.terminate()
        wait_until(lambda: "CANCELLED" in [line["code"] for line in weir.events("rpc")])


def test_the_commands_of_buf_run(place: Place) -> None:
    """By reflection and by the file; a field that nobody knows is refused."""
    by_reflection, by_file = map(place.command, BUF_CURL.splitlines())
    assert json.loads(told(by_reflection))["message"]["parts"] == [{"text": "Hello"}]
    assert '"end"' in told(by_file)
    assert run(["bash", "-c", by_reflection.replace('"model"', '"modell"')]).returncode != 0


def test_the_python_of_the_page_runs(place: Place) -> None:
    """With the addresses of the servers, and with that of Envoy alone."""
    program = place.text(PROGRAM)
    direct = run([sys.executable, "-c", program])
    port = place.ports[LISTENERS["balance.yaml"]]
    with place.running(BALANCE.splitlines(), LISTENERS["balance.yaml"]):
        proxied = run([sys.executable, "-c", re.sub(r'"ipv4:.*"', f'"localhost:{port}"', program)])
    for done in (direct, proxied):
        assert (done.returncode, done.stdout) == (0, "Hello\n" * 6), done.stderr
