"""May a failed call be repeated? A share of first attempts, and none while nearly all fail.

Sources: the budget of Finagle (20 % and a floor), the throttle of gRPC's retry design (A6).
"""

from dataclasses import dataclass

from weir_server.core.clock import Clock

THROTTLE_MAX = 10.0
THROTTLE_STOP = 5.0
"""At or below this nothing is repeated (A6: half of the most)."""
THROTTLE_GAIN = 0.1
"""What a success gives back of what a failure takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudgetPolicy:
    """How many repeats there are."""

    share: float = 0.2
    """Repeats that each first attempt earns."""
    floor_per_s: float = 1.0
    """Repeats that each second earns, whatever the traffic."""
    keep_s: float = 10.0
    """How long what was earned is kept, so that a quiet hour does not pay for a storm."""


class RetryBudget:
    """The repeats of one provider, in tokens: a repeat on the same target or a hedge costs one."""

    __slots__ = ("_clock", "_earned", "_last_s", "_throttle", "_window", "policy")

    def __init__(self, policy: RetryBudgetPolicy, *, clock: Clock) -> None:
        self.policy = policy
        self._clock = clock
        now_s = clock.monotonic_s()
        self._last_s = now_s
        self._earned = policy.floor_per_s * policy.keep_s
        """What may be spent now."""
        self._window = 0.0
        """First attempts, each fading over `keep_s`: they bound what may be kept."""
        self._throttle = THROTTLE_MAX

    def first_attempt(self) -> None:
        """Earn a share of a repeat."""
        self._window += 1.0
        self._earned += self.policy.share

    def succeeded(self) -> None:
        """Note an attempt that succeeded."""
        if self._throttle < THROTTLE_MAX:
            self._throttle = min(THROTTLE_MAX, self._throttle + THROTTLE_GAIN)

    def failed(self) -> None:
        """Note an attempt that failed."""
        self._throttle = max(0.0, self._throttle - 1.0)

    @property
    def throttled(self) -> bool:
        """Whether so much fails that nothing is repeated."""
        return self._throttle <= THROTTLE_STOP

    def try_spend(self) -> bool:
        """Spend one repeat if there is one."""
        self._settle()
        if self.throttled or self._earned < 1.0:
            return False
        self._earned -= 1.0
        return True

    def _settle(self) -> None:
        """Earn the floor, and let go of what is older than `keep_s`."""
        policy = self.policy
        now_s = self._clock.monotonic_s()
        passed_s = now_s - self._last_s
        self._last_s = now_s
        self._window *= max(0.0, 1.0 - passed_s / policy.keep_s)
        most = policy.share * self._window + policy.floor_per_s * policy.keep_s
        self._earned = min(self._earned + passed_s * policy.floor_per_s, most)
