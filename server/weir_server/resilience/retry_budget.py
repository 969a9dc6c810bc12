"""May this upstream be asked again? What repeats cost it is bounded, however much is failing."""

from dataclasses import dataclass
from typing import Final

from weir_server.core.clock import Clock
from weir_server.resilience.window import Window

_BUCKETS: Final = 10

# gRPC's retry throttling (proposal A6: 10 tokens, a failure takes 1, a success gives 0.1, no
# repeats at half), counted in tenths.
_THROTTLE_MAX: Final = 100
_FAILURE_COST: Final = 10
_SUCCESS_GAIN: Final = 1
_THROTTLE_STOP: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudgetPolicy:
    """How many repeats an upstream bears."""

    share: float = 0.2
    """Repeats earned by each first attempt [Finagle: 20 %]: a total outage sees 1.2 times the
    calls at most [promise R4]."""
    floor_per_s: float = 1.0
    """Repeats earned by each second, in each process, so that quiet upstreams have some too
    [Finagle: 10]."""
    keep_s: float = 10.0
    """Seconds for which what was earned can be spent [Finagle: 10]."""


class RetryBudget:
    """One upstream's budget: a bucket of earned repeats, and a throttle that follows failures.

    A new one holds what `keep_s` without a call would have earned. From then on, the repeats of
    any run are at most that, `share` of its first attempts and `floor_per_s` of its seconds.
    """

    __slots__ = ("_balance", "_clock", "_policy", "_seen_s", "_throttle", "_uncredited", "_window")

    def __init__(self, policy: RetryBudgetPolicy, *, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._seen_s = clock.monotonic_s()
        self._window = _window(policy, self._seen_s)
        self._balance = policy.floor_per_s * policy.keep_s
        self._uncredited = 0
        self._throttle = _THROTTLE_MAX

    @property
    def policy(self) -> RetryBudgetPolicy:
        """The rules in force. Setting others keeps what was earned, as far as they allow it."""
        return self._policy

    @policy.setter
    def policy(self, policy: RetryBudgetPolicy) -> None:
        now_s = self._clock.monotonic_s()
        self._credit(now_s)
        old, self._policy = self._policy, policy
        if policy.keep_s != old.keep_s:
            (recent,) = self._window.sums(now_s)
            self._window = _window(policy, now_s)
            self._window.add(0, now_s, recent)
        self._credit(now_s)

    @property
    def is_throttled(self) -> bool:
        """Whether failures outweigh successes so far that nothing is repeated for now."""
        return self._throttle <= _THROTTLE_STOP

    def first_attempt(self) -> None:
        """Say that a call goes to the upstream for the first time."""
        self._window.add(0, self._clock.monotonic_s())
        self._uncredited += 1

    def failed(self) -> None:
        """Say that an attempt failed by the upstream's fault."""
        self._throttle = max(0, self._throttle - _FAILURE_COST)

    def succeeded(self) -> None:
        """Say that an attempt was answered."""
        if self._throttle < _THROTTLE_MAX:
            self._throttle += _SUCCESS_GAIN

    def try_spend(self) -> bool:
        """Take one repeat from the budget, if there is one."""
        if self._throttle <= _THROTTLE_STOP:
            return False
        self._credit(self._clock.monotonic_s())
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True

    def _credit(self, now_s: float) -> None:
        # Only here, as it changes nothing: an earlier bound, and all that was earned since then,
        # is never less than the bound of now.
        policy = self._policy
        (recent,) = self._window.sums(now_s)
        self._balance = min(
            self._balance
            + policy.share * self._uncredited
            + policy.floor_per_s * (now_s - self._seen_s),
            policy.share * recent + policy.floor_per_s * policy.keep_s,
        )
        self._uncredited = 0
        self._seen_s = now_s


def _window(policy: RetryBudgetPolicy, now_s: float) -> Window:
    return Window(1, window_s=policy.keep_s, buckets=_BUCKETS, now_s=now_s)
