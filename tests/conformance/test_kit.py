"""Does the kit notice a client that shows something else, or nothing?"""

import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from tests.conformance.driving import Shown, drive
from tests.conformance.golden.files import FOLDER
from tests.conformance.judging import complaints
from tests.conformance.kit import golden
from tests.conformance.languages import Client, clients, unready
from weir_server.conformance.scenario import load
from weir_server.conformance.steps import Send

GOLDEN = golden()
SCENARIOS = load(FOLDER)
TEXT, REFUSED = "folds/text", "failures/model_not_found"
SEEN: dict[str, Any] = {
    "attempt": 1,
    "golden_request": True,
    "outcome": "completed",
    "lasted_ms": 3.0,
    "began_ms": 1.0,
    "longest_send_ms": 0.1,
    "time_remaining_ms": 15_000,
    "metadata": [],
}


def right(name: str) -> dict[str, Any]:
    """The line of a client that does all right."""
    scenario, shows = SCENARIOS[name], GOLDEN[name]["shows"]
    messages = [
        json_format.MessageToDict(scenario.method.response.FromString(payload))
        for step in scenario.attempts[-1]
        if isinstance(step, Send)
        for payload in step.payloads()
    ]
    error = shows.get("error")
    return {
        "messages": messages,
        "folded": shows.get("folded"),
        "error": None if error is None else {**error, "class": error["kind"]},
        "elapsed_ms": 3,
    }


def judged(name: str, line: dict[str, Any], *rows: dict[str, Any]) -> str:
    """What the kit complains of, in one text."""
    told = complaints(SCENARIOS[name], GOLDEN[name], Shown(line=line), rows)
    return "; ".join(told)


@pytest.mark.parametrize("name", [TEXT, REFUSED])
def test_all_right(name: str) -> None:
    """A client that shows what it should is not complained of."""
    outcome = GOLDEN[name].get("journal", {}).get("outcome", "completed")

    assert judged(name, right(name), {**SEEN, "outcome": outcome}) == ""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"messages": []}, "it shows 0 messages, not 8 to 8"),
        ({"messages": [{}] * 8}, "message 0 is {}"),
        ({"messages": [{"nonsense": 1}] * 8}, "the line cannot be read"),
        ({"folded": None}, "folded is None"),
        ({"folded": {"finishReason": "FINISH_REASON_STOP"}}, "folded is"),
        ({"error": {"code": "ABORTED", "reason": ""}}, "error is {'code': 'ABORTED'"),
    ],
)
def test_another_answer(change: dict[str, Any], complaint: str) -> None:
    """Messages, folds and errors that are not the golden ones are told."""
    assert complaint in judged(TEXT, {**right(TEXT), **change}, SEEN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "INTERNAL"),
        ("reason", ""),
        ("message", "Something failed."),
        ("metadata", {}),
        ("retry_after_ms", None),
        ("field_violations", []),
        ("usage", None),
        ("attempts", []),
        ("response_id", ""),
        ("class", "ServerError"),
    ],
)
def test_another_error(field: str, value: object) -> None:
    """Every detail of an error is looked at."""
    line = right(REFUSED)
    line["error"][field] = value

    assert f"error.{field}" in judged(REFUSED, line, {**SEEN, "outcome": "failed"})


@pytest.mark.parametrize(
    ("name", "rows", "complaint"),
    [
        (TEXT, [], "the server saw no attempt"),
        (TEXT, [{"golden_request": False}], "the request was not the golden one"),
        ("retries/unary", [{}], "the server saw 1 attempts, not 3"),
        ("retries/pushback", [{}, {"began_ms": 900.0}], "came 896 ms after the one before it"),
        ("calls/abandoned", [{}], "the server saw it completed, not cancelled"),
        ("calls/abandoned", [{"lasted_ms": 1500.0}], "on the server it lasted 1500.0 ms"),
        ("calls/held_back", [{}], "the server was never held back longer than 0.1 ms"),
        ("calls/default_deadline", [{}], "the call had 15000 ms left"),
        ("calls/default_deadline", [{"time_remaining_ms": None}], "the call had None ms left"),
        ("limits/metadata", [{}], "metadata weir-priority is []"),
        ("limits/metadata", [{}], "metadata weir-client is missing"),
    ],
)
def test_what_the_server_saw(name: str, rows: list[dict[str, Any]], complaint: str) -> None:
    """The journal is looked at, too."""
    assert complaint in judged(name, {"elapsed_ms": 1}, *({**SEEN, **row} for row in rows))


def test_a_driver_that_hangs_up() -> None:
    """One that dies over a line is started again for the next; its last words are told."""
    program = """
        import json, sys
        for line in sys.stdin:
            if json.loads(line)["id"] == "bad":
                sys.exit("I cannot do that.")
            print(line, end="", flush=True)
        """
    command = [sys.executable, "-c", "\n".join(each[8:] for each in program.splitlines())]

    first, bad, last = drive(command, [{"id": "1"}, {"id": "bad"}, {"id": "2"}])

    assert (first.line, last.line) == ({"id": "1"}, {"id": "2"})
    assert bad.line is None
    assert "it ended with 1; I cannot do that." in bad.trouble
    assert last.exit_code == 0


def test_a_driver_that_prints_something_else() -> None:
    """What is no JSON is told."""
    (shown,) = drive([sys.executable, "-c", "print('Hello')"], [{"id": "1"}])

    assert "it printed no JSON: 'Hello" in shown.trouble


def test_a_client_that_is_not_built(tmp_path: Path) -> None:
    """It is told which, why and what to do."""
    script = tmp_path / "cobol"
    script.write_text("#!/bin/sh\necho 'there is no cobc' >&2\nexit 1\n")
    script.chmod(0o755)
    (tmp_path / "README").write_text("No client.")

    (client,) = clients(tmp_path)

    assert client == Client(name="cobol", script=script)
    assert unready(client) == ("cobol is not built (there is no cobc): scripts/clients/cobol build")
