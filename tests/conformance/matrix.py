"""Which client passes which scenario? docs/conformance.md, written by a run and held to it.

`python -m tests.conformance --write` writes the page when every client that has a script was run.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.conformance.kit import Outcome

PAGE = Path(__file__).parents[2] / "docs/conformance.md"
PASSED, FAILED = "✓", "✗"
VERSIONS = "## The clients of this run"

_HEAD = """# Conformance

Every client is held to the same scenarios: golden files of requests, events and failures
(`tests/conformance/scenarios/*.json`) that `weir conformance-server` plays on the real transport,
with errors from the server's own table. A small driver in each language makes the calls with that
language's client; the kit (`tests/conformance`) compares what it shows with the golden file and
with what the server saw: attempts, cancels, deadlines, metadata. `make test-clients` builds every
client and runs the kit; `python -m tests.conformance --client go --only retries` runs a part of it.

The server sends up to 32 MiB in a message, and clients take as much by default; one with a lower
limit (`max_receive_bytes`) refuses what is larger. This page is written by `python -m
tests.conformance --write`, and a test holds it to what a run says.

A golden file says of each scenario: `request` (proto JSON), `attempts` (what the server does at the
first, the second, … attempt: `send`, `send_bytes`, `wait_ms`, `silence`, `fail`, `status`),
`client` (how the call is made), `shows` (what must come of it; without `messages`: all that was
sent) and `journal` (what the server must have seen). `@repeat:TEXT:COUNT` stands for a text
repeated.

"""


def page(outcomes: Sequence[Outcome], promises: Mapping[str, str]) -> str:
    """Return the page; promises: of each scenario, by name."""
    return _HEAD + "\n".join([*_tables(outcomes, promises), "", *_versions(outcomes)]) + "\n"


def _tables(outcomes: Sequence[Outcome], promises: Mapping[str, str]) -> list[str]:
    lines = []
    columns = " | ".join(outcome.client.name for outcome in outcomes)
    for group, names in groupby(promises, key=lambda name: name.partition("/")[0]):
        lines += [
            f"## {group}",
            "",
            f"| scenario | what every client does | {columns} |",
            "|---|---|" + "---|" * len(outcomes),
        ]
        for name in names:
            marks = " | ".join(_mark(outcome, name) for outcome in outcomes)
            lines.append(f"| {name.partition('/')[2]} | {promises[name]} | {marks} |")
        lines.append("")
    return lines[:-1]


def _mark(outcome: Outcome, name: str) -> str:
    return FAILED if outcome.complaints.get(name) else PASSED


def _versions(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [VERSIONS, "", "| client | version | runtime |", "|---|---|---|"]
    for outcome in outcomes:
        told: Mapping[str, Any] = outcome.described
        version, runtime = told.get("client_version", "?"), told.get("runtime", "?")
        lines.append(f"| {outcome.client.name} | {version} | {runtime} |")
    return lines


def without_versions(text: str) -> str:
    """Return a page without what changes from machine to machine."""
    return text.partition(VERSIONS)[0]


def only(text: str, names: Sequence[str]) -> str:
    """Return a page with the columns of these clients alone, without versions."""
    lines = []
    kept: list[int] = []
    for line in without_versions(text).splitlines():
        if not line.startswith("|"):
            lines.append(line)
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "scenario":
            kept = [at for at, cell in enumerate(cells) if at < 2 or cell in names]
        lines.append(" | ".join(cells[at] for at in kept))
    return "\n".join(lines)


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the matrix in short, a line for each client: scenarios that pass, group by group."""
    lines = []
    for outcome in outcomes:
        by_group: dict[str, list[bool]] = {}
        for name, told in outcome.complaints.items():
            by_group.setdefault(name.partition("/")[0], []).append(not told)
        groups = ", ".join(f"{name} {sum(ok)}/{len(ok)}" for name, ok in by_group.items())
        passed = len(outcome.complaints) - len(outcome.failed)
        total = f"{passed} of {len(outcome.complaints)}"
        lines.append(f"{outcome.client.name:15} {total:11} {groups}")
    return lines
