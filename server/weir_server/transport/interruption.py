"""What ends a running call from outside? Its deadline, a drain or its own slow reader."""

import asyncio
from typing import Any

from weir_server.core.clock import Clock
from weir_server.core.deadline import Deadline
from weir_server.core.errors import DeadlineExceeded, WeirError


class Interruption:
    """Ends the work of one call with a stated error, in the task that serves it.

    One mechanism for every outside cause: the error is noted, the task is cancelled, and the edge
    turns the cancellation into the error. A cancellation without a noted error is the caller's own.

    While a message is being sent the cancellation waits until the message is out: a message whose
    sending is cancelled would be the stream's last, and the `end` could not follow it.
    """

    __slots__ = (
        "_cancellations",
        "_task",
        "_timer",
        "_working",
        "error",
        "reader_stopped",
        "sending",
    )

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._timer: asyncio.TimerHandle | None = None
        self.sending = False
        """Whether the task is sending a message: interruptions wait for it."""
        self._working = True
        self._cancellations = 0
        self.error: WeirError | None = None
        self.reader_stopped = False
        """Whether a message is stuck under way, so that nothing but the status can follow."""

    def cause(self) -> WeirError | None:
        """Return what ended the work, if anything but the caller's own cancellation did."""
        return self.error

    def at_deadline(self, clock: Clock, deadline: Deadline) -> None:
        """Interrupt with DeadlineExceeded when the deadline's time for work is over."""
        delay_s = max(0.0, deadline.work_until_s - clock.monotonic_s())
        reserve_s = deadline.at_s - deadline.work_until_s
        self._timer = self._task.get_loop().call_later(delay_s, self._work_time_over, reserve_s)

    def _work_time_over(self, reserve_s: float) -> None:
        error = DeadlineExceeded()
        self.interrupt(error)
        if self.sending and self._working:
            # The message is given the time that is kept back for the ending, and no more.
            self._timer = self._task.get_loop().call_later(reserve_s, self.reader_stuck, error)

    def interrupt(self, error: WeirError) -> None:
        """End the work with `error`. The first cause wins; later ones change nothing."""
        if not self._working or self.error is not None:
            return
        self.error = error
        if not self.sending:
            self._cancel()

    def reader_stuck(self, error: WeirError) -> None:
        """Give up on a message that the caller does not take, whatever the call was doing."""
        if self.reader_stopped:
            return
        self.reader_stopped = True
        self.error = self.error or error
        self._cancel()

    def raise_if_waiting(self) -> None:
        """After a message is out: raise CancelledError if an interruption waited for it."""
        if self.error is not None and self._working:
            raise asyncio.CancelledError

    def work_over(self) -> None:
        """Say that only the ending remains to be sent: deadline and drain no longer matter."""
        self._working = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def absorb(self) -> WeirError | None:
        """After a CancelledError: return the noted error and take our own cancellations back.

        None means that the caller or the server library cancelled, be it besides; that must be
        raised on, or native memory leaks (grpc/grpc 43360).
        """
        while self._cancellations:
            self._cancellations -= 1
            self._task.uncancel()
        return self.error if self._task.cancelling() == 0 else None

    def _cancel(self) -> None:
        self._cancellations += 1
        self._task.cancel()
