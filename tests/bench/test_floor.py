"""Does the floor answer truly, and does the harness see it when it does not?"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from bench.counts import Counts, FloorCounter, PacedCounter
from bench.load import run_load
from bench.measure import VoidError, checked_load, grpc_target
from bench.payload import answer_text
from bench.procs import free_port, serve
from bench.proof import stream_text, unary_text
from bench.subjects import Running, floor_command
from weir.v1 import provider_service_pb2_grpc

CHUNKS = 10
needs_h2load = pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not here")


@contextmanager
def floor_over_paced(home: Path) -> Iterator[tuple[Running, PacedCounter]]:
    """A floor with two models: `good` streams from a paced upstream, `gone` has no upstream."""
    upstream_port, floor_port = free_port(), free_port()
    paced = (sys.executable, "-m", "bench.paced", "--interval-ms=1", f"--chunks={CHUNKS}")
    upstreams = {
        "good": f"http://127.0.0.1:{upstream_port}/v1",
        "gone": f"http://127.0.0.1:{free_port()}/v1",
    }
    with (
        serve(
            name="paced",
            command=(*paced, f"--port={upstream_port}"),
            port=upstream_port,
            core=min(os.sched_getaffinity(0)),
            log=home / "paced.log",
        ),
        serve(
            name="floor",
            command=floor_command(floor_port, home / "counters", upstreams),
            port=floor_port,
            core=min(os.sched_getaffinity(0)),
            log=home / "floor.log",
        ) as served,
    ):
        counter = PacedCounter(f"http://127.0.0.1:{upstream_port}/counters")
        yield (
            Running(label="floor", served=served, counter=FloorCounter(home / "counters")),
            counter,
        )


def test_stream_is_whole_and_counted(tmp_path: Path) -> None:
    """A grpcio client gets every word and the end; a failed call is counted as failed."""
    with (
        floor_over_paced(tmp_path) as (floor, upstream),
        grpc.insecure_channel(f"127.0.0.1:{floor.served.port}") as channel,
    ):
        stub = provider_service_pb2_grpc.LLMProviderServiceStub(channel)
        assert stream_text(stub, "good") == answer_text(CHUNKS)
        with pytest.raises(grpc.RpcError):
            unary_text(stub, "gone")
        assert floor.counter.read() == Counts(ok=1, failed=1)
        assert upstream.read() == Counts(ok=1, failed=0)


@needs_h2load
def test_load_that_succeeds_stands(tmp_path: Path) -> None:
    """All three counts agree, and each call has its latency."""
    with floor_over_paced(tmp_path) as (floor, upstream):
        load = checked_load(
            grpc_target(floor, model="good", stream=True, scratch=tmp_path),
            calls=12,
            concurrency=4,
            counters={"floor": floor.counter, "the upstream": upstream},
            scratch=tmp_path,
            timeout_s=30,
        )
    assert len(load.latencies_us) == 12
    assert load.wall_s > 0


@needs_h2load
def test_failing_calls_void_the_run_though_h2load_is_content(tmp_path: Path) -> None:
    """h2load takes a gRPC failure for a success; the floor's count says otherwise, and wins."""
    with floor_over_paced(tmp_path) as (floor, upstream):
        target = grpc_target(floor, model="gone", stream=True, scratch=tmp_path)
        load = run_load(target, calls=3, concurrency=1, scratch=tmp_path, timeout_s=30)
        assert load.summary.succeeded == 3
        with pytest.raises(VoidError, match="floor: 0 ended well and 3 not, of 3"):
            checked_load(
                target,
                calls=3,
                concurrency=1,
                counters={"floor": floor.counter, "the upstream": upstream},
                scratch=tmp_path,
                timeout_s=30,
            )
