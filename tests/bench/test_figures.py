"""Do the figures and the verdict follow from the samples, and is a void case shown as one?"""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench.figures import Verdict, compare, figures_of, judge
from bench.measure import DIRECT, CaseResult, Sample
from bench.memory import Memory
from bench.plan import TARGETS, Case, Kind, Plan, cases_by_call, plan_of
from bench.report import Run, save, show
from bench.stats import Interval

LABELS = ("floor", "weir")


def plan() -> Plan:
    return plan_of(
        kinds=(Kind.UNARY, Kind.PACED),
        concurrencies=(1, 32),
        pairs=6,
        unary_calls=10,
        burst_calls=10,
        paced_waves=2,
        interval_ms=20.0,
        idle_streams=1000,
        idle_interval_ms=1000.0,
        memory_rounds=1,
    )


def samples(cpu_us: float | None, latency_us: int, calls: int = 50) -> list[Sample]:
    return [
        Sample(
            calls_per_s=1e6 / latency_us,
            latencies_us=tuple([latency_us] * calls),
            cpu_us_per_call=None if cpu_us is None else cpu_us + drift,
        )
        for drift in range(6)
    ]


def result(weir_cpu_us: float = 1100.0) -> CaseResult:
    return CaseResult(
        case=Case(kind=Kind.BURST, concurrency=1, calls=50),
        samples={
            DIRECT: samples(None, 1000),
            "floor": samples(1000.0, 3000),
            "weir": samples(weir_cpu_us, 4000),
        },
        rss_bytes={"floor": 50 * 2**20, "weir": 70 * 2**20},
    )


def run(*results: CaseResult, memories: tuple[Memory, ...] = ()) -> Run:
    return Run(
        facts={"python": "3"},
        plan=plan(),
        labels=LABELS,
        targets=TARGETS,
        results=results,
        memories=memories,
    )


def shown(what: Run) -> str:
    written = StringIO()
    show(Console(width=140, file=written), what)
    return written.getvalue()


def test_samples_are_never_smaller_than_what_is_in_flight() -> None:
    """Thirty-two in flight need thirty-two calls; a paced sample has whole waves."""
    calls = {(case.kind, case.concurrency): case.calls for case in plan().cases}
    assert calls == {
        (Kind.UNARY, 1): 10,
        (Kind.UNARY, 32): 32,
        (Kind.PACED, 1): 2,
        (Kind.PACED, 32): 64,
    }


def test_what_calls_cost_is_weighed_where_it_acts() -> None:
    """Each unary case, and of the paced ones that with most streams at once."""
    cases = cases_by_call(plan())
    assert [(case.kind, case.concurrency) for case in cases] == [
        (Kind.UNARY, 1),
        (Kind.UNARY, 32),
        (Kind.PACED, 32),
    ]


def test_figures() -> None:
    """CPU is the median per call and per chunk; latency is what is added to the direct way."""
    weir = figures_of(result(), "weir")
    assert weir.cpu_us_per_call == 1102.5
    assert weir.cpu_us_per_chunk == 11.025
    assert (weir.p50_ms, weir.added_p50_ms) == (4.0, 3.0)
    assert (weir.p99_ms, weir.added_p99_ms) == (4.0, 3.0)
    assert weir.rss_mib == 70.0


def test_upstream_alone_has_no_cost_of_its_own() -> None:
    """The direct row shows speed only: nothing is added to itself, its CPU is not ours."""
    direct = figures_of(result(), DIRECT)
    assert direct.p50_ms == 1.0
    assert direct.cpu_us_per_call is direct.added_p50_ms is direct.rss_mib is None


def test_no_p99_of_a_few_calls() -> None:
    """Below a hundred calls the hundredth part of them is not there to be shown."""
    few = result()
    few.samples["weir"] = samples(1000.0, 4000, calls=16)
    assert figures_of(few, "weir").p99_ms is None
    assert figures_of(few, "weir").added_p99_ms is None


def test_comparison() -> None:
    """Ratios are the second server over the first, so below one means cheaper."""
    compared = compare(result(weir_cpu_us=500.0), LABELS, TARGETS)
    assert compared.cpu.low <= compared.cpu.median <= compared.cpu.high < 0.51
    assert compared.throughput.median == pytest.approx(0.75)


def test_without_targets_there_is_no_verdict() -> None:
    """The floor beside itself has nothing to meet."""
    assert compare(result(), LABELS, {}).verdict is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.0, 1.2, Verdict.MET),
        (1.1, 1.3, Verdict.UNCLEAR),
        (1.2, 1.3, Verdict.UNCLEAR),
        (1.21, 1.3, Verdict.MISSED),
    ],
)
def test_verdict_needs_the_whole_interval(low: float, high: float, verdict: Verdict) -> None:
    """An interval across the target proves neither side."""
    assert judge(Interval(median=low, low=low, high=high, coverage=0.95), 1.2) is verdict


def test_table_shows_ratio_and_target() -> None:
    """The row of the second server ends with its ratio and the verdict."""
    text = shown(run(result()))
    assert "1.10 (1.10-1.10)" in text
    assert "≤ 0.50 missed" in text
    assert "97% interval" in text


def test_void_case_shows_no_figure() -> None:
    """One wrong count, and not a single number of the case is printed or saved as a figure."""
    void = replace(result(), void="weir: 49 ended well and 1 not, of 50")
    text = shown(run(void))
    assert "VOID burst x 1: weir: 49 ended well" in text
    assert "1,100" not in text
    assert not run(void).missed


def test_void_memory_round_is_left_out() -> None:
    """A round whose streams were not all open is named, and the others still count."""
    memories = (
        Memory(label="floor", streams=1000, idle_bytes=0, open_bytes=1024 * 1000 * 20),
        Memory(label="weir", streams=1000, idle_bytes=0, open_bytes=1024 * 1000 * 30),
        Memory(label="weir", streams=1000, void="at most 900 of 1000 streams"),
    )
    text = shown(run(memories=memories))
    assert "VOID memory of weir: at most 900" in text
    assert "1.50" in text


def test_saved_document(tmp_path: Path) -> None:
    """Samples, figures and ratios are all there; a void case has samples only."""
    path = tmp_path / "out.json"
    all_of_it = run(result(), replace(result(), void="because"))
    save(path, all_of_it, run(result()), run(result()), [run(result())])
    document = json.loads(path.read_text())
    good, void = document["cases"]
    assert good["comparison"]["verdict"] == "missed"
    assert len(good["samples"]["weir"]) == 6
    assert "figures" not in void
    assert document["void"] == ["burst x 1: because"]
    assert len(document["resilience"][0]["samples"]["weir"]) == 6
    assert len(document["accounting"][0]["samples"]["weir"]) == 6
    assert len(document["formats"]["weir"][0]["samples"]["weir"]) == 6
