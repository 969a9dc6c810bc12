"""How much memory does one open stream hold?

Many streams of an upstream that says one chunk a second are opened at once; the server's
resident memory is read when all are open and compared with what it was before the first.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.counts import PacedCounter
from bench.load import LoadError, LoadResult
from bench.measure import LOAD_PATIENCE_S, VoidError, checked_load, grpc_target
from bench.plan import Plan
from bench.procs import GoneError, rss_bytes
from bench.stats import median
from bench.subjects import Running, Subject, run_subject
from bench.upstreams import IDLE_MODEL, Upstreams

SETTLE_S = 1.0
READS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One round: resident memory at rest and with `streams` open; void rounds hold a reason."""

    label: str
    streams: int
    idle_bytes: int = 0
    open_bytes: int = 0
    void: str | None = None

    @property
    def bytes_per_stream(self) -> float:
        """What one more open stream adds."""
        return (self.open_bytes - self.idle_bytes) / self.streams


def measure_memory(
    subject: Subject,
    *,
    label: str,
    plan: Plan,
    upstreams: Upstreams,
    scratch: Path,
) -> Memory:
    """Open the plan's streams on a fresh process and read its memory before and with them."""
    streams = plan.idle_streams
    with run_subject(
        subject, label=label, scratch=scratch, core=plan.server_core, upstreams=upstreams
    ) as running:
        idle = rss_bytes(running.served.pid)
        with ThreadPoolExecutor(max_workers=1) as pool:
            load = pool.submit(_load, running, plan, upstreams, scratch)
            try:
                _await_open(upstreams.idle, streams, load)
                reads = []
                for _ in range(READS):
                    time.sleep(SETTLE_S / READS)
                    reads.append(rss_bytes(running.served.pid))
                load.result()
            except (GoneError, LoadError, VoidError) as error:
                return Memory(label=label, streams=streams, void=str(error))
    return Memory(label=label, streams=streams, idle_bytes=idle, open_bytes=int(median(reads)))


def _load(running: Running, plan: Plan, upstreams: Upstreams, scratch: Path) -> LoadResult:
    return checked_load(
        grpc_target(running, model=IDLE_MODEL, stream=True, scratch=scratch),
        calls=plan.idle_streams,
        concurrency=plan.idle_streams,
        counters={"the upstream": upstreams.idle, running.label: running.counter},
        scratch=scratch,
        timeout_s=LOAD_PATIENCE_S + plan.idle_s,
    )


def _await_open(counter: PacedCounter, streams: int, load: Future[LoadResult]) -> None:
    most = 0
    while most < streams:
        if load.done():
            load.result()
            raise VoidError(f"at most {most} of {streams} streams were seen open at once")
        most = max(most, counter.open_streams())
        time.sleep(0.05)
