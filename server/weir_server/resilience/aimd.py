"""How many calls does a provider take at a time? More while it goes well, fewer if it protests."""

from dataclasses import dataclass

from weir_server.core.clock import Clock

ROUND_S = 0.1
"""One step each way in this time: the answers of one round are one opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AimdPolicy:
    """The bounds, and how far to step back (Netflix concurrency-limits: to 0.9)."""

    initial: int = 100
    minimum: int = 1
    maximum: int = 512
    backoff: float = 0.9


class AimdLimit:
    """Additive increase, multiplicative decrease."""

    __slots__ = ("_clock", "_fell_s", "_grew_s", "_limit", "_policy")

    def __init__(self, policy: AimdPolicy, *, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._limit = policy.initial
        self._grew_s = self._fell_s = float("-inf")

    @property
    def limit(self) -> int:
        """How many calls at a time."""
        return self._limit

    @property
    def policy(self) -> AimdPolicy:
        """The bounds; setting others moves the limit between them."""
        return self._policy

    @policy.setter
    def policy(self, policy: AimdPolicy) -> None:
        self._policy = policy
        self._limit = max(policy.minimum, min(self._limit, policy.maximum))

    def succeeded(self, in_flight: int) -> None:
        """Note a success with so many calls under way: unused room is no reason for more."""
        limit = self._limit
        if limit >= self._policy.maximum or in_flight * 2 < limit:
            return
        now_s = self._clock.monotonic_s()
        if now_s - self._grew_s >= ROUND_S:
            self._grew_s = now_s
            self._limit = limit + 1

    def overloaded(self) -> None:
        """Note that the provider has too much to do."""
        now_s = self._clock.monotonic_s()
        if now_s - self._fell_s < ROUND_S:
            return
        self._fell_s = now_s
        policy = self._policy
        smaller = min(self._limit - 1, int(self._limit * policy.backoff))
        self._limit = max(policy.minimum, smaller)
