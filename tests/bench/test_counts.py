"""Does a run with a wrong count ever pass?"""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.counts import (
    FLOOR_COUNTERS,
    AccessLogCounter,
    Counts,
    FloorCounter,
    disagreements,
    settled,
)
from bench.load import Summary

ALL_WELL = Summary(total=5, succeeded=5, failed=0, errored=0, status_2xx=5)
FIVE = Counts(ok=5, failed=0)


class Late:
    """A counter whose calls show up one more at each look, up to `last`."""

    def __init__(self, last: int) -> None:
        self.seen = 0
        self.last = last

    def read(self) -> Counts:
        now = Counts(ok=self.seen, failed=0)
        self.seen = min(self.seen + 1, self.last)
        return now


def test_agreement() -> None:
    """Three equal counts are no ground for doubt."""
    assert disagreements(5, ALL_WELL, {"weir": FIVE, "the upstream": FIVE}) == ()


@pytest.mark.parametrize(
    "counts",
    [
        Counts(ok=4, failed=0),
        Counts(ok=6, failed=0),
        Counts(ok=4, failed=1),
        Counts(ok=5, failed=1),
    ],
)
@pytest.mark.parametrize("who", ["weir", "the upstream"])
def test_one_counter_differs(who: str, counts: Counts) -> None:
    """A call lost, repeated or failed at either end is named with its end."""
    (reason,) = disagreements(5, ALL_WELL, {"weir": FIVE, "the upstream": FIVE, who: counts})
    assert reason.startswith(f"{who}: {counts.ok} ended well")


@pytest.mark.parametrize(
    "summary",
    [
        replace(ALL_WELL, succeeded=4),
        replace(ALL_WELL, status_2xx=4),
        replace(ALL_WELL, failed=1),
        replace(ALL_WELL, errored=1),
    ],
)
def test_h2load_itself_saw_a_failure(summary: Summary) -> None:
    """HTTP failures count as much as gRPC ones."""
    (reason,) = disagreements(5, summary, {"weir": FIVE})
    assert reason.startswith("h2load:")


def test_late_counts_are_waited_for() -> None:
    """A line written after the caller had its answer is not a missing call."""
    assert settled(Late(3), Counts(ok=0, failed=0), 3) == Counts(ok=3, failed=0)


def test_a_call_too_many_is_seen() -> None:
    """Reaching the number is not enough: one more look catches what comes after."""
    assert settled(Late(9), Counts(ok=0, failed=0), 3).ok > 3


def test_access_log(tmp_path: Path) -> None:
    """Calls are told by their `code`; other events and other text are passed over."""
    log = tmp_path / "log"
    log.write_text(
        '{"event":"serving","port":1}\n'
        "Warning: something in plain words\n"
        '["code"]\n'
        '{"event":"call","code":"OK"}\n'
        '{"event":"call","code":"UNAVAILABLE"}\n'
        '{"event":"call","co'
    )
    counter = AccessLogCounter(log)
    assert counter.read() == Counts(ok=1, failed=1)
    with log.open("a") as more:
        more.write('de":"OK"}\n{"event":"call","code":"OK"}\n')
    assert counter.read() == Counts(ok=3, failed=1)
    assert counter.read() == Counts(ok=3, failed=1)


def test_floor_counters(tmp_path: Path) -> None:
    """The floor's file holds the good calls and then the others."""
    path = tmp_path / "counters"
    path.write_bytes(FLOOR_COUNTERS.pack(7, 2))
    assert FloorCounter(path).read() == Counts(ok=7, failed=2)
