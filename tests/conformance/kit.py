"""How does a client fare in all scenarios? Group by group through its driver, then judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tests.conformance.asking import line_of, sent_back
from tests.conformance.driving import Shown, drive
from tests.conformance.golden.files import FOLDER, GROUPS
from tests.conformance.judging import complaints
from tests.conformance.languages import Client
from tests.conformance.serving import Served
from weir_server.conformance.scenario import load, rows

Fields = Mapping[str, Any]

AT_ONCE = 2
"""Processes of a client that run side by side; most of their time they wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one client."""

    client: Client
    described: Fields
    """What it says of itself: language, versions."""
    complaints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By scenario; no complaint is a pass."""

    @property
    def failed(self) -> Mapping[str, Sequence[str]]:
        """The scenarios that did not pass."""
        return {name: told for name, told in self.complaints.items() if told}


def golden() -> Mapping[str, Fields]:
    """Return the fields of every scenario by name, in the order of the matrix."""
    return {name: fields for group in GROUPS for name, fields in rows(FOLDER / f"{group}.json")}


def run(
    client: Client, served: Served, wanted: Callable[[str], bool] = lambda name: True
) -> Outcome:
    """Run the scenarios that are wanted, and judge them."""
    described = drive(client.driver, [{"id": "describe", "do": "describe"}])[0]
    scenarios = load(FOLDER)
    chosen = {name: fields for name, fields in golden().items() if wanted(name)}
    shown = _shown(client, served, chosen)
    return Outcome(
        client=client,
        described=described.line or {"trouble": described.trouble},
        complaints={
            name: complaints(
                scenarios[name],
                fields,
                shown[name],
                served.rows_of(_call(client, name), at_least=_least(fields)),
            )
            for name, fields in chosen.items()
        },
    )


def _least(fields: Fields) -> int:
    journal = fields.get("journal", {})
    least: int = journal.get("attempts", 0 if journal.get("optional") else 1)
    return least


def _call(client: Client, name: str) -> str:
    return f"{client.name}:{name}"


def _shown(client: Client, served: Served, chosen: Mapping[str, Fields]) -> dict[str, Shown]:
    shown: dict[str, Shown] = {}

    def work(names: Sequence[str]) -> None:
        lines = [_line(client, served, name, chosen[name], shown) for name in names]
        shown.update(zip(names, drive(client.driver, lines)))

    for processes in _rounds(chosen):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(work, processes))
    return shown


def _rounds(chosen: Mapping[str, Fields]) -> Iterator[list[list[str]]]:
    """Give the names that each process runs: a group's, or one that wants to be alone.

    What needs the answer of another comes in a second round.
    """
    first = [name for name, fields in chosen.items() if not fields.get("follows")]
    together = [name for name in first if not chosen[name].get("alone")]
    by_group = groupby(together, key=lambda name: name.partition("/")[0])
    groups = [list(names) for _, names in by_group]
    yield [*groups, *([name] for name in first if chosen[name].get("alone"))]
    yield [[name for name in chosen if name not in first]]


def _line(
    client: Client, served: Served, name: str, fields: Fields, shown: Mapping[str, Shown]
) -> dict[str, Any]:
    request = None
    before = shown.get(fields.get("follows", ""))
    if before is not None and before.line is not None and before.line.get("folded"):
        request = sent_back(fields["request"], before.line["folded"])
    return line_of(name, fields, _call(client, name), served, request)
