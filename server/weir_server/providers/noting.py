"""What became of an attempt? It is noted in the call's progress, however it ends."""

import asyncio

from google.protobuf.duration_pb2 import Duration

from weir.v1.error_pb2 import Attempt, ErrorReason
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import WeirError

TIMER_EARLY_S = 0.005
"""A loop counts in whole milliseconds, so that its timers may be a little early."""
# Looking an enum's value up by name costs more than a microsecond.
_SUCCEEDED = ErrorReason.ERROR_REASON_UNSPECIFIED
_ABANDONED = ErrorReason.ERROR_REASON_CLIENT_CANCELLED
_LATE = ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED
_OUR_FAULT = ErrorReason.ERROR_REASON_INTERNAL


class NotedAttempt:
    """One attempt in the list that callers see, from its beginning to its end."""

    __slots__ = ("_call", "_clock", "attempt", "begun_s")

    def __init__(self, call: Call, provider: str, clock: Clock) -> None:
        """`provider`: resource name of who is asked."""
        self._call = call
        self._clock = clock
        self.begun_s = clock.monotonic_s()
        self.attempt = Attempt(
            provider=provider,
            model=call.target.vendor_model,
            # What holds if nobody waits for another outcome.
            reason=_ABANDONED,
            kind=call.kind,
        )
        set_duration(self.attempt.start_offset, self.begun_s - call.arrived_s)
        call.progress.attempts.append(self.attempt)
        call.progress.attempt = self.attempt

    @property
    def is_open(self) -> bool:
        """Whether no other outcome than a hang-up is known yet."""
        return self.attempt.reason == _ABANDONED

    def succeeded(self) -> None:
        """Note that the answer is complete."""
        self.attempt.reason = _SUCCEEDED
        self._stop()

    def ended(self, error: BaseException | None) -> None:
        """Note what ended the attempt before its answer did."""
        if isinstance(error, WeirError):
            self.attempt.reason = error.reason
        elif isinstance(error, asyncio.CancelledError):
            if self._call.deadline.remaining_s(self._clock.monotonic_s()) <= TIMER_EARLY_S:
                self.attempt.reason = _LATE
        elif isinstance(error, Exception):
            self.attempt.reason = _OUR_FAULT
        self._stop()

    def _stop(self) -> None:
        set_duration(self.attempt.duration, self._clock.monotonic_s() - self.begun_s)


def set_duration(duration: Duration, seconds: float) -> None:
    """Write seconds into a message's duration."""
    duration.seconds, duration.nanos = divmod(int(seconds * 1e9), 1_000_000_000)
