"""What time is it? A clock is handed in wherever time matters, so that tests move it by hand."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two times: one to measure with, one to show to people."""

    def monotonic_s(self) -> float:
        """Seconds on the event loop's own scale; only differences mean anything."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's clocks. asyncio and uvloop both time by the same monotonic clock."""

    __slots__ = ()

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return time.time_ns()
