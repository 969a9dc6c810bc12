"""Does `weir conformance-server` serve golden files by hand, and refuse what it cannot play?"""

import json
import signal
import subprocess
from pathlib import Path

import weir
from tests.cli.command import WEIR, environment_of, run_weir

GOLDEN = {
    "group": "small",
    "scenarios": [
        {
            "name": "chat",
            "method": "weir.v1.LLMProviderService/Chat",
            "request": {"messages": [{"role": "ROLE_USER", "parts": [{"text": "@repeat:Hi:2"}]}]},
            "attempts": [[{"send": {"message": {"parts": [{"text": "Hello"}]}}}]],
        }
    ],
}
CALL = [("weir-conformance-scenario", "small/chat"), ("weir-conformance-call", "1")]


def golden(folder: Path, **changes: object) -> Path:
    """Write the golden file, its scenario changed, and return its folder."""
    scenario = {**GOLDEN["scenarios"][0], **changes}  # type: ignore[dict-item]
    (folder / "small.json").write_text(json.dumps({**GOLDEN, "scenarios": [scenario]}))
    return folder


def test_it_serves_until_stopped(tmp_path: Path) -> None:
    """It prints its ports, plays what a call names, writes the journal, and ends with code 0."""
    journal, ports_file = tmp_path / "journal.jsonl", tmp_path / "ports.json"
    arguments = ("--scenarios", golden(tmp_path), "--journal", journal, "--ports-file", ports_file)
    process = subprocess.Popen(
        [*WEIR, "conformance-server", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment_of(),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        ports = json.loads(line)
        with weir.Client(f"127.0.0.1:{ports['plain']}") as client:
            answer = client.chat("HiHi", metadata=CALL)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    finally:
        process.kill()

    assert answer.message.parts[0].text == "Hello"
    assert ports_file.read_text() == line
    (row,) = map(json.loads, journal.read_text().splitlines())
    assert (row["call"], row["attempt"], row["golden_request"]) == ("1", 1, True)
    assert process.returncode == 0


def test_a_golden_file_that_cannot_be_played(tmp_path: Path) -> None:
    """The file, the scenario and the fault are named."""
    folder = golden(tmp_path, attempts=[[{"fail": {"error": "Nonsense"}}]])

    outcome = run_weir("conformance-server", "--scenarios", str(folder))

    assert outcome.code == 3
    assert "small.json: small/chat: no error Nonsense in core.errors" in outcome.err


def test_a_folder_without_golden_files(tmp_path: Path) -> None:
    """It is told that there is nothing to serve."""
    outcome = run_weir("conformance-server", "--scenarios", str(tmp_path))

    assert outcome.code == 3
    assert "holds no scenario" in outcome.err
