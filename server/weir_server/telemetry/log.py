"""How does an event become a line? One JSON object each, written by a thread of its own.

The event loop never waits for a log: lines are gathered for a moment and handed over together, and
when the reader of the log is stuck, lines are dropped and counted rather than kept for ever.
"""

import queue
import select
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

FLUSH_INTERVAL_S = 0.05
PENDING_MAX_LINES = 100_000
FULL_PAUSE_MS = 100
"""How long to wait at once for the reader of a pipe that is full and does not block."""
LAST_LINES_S = 1.0
"""How long the reader has to take the last lines when the program ends."""


class Log:
    """Writes events as JSON lines to one binary stream.

    Build it, use it as a context manager, and hand it to whoever logs. `event` may be called from
    any thread and costs a few microseconds; encoding happens in the caller so that a value which
    cannot be encoded fails where it was given.
    """

    def __init__(self, stream: BinaryIO, *, who: Mapping[str, int] | None = None) -> None:
        """`who`: fields that stand at the end of each line, where processes share the stream.

        Lines are then written in pieces that a pipe takes whole, so that none ends up in another.
        """
        self._stream = stream
        self._encode = msgspec.json.Encoder().encode
        self._who = b"," + self._encode(who)[1:] if who else b""
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._stop_by_s = 0.0
        self._thread = threading.Thread(target=self._write_forever, name="weir-log", daemon=True)
        self.dropped_lines = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._stop_by_s = time.monotonic() + LAST_LINES_S
        self._stop.set()
        self._lines.put(None)
        self._thread.join(timeout=LAST_LINES_S + 0.5)

    def record(self, line: msgspec.Struct) -> None:
        """Write an event that has a type of its own."""
        self._put(self._encode(line))

    def event(self, event: str, **fields: str | float | bool | Sequence[str] | None) -> None:
        """Write an event; the time is added. Fields carry no content and no key."""
        self._put(self._encode({"time": timestamp(time.time_ns()), "event": event, **fields}))

    def fault(self, event: str, error: BaseException, **fields: str | float | None) -> None:
        """Write an error of Weir's own: its type and where it happened, never its text.

        An exception's text may quote a prompt or a key, so it stays out.
        """
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
        cause = type(error.__cause__).__name__ if error.__cause__ is not None else None
        self.event(event, error=type(error).__name__, cause=cause, where=where, **fields)

    def _put(self, line: bytes) -> None:
        if self._lines.qsize() >= PENDING_MAX_LINES:
            self.dropped_lines += 1
            return
        self._lines.put(line[:-1] + self._who if self._who else line)

    def _write_forever(self) -> None:
        # It sleeps while there is nothing to say: a thread that looked now and then would cost an
        # idle server, and each chunk of a slow stream, more than the line itself.
        while not self._stop.is_set():
            first = self._lines.get()
            self._stop.wait(FLUSH_INTERVAL_S)
            self._write_pending(first)
        self._write_pending(None)

    def _write_pending(self, first: bytes | None) -> None:
        lines = [first] if first is not None else []
        while not self._lines.empty():
            line = self._lines.get_nowait()
            if line is not None:
                lines.append(line)
        if not lines:
            return
        for piece in _whole_for_pipes(lines) if self._who else (lines,):
            try:
                self._write(piece)
            except (OSError, ValueError):
                # The reader of the log is gone; serving goes on, and the count tells.
                self.dropped_lines += len(piece)

    def _write(self, lines: Sequence[bytes]) -> None:
        left = memoryview(b"\n".join((*lines, b"")))
        while left:
            left = left[self._write_some(left) :]
        while not self._is_flushed():
            pass

    def _write_some(self, data: memoryview) -> int:
        """Write what the stream takes and return how much: a pipe may take a part of it."""
        try:
            taken = self._stream.write(data) or 0
        except BlockingIOError as full:
            taken = full.characters_written
        if taken < len(data):
            self._wait_for_reader()
        return taken

    def _is_flushed(self) -> bool:
        try:
            self._stream.flush()
        except BlockingIOError:
            self._wait_for_reader()
            return False
        return True

    def _wait_for_reader(self) -> None:
        """Wait a little; raise TimeoutError when the program ends and the reader is still stuck."""
        if self._stop.is_set() and time.monotonic() > self._stop_by_s:
            raise TimeoutError
        poll = select.poll()
        poll.register(self._stream, select.POLLOUT)
        poll.poll(FULL_PAUSE_MS)


def _whole_for_pipes(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Split lines into pieces of at most PIPE_BUF bytes, a longer line on its own."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) + 1 > select.PIPE_BUF:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    yield piece


def timestamp(wall_ns: int) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    return f"{_to_the_second(seconds)}.{rest_ns // 1_000_000:03d}Z"


@lru_cache(maxsize=2)
def _to_the_second(seconds: int) -> str:
    """Format the part of a timestamp that a thousand lines of one second share."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
