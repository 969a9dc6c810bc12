"""Which figures does a case come down to, and is its target met?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.measure import DIRECT, CaseResult, Sample
from bench.plan import Kind
from bench.stats import LEAST_FOR_P99, Interval, median, median_interval, pair_ratios, percentile


class Verdict(StrEnum):
    """The ratio's interval against its target: wholly under, wholly over, or across it."""

    MET = "met"
    MISSED = "missed"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One server in one case. Latencies are in ms; what is added is over the upstream direct.

    A p99 is None below a hundred calls, where it would be the maximum by another name.
    `cpu_us_per_chunk` is None for a unary call, and all CPU is for the upstream.
    """

    label: str
    calls_per_s: float
    cpu_us_per_call: float | None
    cpu_us_per_chunk: float | None
    p50_ms: float
    p99_ms: float | None
    added_p50_ms: float | None
    added_p99_ms: float | None
    rss_mib: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The second server over the first, from pairs of samples taken one after the other.

    Without a target there is no verdict: the floor beside itself has nothing to meet.
    """

    cpu: Interval
    throughput: Interval
    target: float | None
    verdict: Verdict | None


def figures_of(result: CaseResult, label: str) -> Figures:
    """Fold the samples of `label` into medians and percentiles."""
    samples = result.samples[label]
    p50_ms, p99_ms = _latency_ms(samples)
    direct_p50_ms, direct_p99_ms = _latency_ms(result.samples[DIRECT])
    cpu = [sample.cpu_us_per_call for sample in samples if sample.cpu_us_per_call is not None]
    per_call = median(cpu) if cpu else None
    rss = result.rss_bytes.get(label)
    is_direct = label == DIRECT
    return Figures(
        label=label,
        calls_per_s=median([sample.calls_per_s for sample in samples]),
        cpu_us_per_call=per_call,
        cpu_us_per_chunk=(
            per_call / result.case.chunks if per_call is not None and result.case.chunks else None
        ),
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        added_p50_ms=None if is_direct else p50_ms - direct_p50_ms,
        added_p99_ms=(
            None if is_direct or p99_ms is None or direct_p99_ms is None else p99_ms - direct_p99_ms
        ),
        rss_mib=None if rss is None else rss / 2**20,
    )


def compare(
    result: CaseResult, labels: tuple[str, str], targets: Mapping[Kind, float]
) -> Comparison:
    """The ratios second / first label of a case that stands, and what they mean for its target."""
    base, other = labels
    cpu = median_interval(pair_ratios(_cpu(result, base), _cpu(result, other)))
    throughput = median_interval(
        pair_ratios(
            [sample.calls_per_s for sample in result.samples[base]],
            [sample.calls_per_s for sample in result.samples[other]],
        )
    )
    target = targets.get(result.case.kind)
    return Comparison(
        cpu=cpu,
        throughput=throughput,
        target=target,
        verdict=None if target is None else judge(cpu, target),
    )


def judge(ratio: Interval, target: float) -> Verdict:
    """Say only what the whole interval says."""
    if ratio.high <= target:
        return Verdict.MET
    if ratio.low > target:
        return Verdict.MISSED
    return Verdict.UNCLEAR


def _cpu(result: CaseResult, label: str) -> list[float]:
    return [
        sample.cpu_us_per_call
        for sample in result.samples[label]
        if sample.cpu_us_per_call is not None
    ]


def _latency_ms(samples: Sequence[Sample]) -> tuple[float, float | None]:
    every = [took for sample in samples for took in sample.latencies_us]
    p99 = percentile(every, 0.99) / 1000 if len(every) >= LEAST_FOR_P99 else None
    return percentile(every, 0.50) / 1000, p99
