"""How many calls does this upstream bear at a time? Found out: up by one, down by a tenth."""

from dataclasses import dataclass
from typing import Final

from weir_server.core.clock import Clock

_STEP_S: Final = 0.1
"""Seconds between two steps the same way: a burst of answers is one piece of news, not many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AimdPolicy:
    """The bounds of the search."""

    initial: int = 100
    """Calls at a time to begin with."""
    minimum: int = 1
    """Calls at a time that it never goes below: one, to learn that all is well again."""
    maximum: int = 512
    """Calls at a time that it never goes above [Netflix's concurrency limits: 1 to 512]."""
    backoff: float = 0.9
    """What is left of the limit when the upstream is overloaded, below 1 [Netflix: 0.9]."""


class AimdLimit:
    """Additive increase, multiplicative decrease."""

    __slots__ = ("_clock", "_down_at_s", "_limit", "_policy", "_up_at_s")

    def __init__(self, policy: AimdPolicy, *, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._limit = policy.initial
        self._up_at_s = self._down_at_s = float("-inf")

    @property
    def limit(self) -> int:
        """Calls that may be under way at a time."""
        return self._limit

    @property
    def policy(self) -> AimdPolicy:
        """The bounds in force. Setting others keeps the limit, brought within them.

        One that stood at the old maximum was not found out but set: it begins anew.
        """
        return self._policy

    @policy.setter
    def policy(self, policy: AimdPolicy) -> None:
        was_set = self._limit >= self._policy.maximum
        self._policy = policy
        found = max(self._limit, policy.initial) if was_set else self._limit
        self._limit = min(max(found, policy.minimum), policy.maximum)

    def succeeded(self, in_flight: int) -> None:
        """Say that a call was answered in good time while so many were under way, itself included.

        A limit that is not half used has not been tried, so nothing speaks for a higher one.
        """
        if in_flight * 2 < self._limit or self._limit >= self._policy.maximum:
            return
        now_s = self._clock.monotonic_s()
        if now_s >= self._up_at_s:
            self._up_at_s = now_s + _STEP_S
            self._limit += 1

    def overloaded(self) -> None:
        """Say that the upstream refused for load, or did not answer in time."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._down_at_s:
            self._down_at_s = now_s + _STEP_S
            # Rounded down, and so by one at least.
            self._limit = max(int(self._limit * self._policy.backoff), self._policy.minimum)
