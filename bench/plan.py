"""Which cases are run, how often, and on which cores?"""

import os
from dataclasses import dataclass
from enum import StrEnum

CHUNKS = 100


class Kind(StrEnum):
    """What one call is: an answer, a stream that comes at once, or one that trickles."""

    UNARY = "unary"
    BURST = "burst"
    PACED = "paced"


# CPU per call at most this many times the floor's. A burst is cheaper than the floor's because
# what one upstream read brought travels as one message, while the floor sends one per chunk.
TARGETS = {Kind.UNARY: 1.20, Kind.BURST: 0.50, Kind.PACED: 1.20}

# Weir as it comes, over the same with resilience switched off.
RESILIENCE_TARGETS = {Kind.UNARY: 1.05, Kind.PACED: 1.05}

# Weir as it comes, over the same without its ledger.
ACCOUNTING_TARGETS = {Kind.UNARY: 1.10, Kind.PACED: 1.10}

# A stream in another vendor's words, over the same in OpenAI's.
FORMAT_TARGETS = {Kind.BURST: 1.20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of call with so many in flight; `calls` make one sample."""

    kind: Kind
    concurrency: int
    calls: int

    @property
    def chunks(self) -> int:
        """Content chunks in one call; zero for a unary answer."""
        return 0 if self.kind is Kind.UNARY else CHUNKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run is told. `pairs` samples of each case are taken from each server.

    A paced stream brings a chunk every `interval_ms`. `idle_streams` streams, each with a chunk
    every `idle_interval_ms`, are held open at once, `memory_rounds` times, in fresh processes.
    """

    cases: tuple[Case, ...]
    pairs: int
    interval_ms: float
    idle_streams: int
    idle_interval_ms: float
    memory_rounds: int
    server_core: int
    load_core: int

    @property
    def paced_s(self) -> float:
        """How long one paced stream takes."""
        return self.interval_ms * CHUNKS / 1000

    @property
    def idle_chunks(self) -> int:
        """Chunks of one idle stream: so many that all are open before the first one ends."""
        return 8 + self.idle_streams // 100

    @property
    def idle_s(self) -> float:
        """How long one idle stream takes."""
        return self.idle_interval_ms * self.idle_chunks / 1000


def plan_of(
    *,
    kinds: tuple[Kind, ...],
    concurrencies: tuple[int, ...],
    pairs: int,
    unary_calls: int,
    burst_calls: int,
    paced_waves: int,
    interval_ms: float,
    idle_streams: int,
    idle_interval_ms: float,
    memory_rounds: int,
) -> Plan:
    """Cross kinds and concurrencies; a sample never has fewer calls than are in flight.

    A paced sample is `paced_waves` streams in each place, because its length is its pace.
    """
    cases = []
    for kind in kinds:
        for concurrency in concurrencies:
            calls = {
                Kind.UNARY: max(unary_calls, concurrency),
                Kind.BURST: max(burst_calls, concurrency),
                Kind.PACED: paced_waves * concurrency,
            }[kind]
            cases.append(Case(kind=kind, concurrency=concurrency, calls=calls))
    server_core, load_core = two_cores()
    return Plan(
        cases=tuple(cases),
        pairs=pairs,
        interval_ms=interval_ms,
        idle_streams=idle_streams,
        idle_interval_ms=idle_interval_ms,
        memory_rounds=memory_rounds,
        server_core=server_core,
        load_core=load_core,
    )


def cases_by_call(plan: Plan) -> tuple[Case, ...]:
    """The cases that resilience and accounting are weighed on: unary, and the fullest paced one.

    What they cost, they cost once for each call; a paced stream shows that chunks are free.
    """
    unary = tuple(case for case in plan.cases if case.kind is Kind.UNARY)
    paced = [case for case in plan.cases if case.kind is Kind.PACED]
    return (*unary, *paced[-1:])


def format_cases(plan: Plan) -> tuple[Case, ...]:
    """The cases that other wire formats are weighed on: bursts, where decoding is most of it."""
    return tuple(case for case in plan.cases if case.kind is Kind.BURST)


def two_cores() -> tuple[int, int]:
    """The core for the servers and the one for load and upstream; the same if there is one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]
