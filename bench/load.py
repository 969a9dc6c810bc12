"""What did the load generator send, what came back, and how long did each call take?

The generator is h2load (nghttp2): compiled, so that it never is what limits a Python server,
and a speaker of HTTP/2, so that a gRPC call is a POST of one framed message.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FEW_CONNECTIONS = 8
MOST_STREAMS = 50

_REQUESTS = re.compile(
    r"^requests: (?P<total>\d+) total, \d+ started, (?P<done>\d+) done, "
    r"(?P<succeeded>\d+) succeeded, (?P<failed>\d+) failed, (?P<errored>\d+) errored",
    re.MULTILINE,
)
_STATUSES = re.compile(r"^status codes: (?P<ok>\d+) 2xx", re.MULTILINE)


class LoadError(RuntimeError):
    """h2load could not run, ran out of time, or said something this module cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the calls go and what each one posts."""

    port: int
    path: str
    body: Path
    grpc: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What h2load counted. A 2xx says that HTTP worked; a gRPC failure is a 2xx as well."""

    total: int
    succeeded: int
    failed: int
    errored: int
    status_2xx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """One run: the counts, the span from first start to last end, each call's duration."""

    summary: Summary
    wall_s: float
    latencies_us: tuple[int, ...]


def h2load_command(
    target: Target, *, calls: int, concurrency: int, log_file: Path
) -> tuple[str, ...]:
    """The command line that keeps `concurrency` calls in flight until `calls` are done.

    gRPC callers share connections, so streams are multiplexed on a few; HTTP/1.1 carries one
    call per connection.
    """
    uri = f"http://127.0.0.1:{target.port}{target.path}"
    common = (f"--requests={calls}", f"--data={target.body}", f"--log-file={log_file}")
    if target.grpc:
        connections = connections_for(concurrency)
        return (
            "h2load",
            f"--clients={connections}",
            f"--max-concurrent-streams={concurrency // connections}",
            "--header=content-type: application/grpc",
            "--header=te: trailers",
            "--header=grpc-timeout: 60S",
            *common,
            uri,
        )
    return (
        "h2load",
        "--h1",
        f"--clients={concurrency}",
        "--header=content-type: application/json",
        *common,
        uri,
    )


def connections_for(concurrency: int) -> int:
    """How many connections share `concurrency` streams evenly: eight at most, or as many as
    keep each below the hundred streams that servers commonly allow on one connection.
    """
    most = max(FEW_CONNECTIONS, concurrency // MOST_STREAMS)
    return max(n for n in range(1, most + 1) if concurrency % n == 0)


def run_load(
    target: Target, *, calls: int, concurrency: int, scratch: Path, timeout_s: float
) -> LoadResult:
    """Run h2load to its end and read what it reports; raises LoadError if it reports nothing."""
    log_file = scratch / "h2load.log"
    log_file.unlink(missing_ok=True)
    command = h2load_command(target, calls=calls, concurrency=concurrency, log_file=log_file)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise LoadError(f"h2load did not end in {timeout_s:g} s: {' '.join(command)}") from None
    if done.returncode != 0:
        raise LoadError(f"h2load ended with code {done.returncode}: {done.stderr.strip()}")
    wall_s, latencies_us = parse_log(log_file.read_text().splitlines())
    return LoadResult(summary=parse_summary(done.stdout), wall_s=wall_s, latencies_us=latencies_us)


def parse_summary(text: str) -> Summary:
    """Read the counts out of h2load's closing words."""
    requests, statuses = _REQUESTS.search(text), _STATUSES.search(text)
    if requests is None or statuses is None:
        raise LoadError(f"h2load's summary has no counts in it:\n{text}")
    return Summary(
        total=int(requests["total"]),
        succeeded=int(requests["succeeded"]),
        failed=int(requests["failed"]),
        errored=int(requests["errored"]),
        status_2xx=int(statuses["ok"]),
    )


def parse_log(lines: Sequence[str]) -> tuple[float, tuple[int, ...]]:
    """Read h2load's log: start in µs since the epoch, status, duration in µs, tab-separated.

    Failed calls (status -1) have no meaningful duration and are left out; the counts, which
    void a run with any, come from the summary.
    """
    rows = [tuple(int(cell) for cell in line.split("\t")[:3]) for line in lines if line]
    ended = [(start, took) for start, status, took in rows if status >= 0]
    if not ended:
        return 0.0, ()
    first = min(start for start, _ in ended)
    last = max(start + took for start, took in ended)
    return (last - first) / 1e6, tuple(took for _, took in ended)
