"""How are the figures shown to a person, and saved for a program?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.figures import Verdict, compare, figures_of
from bench.measure import DIRECT, CaseResult
from bench.memory import Memory
from bench.plan import Kind, Plan
from bench.stats import Interval, median

FORMAT = 1
STYLES = {Verdict.MET: "green", Verdict.MISSED: "red", Verdict.UNCLEAR: "yellow", None: "default"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that one run found out. Ratios are second label over first."""

    facts: Mapping[str, str]
    plan: Plan
    labels: tuple[str, str]
    targets: Mapping[Kind, float]
    results: tuple[CaseResult, ...]
    memories: tuple[Memory, ...]
    title: str = "Cost of a call"

    @property
    def void(self) -> tuple[str, ...]:
        """What may not be believed, and why."""
        cases = [f"{_name(result)}: {result.void}" for result in self.results if result.void]
        rounds = [f"memory of {each.label}: {each.void}" for each in self.memories if each.void]
        return (*cases, *rounds)

    @property
    def missed(self) -> bool:
        """Whether some case is over its target for sure."""
        return any(
            compare(result, self.labels, self.targets).verdict is Verdict.MISSED
            for result in self.results
            if not result.void
        )


def show(console: Console, run: Run) -> None:
    """Print the machine, the table of cases, the table of memory, and what is void."""
    if run.facts:
        console.print(" | ".join(f"{name} {fact}" for name, fact in run.facts.items()), style="dim")
    if run.results:
        console.print(_cases_table(run))
    if run.memories:
        console.print(_memory_table(run))
    for reason in run.void:
        console.print(f"VOID {reason}", style="bold red", markup=False)


def save(path: Path, run: Run, resilience: Run, accounting: Run, formats: Sequence[Run]) -> None:
    """Write everything, raw samples too, so that another eye can reckon anew."""
    document = {
        "format": FORMAT,
        "void": [
            reason for each in (run, resilience, accounting, *formats) for reason in each.void
        ],
        "environment": dict(run.facts),
        "plan": asdict(run.plan),
        "cases": [_case_document(run, result) for result in run.results],
        "memory": [
            asdict(each) | {"bytes_per_stream": None if each.void else each.bytes_per_stream}
            for each in run.memories
        ],
        "resilience": [_case_document(resilience, result) for result in resilience.results],
        "accounting": [_case_document(accounting, result) for result in accounting.results],
        "formats": {
            each.labels[1]: [_case_document(each, result) for result in each.results]
            for each in formats
        },
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def _cases_table(run: Run) -> Table:
    table = Table(title=run.title, caption=_caption(run), box=box.SIMPLE_HEAD)
    for heading in ("case", "server"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        "calls/s",
        "CPU µs\n/call",
        "CPU µs\n/chunk",
        "ms whole\np50 / p99",
        "ms added\np50 / p99",
        "RSS\nMiB",
        "ratio of\ncalls/s",
        "ratio of\nCPU",
        "target",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in run.results:
        if result.void:
            table.add_row(_name(result), "[bold red]VOID[/]")
        else:
            _add_case(table, run, result)
        table.add_section()
    return table


def _add_case(table: Table, run: Run, result: CaseResult) -> None:
    compared = compare(result, run.labels, run.targets)
    style = STYLES[compared.verdict]
    for label in (DIRECT, *run.labels):
        figures = figures_of(result, label)
        ratios: tuple[str, ...] = ()
        if label == run.labels[1]:
            ratios = (
                f"{compared.throughput.median:.2f}",
                f"[{style}]{_interval(compared.cpu)}[/]",
                f"[{style}]≤ {compared.target:.2f} {compared.verdict}[/]"
                if compared.target
                else "",
            )
        table.add_row(
            _name(result) if label == DIRECT else "",
            label,
            _number(figures.calls_per_s, 1 if figures.calls_per_s < 100 else 0),
            _number(figures.cpu_us_per_call, 0),
            _number(figures.cpu_us_per_chunk, 1),
            f"{_ms(figures.p50_ms)} / {_ms(figures.p99_ms)}",
            ""
            if figures.added_p50_ms is None
            else f"{_ms(figures.added_p50_ms)} / {_ms(figures.added_p99_ms)}",
            _number(figures.rss_mib, 0),
            *ratios,
        )


def _memory_table(run: Run) -> Table:
    table = Table(title=f"{run.plan.idle_streams:,} streams open at once", box=box.SIMPLE_HEAD)
    table.add_column("server", no_wrap=True)
    for heading in ("rounds", "RSS MiB\nat rest", "RSS MiB\nall open", "KiB per\nstream", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    base_bytes: float | None = None
    for label in run.labels:
        rounds = [each for each in run.memories if each.label == label and not each.void]
        if not rounds:
            table.add_row(label, "[bold red]VOID[/]")
            continue
        per_stream_bytes = median([each.bytes_per_stream for each in rounds])
        base_bytes, ratio = (
            (per_stream_bytes, "")
            if label == run.labels[0]
            else (base_bytes, f"{per_stream_bytes / base_bytes:.2f}" if base_bytes else "")
        )
        table.add_row(
            label,
            str(len(rounds)),
            _number(median([each.idle_bytes for each in rounds]) / 2**20, 1),
            _number(median([each.open_bytes for each in rounds]) / 2**20, 1),
            _number(per_stream_bytes / 1024, 1),
            ratio,
        )
    return table


def _case_document(run: Run, result: CaseResult) -> dict[str, object]:
    document: dict[str, object] = {
        "case": asdict(result.case),
        "void": result.void,
        "samples": {
            label: [
                {"calls_per_s": sample.calls_per_s, "cpu_us_per_call": sample.cpu_us_per_call}
                for sample in samples
            ]
            for label, samples in result.samples.items()
        },
    }
    if not result.void:
        document["figures"] = [asdict(figures_of(result, each)) for each in (DIRECT, *run.labels)]
        document["comparison"] = asdict(compare(result, run.labels, run.targets))
    return document


def _caption(run: Run) -> str:
    coverages = [
        compare(result, run.labels, run.targets).cpu.coverage
        for result in run.results
        if not result.void
    ]
    interval = f" ({min(coverages):.0%} interval)" if coverages else ""
    base, other = run.labels
    return (
        f"Ratios are {other} / {base}, the median of {run.plan.pairs} pairs{interval}. "
        "bench/README.md tells how to read this."
    )


def _interval(interval: Interval) -> str:
    return f"{interval.median:.2f} ({interval.low:.2f}-{interval.high:.2f})"


def _name(result: CaseResult) -> str:
    return f"{result.case.kind} x {result.case.concurrency}"


def _ms(value: float | None) -> str:
    return _number(value, 2 if value is None or abs(value) < 100 else 1)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
