"""When does an upstream attempt take too long? One timer for each attempt watches all its limits.

Setting a timer for every read would cost more than the read. Here a read only notes when it
began; the timer wakes seldom, looks at the notes, and goes back to sleep where nothing is due.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What Weir waits for and reads at most. Sizes count after decompression."""

    connect_s: float = 10.0
    """Name, TCP and TLS together."""
    headers_s: float = 30.0
    """From the connection to the answer's headers, for streams: a unary answer's headers come
    with its last token, so there only the attempt's own bound holds."""
    idle_s: float = 30.0
    """Between two reads."""
    max_quiet_reads: int = 10
    """So many reads in a row that bring no event reset the idle limit; pings do not keep a dead
    stream alive."""
    linger_s: float = 0.25
    """How long a connection may take, after the answer's own end, to end the body too, so that it
    can be used again."""
    keepalive_s: float = 15.0
    """How long an unused connection is kept."""
    max_body_bytes: int = 32 * 1024 * 1024
    max_field_bytes: int = 8190
    """One header field."""
    max_fields: int = 128


class Overrun(Enum):
    """Which limit was overrun."""

    CONNECT = auto()
    HEADERS = auto()
    IDLE = auto()
    END = auto()


class Watchdog:
    """Ends one attempt when a limit is overrun: before the headers by cancelling the task that
    waits for them, afterwards by `cut`, so that nobody else's await is cancelled.
    """

    __slots__ = (
        "_cancelled_before",
        "_cut",
        "_due_s",
        "_due_to",
        "_end_s",
        "_limits",
        "_loop",
        "_step_s",
        "_task",
        "_timer",
        "overrun",
        "reading_since_s",
    )

    def __init__(self, limits: HttpLimits, *, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._cancelled_before = 0 if self._task is None else self._task.cancelling()
        self._limits = limits
        self._step_s = min(limits.idle_s, limits.headers_s, limits.connect_s)
        self._cut: Callable[[], None] | None = None
        now_s = self._loop.time()
        self._end_s = now_s + timeout_s
        self._due_s = now_s + limits.connect_s
        self._due_to = Overrun.CONNECT
        self.overrun: Overrun | None = None
        """The limit that ended the attempt."""
        self.reading_since_s: float | None = None
        """Since when a read waits, on the loop's clock; None: the reader is busy elsewhere."""
        # Nothing but the attempt's own end can be due before the first step is over.
        self._timer = self._loop.call_at(min(now_s + self._step_s, self._end_s), self._look)

    def connected(self, *, streaming: bool) -> None:
        """Begin to wait for headers."""
        self._due_s = self._loop.time() + self._limits.headers_s if streaming else math.inf
        self._due_to = Overrun.HEADERS

    def answered(self, cut: Callable[[], None]) -> None:
        """Begin to read the body, which `cut` ends."""
        self._due_s = math.inf
        self._cut = cut

    def stop(self) -> None:
        """Watch no longer."""
        self._timer.cancel()
        # What it would cut knows its watchdog: the two must not wait for the garbage collector.
        self._cut = None

    def cancelled_by_me(self) -> bool:
        """After a CancelledError: take the cancellation back if it was this watchdog's alone."""
        if self.overrun is None or self._cut is not None:
            return False
        return self._task is None or self._task.uncancel() <= self._cancelled_before

    def _sleep(self, now_s: float) -> asyncio.TimerHandle:
        # What begins while the timer sleeps is not due before it wakes.
        wake_s = min(self._due_s, self._end_s, now_s + self._step_s)
        if self.reading_since_s is not None:
            wake_s = min(wake_s, self.reading_since_s + self._limits.idle_s)
        return self._loop.call_at(wake_s, self._look)

    def _look(self) -> None:
        now_s = self._loop.time()
        since_s = self.reading_since_s
        if now_s >= self._end_s:
            self._end(Overrun.END)
        elif now_s >= self._due_s:
            self._end(self._due_to)
        elif since_s is not None and now_s >= since_s + self._limits.idle_s:
            self._end(Overrun.IDLE)
        else:
            self._timer = self._sleep(now_s)

    def _end(self, overrun: Overrun) -> None:
        self.overrun = overrun
        if self._cut is not None:
            self._cut()
        elif self._task is not None:
            self._task.cancel()
