"""Does `weir fake-upstream` start by hand, do what it is told, and stop when told?"""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.cli.command import WEIR, environment_of, run_weir, wait_until
from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.faults import FAULTS


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command and give the URL it prints; it is killed if it still runs at the end."""
    process = subprocess.Popen(
        (*WEIR, "fake-upstream", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of(),
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(url: str, model: str = "m", key: str = "sk-1") -> tuple[int, Any]:
    """Return the status and the JSON of a unary chat."""
    request = Request(
        f"{url}/chat/completions",
        data=json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    try:
        with urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_serves_and_stops(number: signal.Signals) -> None:
    """The first line is the base URL; a signal ends it with code 0."""
    with started() as (process, url):
        status, answer = ask(url)
        process.send_signal(number)
        assert process.wait(10) == 0
    assert url.startswith("http://127.0.0.1:")
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "You said: hi")


def test_one_fault_for_all() -> None:
    """With --fault every request fails alike."""
    with started("--fault", "bad_key") as (_, url):
        assert ask(url)[0] == 401


def test_the_model_chooses() -> None:
    """Without options a request asks for its fault by the model it names."""
    with started() as (_, url):
        assert [ask(url, model)[0] for model in ("fault/overloaded", "fault/none")] == [529, 404]


def test_script_and_journal(tmp_path: Path) -> None:
    """A script answers, and each attempt is a line with its rule and without its key."""
    script, journal = tmp_path / "script.yaml", tmp_path / "journal.jsonl"
    script.write_text("- {name: twice, match: {first: 2}, do: {status: 503}}")
    with started("--script", str(script), "--journal", str(journal)) as (_, url):
        statuses = [ask(url, key=key)[0] for key in ("sk-1", "sk-2", "sk-1")]
        wait_until(lambda: len(journal.read_text().splitlines()) == 3)
    rows = [json.loads(line) for line in journal.read_text().splitlines()]

    assert statuses == [503, 503, 200]
    assert [row["status"] for row in rows] == statuses
    assert [row["rule"] for row in rows] == ["twice", "twice", None]
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert rows[0]["credential"] == rows[2]["credential"] != rows[1]["credential"]
    assert "sk-" not in journal.read_text()
    assert 0 < rows[0]["started_s"] < rows[0]["first_byte_s"] <= rows[0]["finished_s"] < 60
    assert {(row["method"], row["path"], row["model"], row["stream"]) for row in rows} == {
        ("POST", "/v1/chat/completions", "m", False)
    }
    assert rows[0]["outcome"] == "completed"
    assert rows[0]["bytes_sent"] > 0


def test_list_names_everything() -> None:
    """`--list` prints every fault and recording, ready to be a model's name."""
    done = run_weir("fake-upstream", "--list")
    assert done.code == 0
    assert set(done.out.split()) == {f"fault/{name}" for name in FAULTS} | {
        f"recording/{name}" for name in recordings.names()
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "not on this machine's loopback"),
        (["--host", "example.com"], 2, "listens on 127.0.0.1, ::1 or localhost only"),
        (["--fault", "none"], 2, "--list"),
        (["--fault", "stall", "--script", "x"], 2, "do not go together"),
        (["--script", "/nowhere/script.yaml"], 3, "cannot be read (No such file or directory)"),
        (["--journal", "/nowhere/journal"], 3, "cannot be written (No such file or directory)"),
    ],
)
def test_wrong_options_say_the_way_out(arguments: list[str], code: int, said: str) -> None:
    """Nothing is started, and the message names the option and the fix."""
    done = run_weir("fake-upstream", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_wrong_script_is_told_whole(tmp_path: Path) -> None:
    """Every problem is a line with its rule, its key and the fix; the exit code is 3."""
    script = tmp_path / "script.yaml"
    script.write_text("- {name: a, match: {modl: m}, do: {status: 503}}\n- {do: {fault: stal}}\n")
    done = run_weir("fake-upstream", "--script", str(script))
    assert done.code == 3
    assert "rule 1 (a), match.modl: is not known; did you mean model?" in done.err
    assert "rule 2, do.fault: stal is not known; did you mean stall?" in done.err


def test_a_taken_port_is_told() -> None:
    """Another fake upstream on the port does not share it: the second one ends with code 4."""
    with started() as (_, url):
        port = url.removesuffix("/v1").rpartition(":")[2]
        done = run_weir("fake-upstream", "--port", port)
    assert done.code == 4
    assert f"Port {port} cannot be opened" in done.err
