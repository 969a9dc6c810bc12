"""Is h2load asked rightly, and understood?"""

from pathlib import Path

import pytest

from bench.load import (
    LoadError,
    Summary,
    Target,
    connections_for,
    h2load_command,
    parse_log,
    parse_summary,
)

CLOSING_WORDS = """\
finished in 2.53ms, 790.51 req/s, 237.77KB/s
requests: 7 total, 7 started, 6 done, 4 succeeded, 3 failed, 1 errored, 0 timeout
status codes: 4 2xx, 0 3xx, 2 4xx, 0 5xx
traffic: 616B (616) total, 218B (218) headers (space savings 0.00%), 306B (306) data
                     min         max         mean         sd        +/- sd
time for request:       55us       185us       120us        92us   100.00%
"""


def test_summary() -> None:
    """Each count comes from its own place."""
    assert parse_summary(CLOSING_WORDS) == Summary(
        total=7, succeeded=4, failed=3, errored=1, status_2xx=4
    )


def test_unknown_summary_is_an_error() -> None:
    """Words without counts are never taken for zero failures."""
    with pytest.raises(LoadError, match="no counts"):
        parse_summary("h2load: unexpected")


def test_log_rows() -> None:
    """The span runs from the first start to the last end, in whatever order rows stand."""
    wall_s, latencies_us = parse_log(
        ["1000500\t200\t400", "1000000\t200\t2000000", "1000100\t-1\t7", ""]
    )
    assert wall_s == 2.0
    assert latencies_us == (400, 2_000_000)


def test_log_of_failures_alone() -> None:
    """Where nothing ended there is no latency, and no division by it either."""
    assert parse_log(["1000100\t-1\t7"]) == (0.0, ())


@pytest.mark.parametrize(
    ("concurrency", "connections"), [(1, 1), (4, 4), (7, 7), (11, 1), (32, 8), (1000, 20)]
)
def test_connections(concurrency: int, connections: int) -> None:
    """Streams share few connections evenly, and never crowd one past fifty."""
    assert connections_for(concurrency) == connections
    assert concurrency % connections == 0


def test_grpc_command(tmp_path: Path) -> None:
    """A gRPC call is a POST of a framed message that asks for trailers, over shared connections."""
    target = Target(port=5000, path="/s/M", body=tmp_path / "body", grpc=True)
    command = h2load_command(target, calls=64, concurrency=32, log_file=tmp_path / "log")
    assert command[-1] == "http://127.0.0.1:5000/s/M"
    assert {"--clients=8", "--max-concurrent-streams=4", "--requests=64"} <= set(command)
    assert {"--header=content-type: application/grpc", "--header=te: trailers"} <= set(command)
    assert f"--data={tmp_path / 'body'}" in command


def test_direct_command(tmp_path: Path) -> None:
    """Straight to the upstream it is HTTP/1.1, one connection for each call in flight."""
    target = Target(port=5000, path="/v1", body=tmp_path / "body", grpc=False)
    command = h2load_command(target, calls=64, concurrency=32, log_file=tmp_path / "log")
    assert {"--h1", "--clients=32"} <= set(command)
