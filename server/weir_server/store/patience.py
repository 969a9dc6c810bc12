"""When has someone else been silent too long? When this process has looked, and nothing was there.

A busy event loop is late to read an answer that has long lain in the socket, and its timers come
first. Silence is therefore counted from the last that was heard, a timer that comes late waits
longer by as much, and before anybody is given up the loop looks into its sockets once more.
"""

from collections.abc import Callable
from typing import Final, Protocol

from weir_server.core.clock import Clock

LATE_MAX_S: Final = 1.0
"""How much longer than its time one waits at most because this process is late."""
LATE_SHARE: Final = 0.1
"""Later than this part of the time, a timer tells of a busy process."""
LOOKS: Final = 5
"""Turns of the loop between the end of the time and giving up: an answer that lies in the socket
takes one to be read, one or two to be understood, and uvloop's first turn reads nothing."""


class Handle(Protocol):
    """Something that is to happen."""

    def cancel(self) -> None:
        """Have it not happen."""
        ...


class Turns(Protocol):
    """An event loop, as far as it is used here."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Handle:
        """Call it after a time."""
        ...

    def call_soon(self, callback: Callable[[], object], /) -> Handle:
        """Call it in the next turn."""
        ...


class Patience:
    """Calls `over` once, unless `stop` is called before.

    timeout_s: how long a silence may be. heard_s: tells when the other was last asked or heard.
    """

    __slots__ = ("_clock", "_due_s", "_ends_s", "_handle", "_heard_s", "_loop", "_over", "_timeout")

    def __init__(
        self,
        over: Callable[[], object],
        *,
        timeout_s: float,
        heard_s: Callable[[], float],
        loop: Turns,
        clock: Clock,
    ) -> None:
        self._over = over
        self._timeout = timeout_s
        self._heard_s = heard_s
        self._loop = loop
        self._clock = clock
        self._due_s = clock.monotonic_s() + timeout_s
        self._ends_s = self._due_s + LATE_MAX_S
        self._handle = loop.call_later(timeout_s, self._due)

    def stop(self) -> None:
        """Wait no longer."""
        self._handle.cancel()

    def _due(self) -> None:
        now_s = self._clock.monotonic_s()
        late_s = now_s - self._due_s
        more_s = late_s if late_s > LATE_SHARE * self._timeout else 0.0
        if not self._waits_on(now_s, more_s):
            self._look(LOOKS)

    def _look(self, left: int) -> None:
        if left:
            self._handle = self._loop.call_soon(lambda: self._look(left - 1))
        elif not self._waits_on(self._clock.monotonic_s(), 0.0):
            self._over()

    def _waits_on(self, now_s: float, more_s: float) -> bool:
        due_s = min(self._ends_s, max(now_s + more_s, self._heard_s() + self._timeout))
        if due_s <= now_s:
            return False
        self._due_s = due_s
        self._handle = self._loop.call_later(due_s - now_s, self._due)
        return True
