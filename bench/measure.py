"""What does one case cost on two servers, sample by sample, in turns?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.counts import Counter, Counts, disagreements, settled
from bench.load import LoadError, LoadResult, Target, run_load
from bench.plan import Case, Kind, Plan
from bench.procs import GoneError, cpu_s, rss_bytes
from bench.requests import CHAT_PATH, STREAM_CHAT_PATH, framed_chat, framed_stream_chat
from bench.subjects import Running
from bench.upstreams import Upstreams, model_of

LOAD_PATIENCE_S = 60.0
DIRECT = "direct"
WARM_UP_SHARE = 4


class VoidError(RuntimeError):
    """A run whose counts do not agree: no figure of it may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One load run against one server; `cpu_us_per_call` is None for the upstream itself."""

    calls_per_s: float
    latencies_us: tuple[int, ...]
    cpu_us_per_call: float | None


@dataclass(slots=True, kw_only=True)
class CaseResult:
    """All samples of a case by server, in the order taken; `void` says why none of it counts."""

    case: Case
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    rss_bytes: dict[str, int] = field(default_factory=dict)
    void: str | None = None


def measure_case(
    case: Case,
    *,
    plan: Plan,
    subjects: Sequence[Running],
    upstreams: Upstreams,
    scratch: Path,
    advance: Callable[[], None],
) -> CaseResult:
    """Take `plan.pairs` samples of the upstream and of each server, in turns.

    In turns, so that whatever the machine does meanwhile meets all of them alike. The first
    disagreement of counts ends the case, because its figures would say nothing.
    """
    result = CaseResult(case=case)

    def sample(calls: int, subject: Running | None) -> Sample:
        return _sample(
            case, calls, plan=plan, subject=subject, upstreams=upstreams, scratch=scratch
        )

    try:
        for subject in subjects:
            sample(max(case.concurrency, case.calls // WARM_UP_SHARE), subject)
        for _ in range(plan.pairs):
            result.samples.setdefault(DIRECT, []).append(sample(case.calls, None))
            for subject in subjects:
                taken = sample(case.calls, subject)
                result.samples.setdefault(subject.label, []).append(taken)
            advance()
        for subject in subjects:
            result.rss_bytes[subject.label] = rss_bytes(subject.served.pid)
    except (GoneError, LoadError, VoidError) as error:
        result.void = str(error)
    return result


def grpc_target(subject: Running, *, model: str, stream: bool, scratch: Path) -> Target:
    """The call that asks `subject` for `model`."""
    body = scratch / f"{model}.grpc"
    body.write_bytes(framed_stream_chat(model) if stream else framed_chat(model))
    path = STREAM_CHAT_PATH if stream else CHAT_PATH
    return Target(port=subject.served.port, path=path, body=body, grpc=True)


def checked_load(
    target: Target,
    *,
    calls: int,
    concurrency: int,
    counters: Mapping[str, Counter],
    scratch: Path,
    timeout_s: float,
) -> LoadResult:
    """Run the load and compare all counts with it; raises VoidError where they differ."""
    before: dict[str, Counts] = {who: counter.read() for who, counter in counters.items()}
    load = run_load(
        target, calls=calls, concurrency=concurrency, scratch=scratch, timeout_s=timeout_s
    )
    gained = {who: settled(counter, before[who], calls) for who, counter in counters.items()}
    found = disagreements(calls, load.summary, gained)
    if found:
        raise VoidError("; ".join(found))
    return load


def _sample(
    case: Case,
    calls: int,
    *,
    plan: Plan,
    subject: Running | None,
    upstreams: Upstreams,
    scratch: Path,
) -> Sample:
    counters = {"the upstream": upstreams.counters[case.kind]}
    if subject is None:
        target = upstreams.direct[case.kind]
    else:
        counters[subject.label] = subject.counter
        target = grpc_target(
            subject,
            model=model_of(case.kind),
            stream=case.kind is not Kind.UNARY,
            scratch=scratch,
        )
    paced_s = plan.paced_s * calls / case.concurrency if case.kind is Kind.PACED else 0.0
    before_s = 0.0 if subject is None else cpu_s(subject.served.pid)
    load = checked_load(
        target,
        calls=calls,
        concurrency=case.concurrency,
        counters=counters,
        scratch=scratch,
        timeout_s=LOAD_PATIENCE_S + paced_s,
    )
    # Read after the counters settled: what a server does once the caller is gone is its cost too.
    after_s = 0.0 if subject is None else cpu_s(subject.served.pid)
    return Sample(
        calls_per_s=calls / load.wall_s,
        latencies_us=load.latencies_us,
        cpu_us_per_call=None if subject is None else (after_s - before_s) * 1e6 / calls,
    )
