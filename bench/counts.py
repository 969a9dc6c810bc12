"""Do all who saw the calls agree on how many there were and how they ended?

h2load counts a failed gRPC call as a success, because its HTTP status is 200. So a run counts
only if the upstream and the server under test, each by its own count, saw the same calls.
"""

import json
import struct
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.load import Summary

FLOOR_COUNTERS = struct.Struct("=QQ")
SETTLE_PATIENCE_S = 3.0
LAST_LOOK_S = 0.1
LOG_SETTLES_S = 0.2
"""Four times as long as Weir gathers lines before it writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Calls that ended well and calls that did not, since the counting process began."""

    ok: int
    failed: int

    def since(self, earlier: "Counts") -> "Counts":
        """What was added after `earlier` was read."""
        return Counts(ok=self.ok - earlier.ok, failed=self.failed - earlier.failed)


class Counter(Protocol):
    """Whoever can say how many calls a process has seen."""

    def read(self) -> Counts:
        """The counts so far."""
        ...


class FloorCounter:
    """The floor's two numbers, which it keeps in a shared mapping of this file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Counts:
        ok, failed = FLOOR_COUNTERS.unpack(self._path.read_bytes())
        return Counts(ok=ok, failed=failed)


class AccessLogCounter:
    """Weir's access log: one JSON line per call, `code` naming its gRPC status.

    Other lines - of other events, or not JSON at all - are passed over. Each read goes on
    from where the last complete line ended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._ok = 0
        self._failed = 0

    def read(self) -> Counts:
        # Weir writes its lines a moment after the calls they tell of: look until none comes.
        self._read_on()
        time.sleep(LOG_SETTLES_S)
        while self._read_on():
            time.sleep(LOG_SETTLES_S)
        return Counts(ok=self._ok, failed=self._failed)

    def _read_on(self) -> bool:
        """Count the lines that came since; say whether there were any."""
        before = self._offset
        with self._path.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._count(line)
        return self._offset != before

    def _count(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        code = entry.get("code") if isinstance(entry, dict) else None
        if code == "OK":
            self._ok += 1
        elif code is not None:
            self._failed += 1


class NginxCounter:
    """nginx's `stub_status`: requests begun, of which reading it is one each time."""

    def __init__(self, status_url: str) -> None:
        self._status_url = status_url
        self._own_reads = 0

    def read(self) -> Counts:
        with urllib.request.urlopen(self._status_url, timeout=5) as reply:
            numbers = reply.read().split(b"requests", 1)[1].split()
        self._own_reads += 1
        return Counts(ok=int(numbers[2]) - self._own_reads, failed=0)


class PacedCounter:
    """The paced upstream's own JSON counters; `open` streams are neither well nor badly ended."""

    def __init__(self, counters_url: str) -> None:
        self._counters_url = counters_url

    def read(self) -> Counts:
        counters = self._fetch()
        return Counts(ok=counters["finished"], failed=counters["aborted"])

    def open_streams(self) -> int:
        """How many answers are under way now."""
        return self._fetch()["open"]

    def _fetch(self) -> dict[str, int]:
        with urllib.request.urlopen(self._counters_url, timeout=5) as reply:
            counters: dict[str, int] = json.load(reply)
            return counters


def settled(counter: Counter, before: Counts, calls: int) -> Counts:
    """What `counter` gained, once it gained `calls` or will not any more.

    A server writes its line after the caller has the answer, and gathers lines before it writes
    them, so the last ones may be late. One more look, when those too are written, catches the
    call too many.
    """
    give_up_at = time.monotonic() + SETTLE_PATIENCE_S
    gained = counter.read().since(before)
    while gained.ok + gained.failed < calls and time.monotonic() < give_up_at:
        time.sleep(0.02)
        gained = counter.read().since(before)
    time.sleep(LAST_LOOK_S)
    return counter.read().since(before)


def disagreements(calls: int, load: Summary, gained: Mapping[str, Counts]) -> tuple[str, ...]:
    """Why a run of `calls` calls is void, one phrase per reason; empty if it stands.

    `gained` holds what every other counter added meanwhile, by whose it is.
    """
    found = []
    if load.succeeded != calls or load.status_2xx != calls or load.failed or load.errored:
        found.append(
            f"h2load: {load.succeeded} of {calls} calls succeeded, {load.status_2xx} with 2xx, "
            f"{load.failed} failed, {load.errored} errored"
        )
    for who, counts in gained.items():
        if counts != Counts(ok=calls, failed=0):
            found.append(f"{who}: {counts.ok} ended well and {counts.failed} not, of {calls}")
    return tuple(found)
