"""Until when may a call run? One absolute monotonic moment, which stages shorten, never extend."""

from dataclasses import dataclass
from typing import Final

RESERVE_SHARE = 0.1
RESERVE_MAX_S = 0.25
ATTEMPT_MIN_S = 0.02
"""No upstream attempt starts with less than this left: it could not be answered in time."""


# Final rather than frozen, which costs each call more; see `core.call.Call`.
@dataclass(slots=True, kw_only=True)
class Deadline:
    """When the caller stops waiting, and when Weir must stop working to tell it so in time."""

    at_s: Final[float]
    """The caller's own deadline, on the clock's monotonic scale."""
    work_until_s: Final[float]
    """When upstream work stops, so that the ending with its usage still reaches the caller."""

    @classmethod
    def after(cls, now_s: float, timeout_s: float) -> "Deadline":
        """Make the deadline of a call that arrived at `now_s` with `timeout_s` to live.

        A tenth of the time, at most 250 ms, is kept back for the ending.
        """
        at_s = now_s + timeout_s
        return cls(at_s=at_s, work_until_s=at_s - min(RESERVE_MAX_S, RESERVE_SHARE * timeout_s))

    def remaining_s(self, now_s: float) -> float:
        """Return how long upstream work may still take; negative when it should have stopped."""
        return self.work_until_s - now_s
