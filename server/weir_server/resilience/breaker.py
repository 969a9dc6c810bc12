"""Is this target worth asking? A circuit breaker: one for each target, never for a tenant."""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from random import Random
from typing import Final

from weir_server.core.clock import Clock
from weir_server.resilience.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a target is left alone, and for how long."""

    window_s: float = 30.0
    """Seconds that shares are taken over; long enough for a slow model to gather a few calls."""
    buckets: int = 10
    """Steps in which the window moves on [Hystrix: 10]."""
    min_calls: int = 20
    """Calls in the window before a share means anything [Hystrix: 20]."""
    failure_share: float = 0.5
    """It opens when so many of the window's calls failed [Hystrix: 50 %]."""
    slow_share: float = 0.8
    """It opens when so many of the window's calls were slow [the idea: resilience4j]."""
    slow_after_s: float = 20.0
    """Seconds to the first token from which whoever settles a permit calls it slow."""
    consecutive_failures: int = 5
    """It opens after so many failures in a row, of whatever kind [Envoy: 5]."""
    open_s: float = 5.0
    """Seconds of the first open period [Hystrix: 5]; each further one is twice as long."""
    open_max_s: float = 60.0
    """Seconds, before jitter, that no open period exceeds [gobreaker, resilience4j: 60]."""
    jitter: float = 0.2
    """An open period is longer or shorter by this share at most: processes part ways."""
    trials: int = 3
    """Trial calls for each period, and the answers that close it again [promise R6]."""
    trial_timeout_s: float = 60.0
    """Seconds after which a trial that has not ended counts as failed."""


class Circuit(Enum):
    """What a breaker does with calls."""

    CLOSED = auto()
    """They pass, and are watched."""
    OPEN = auto()
    """They are refused until the period is over."""
    HALF_OPEN = auto()
    """A few pass on trial."""
    FORCED_OPEN = auto()
    """An operator has closed the road: nothing passes."""
    FORCED_CLOSED = auto()
    """An operator wants calls to pass whatever comes of them."""


class Outcome(Enum):
    """What came of a call, as far as the target's health goes."""

    OK = auto()
    SLOW = auto()
    """It answered, but slowly."""
    FAILED = auto()
    FAILED_SLOW = auto()
    NEUTRAL = auto()
    """It says nothing of the target: the caller's fault, a hang-up, a rate limit."""


# Looking a member up on its class costs more than the rest of a healthy call here.
_CLOSED: Final = Circuit.CLOSED
_OPEN: Final = Circuit.OPEN
_HALF_OPEN: Final = Circuit.HALF_OPEN
_FORCED_OPEN: Final = Circuit.FORCED_OPEN
_FORCED_CLOSED: Final = Circuit.FORCED_CLOSED
_OK: Final = Outcome.OK
_NEUTRAL: Final = Outcome.NEUTRAL
_FAILURES: Final = frozenset({Outcome.FAILED, Outcome.FAILED_SLOW})
_SLOWNESS: Final = frozenset({Outcome.SLOW, Outcome.FAILED_SLOW})

_CALLS: Final = 0
_FAILED: Final = 1
_SLOW: Final = 2

_SPENT: Final = -1
"""No breaker's generation: what a permit carries once it has been settled."""
_DOUBLINGS_MAX: Final = 32


class Permit:
    """Leave to make one call. Give it back with what came of the call."""

    __slots__ = ("generation", "is_trial")

    def __init__(self, generation: int, is_trial: bool) -> None:
        self.generation = generation
        self.is_trial = is_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How a breaker stands, for operators. Trials are not among the window's calls."""

    circuit: Circuit
    calls: int
    failures: int
    slow: int
    retry_after_s: float


class Breaker:
    """Closed, open, half open, as of the moment it is asked: it needs no timer.

    A change of state begins a generation. A permit belongs to the one it was given in, and what
    is settled later than that counts for nothing [gobreaker].
    """

    __slots__ = (
        "_answered",
        "_answered_slow",
        "_circuit",
        "_clock",
        "_failed_in_a_row",
        "_generation",
        "_open_until_s",
        "_policy",
        "_reopened",
        "_rng",
        "_started",
        "_trials",
        "_window",
    )

    def __init__(self, policy: BreakerPolicy, *, clock: Clock, rng: Random) -> None:
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._circuit = _CLOSED
        self._generation = 0
        self._window = _window(policy, clock.monotonic_s())
        self._failed_in_a_row = 0
        self._open_until_s = 0.0
        self._reopened = 0
        # A period runs from one half-opening to the next, so that a target that stays down sees
        # its trials once in a period, whether they came half open or as a last resort.
        self._started = 0
        self._answered = 0
        self._answered_slow = 0
        # Trials under way, and when each of them counts as failed.
        self._trials: dict[Permit, float] = {}

    @property
    def policy(self) -> BreakerPolicy:
        """The rules in force. Setting others keeps what is known of the target."""
        return self._policy

    @policy.setter
    def policy(self, policy: BreakerPolicy) -> None:
        now_s = self._clock.monotonic_s()
        self._catch_up(now_s)
        old, self._policy = self._policy, policy
        if (policy.window_s, policy.buckets) != (old.window_s, old.buckets):
            counts = self._window.sums(now_s)
            self._window = _window(policy, now_s)
            for counter, count in enumerate(counts):
                self._window.add(counter, now_s, count)
        if self._circuit is _OPEN:
            longest_s = policy.open_max_s * (1.0 + policy.jitter)
            self._open_until_s = min(self._open_until_s, now_s + longest_s)
        elif self._circuit is _HALF_OPEN:
            self._conclude(now_s)

    @property
    def circuit(self) -> Circuit:
        """What it does with calls now."""
        if self._circuit is not _CLOSED:
            self._catch_up(self._clock.monotonic_s())
        return self._circuit

    def admits(self, *, last_resort: bool = False) -> bool:
        """Tell whether `acquire` would give a permit now."""
        circuit = self.circuit
        if circuit is _CLOSED or circuit is _FORCED_CLOSED:
            return True
        if circuit is _HALF_OPEN:
            return self._started < self._policy.trials
        if circuit is _OPEN:
            return last_resort and not self._trials and self._started < self._policy.trials
        return False

    def acquire(self, *, last_resort: bool = False) -> Permit | None:
        """Return leave for one call, to be settled once; None: leave the target alone.

        `last_resort`: the caller has no other target. While the circuit is open, one such call at
        a time passes as a trial.
        """
        if self._circuit is _CLOSED:
            return Permit(self._generation, False)
        if not self.admits(last_resort=last_resort):
            return None
        if self._circuit is _FORCED_CLOSED:
            return Permit(self._generation, False)
        trial = Permit(self._generation, True)
        self._trials[trial] = self._clock.monotonic_s() + self._policy.trial_timeout_s
        self._started += 1
        return trial

    def settle(self, permit: Permit, outcome: Outcome) -> None:
        """Say what came of the call. Only the first time counts."""
        now_s = self._clock.monotonic_s()
        if permit.is_trial:
            self._catch_up(now_s)
        if permit.generation != self._generation:
            return
        permit.generation = _SPENT
        if permit.is_trial:
            self._settle_trial(permit, outcome, now_s)
        elif outcome is _OK:
            self._failed_in_a_row = 0
            _, failures, slow = self._window.add(_CALLS, now_s)
            # One more success may be the call that makes the window large enough to judge.
            if failures or slow:
                self._judge(now_s)
        elif outcome is not _NEUTRAL:
            self._count(outcome, now_s)
            self._judge(now_s)

    def retry_after_s(self) -> float:
        """Seconds until a trial may pass, 0 when it admits calls now.

        Half open with all trials under way, or forced open, nobody knows: the answers are then
        the first and the longest open period.
        """
        if self.admits():
            return 0.0
        if self._circuit is _OPEN:
            return max(0.0, self._open_until_s - self._clock.monotonic_s())
        if self._circuit is _HALF_OPEN:
            return self._policy.open_s
        return self._policy.open_max_s

    def force(self, circuit: Circuit | None) -> None:
        """Hold the circuit FORCED_OPEN or FORCED_CLOSED; None: start anew, closed and empty."""
        if circuit is None:
            self._close()
        elif circuit is _FORCED_OPEN or circuit is _FORCED_CLOSED:
            if circuit is not self._circuit:
                self._enter(circuit)
        else:
            raise ValueError(
                f"a circuit cannot be held {circuit.name}: "
                "choose FORCED_OPEN, FORCED_CLOSED, or None for automatic"
            )

    def snapshot(self) -> Snapshot:
        """Return how it stands now."""
        retry_after_s = self.retry_after_s()
        calls, failures, slow = self._window.sums(self._clock.monotonic_s())
        return Snapshot(
            circuit=self._circuit,
            calls=calls,
            failures=failures,
            slow=slow,
            retry_after_s=retry_after_s,
        )

    def _count(self, outcome: Outcome, now_s: float) -> None:
        self._window.add(_CALLS, now_s)
        if outcome in _SLOWNESS:
            self._window.add(_SLOW, now_s)
        if outcome in _FAILURES:
            self._window.add(_FAILED, now_s)
            self._failed_in_a_row += 1
        else:
            self._failed_in_a_row = 0

    def _judge(self, now_s: float) -> None:
        """Open if the calls of late were bad enough."""
        if self._circuit is not _CLOSED:
            return
        policy = self._policy
        calls, failures, slow = self._window.sums(now_s)
        if self._failed_in_a_row >= policy.consecutive_failures or (
            calls >= policy.min_calls
            and (failures / calls >= policy.failure_share or slow / calls >= policy.slow_share)
        ):
            self._started = 0
            self._open(now_s)

    def _settle_trial(self, trial: Permit, outcome: Outcome, now_s: float) -> None:
        del self._trials[trial]
        if outcome is _NEUTRAL:
            self._started -= 1
        elif outcome in _FAILURES:
            # A last resort that fails leaves the open period as long as it was.
            if self._circuit is _HALF_OPEN:
                self._open_again(now_s)
        else:
            if self._circuit is _OPEN:
                self._half_open()
                self._started = 1
            self._answered += 1
            if outcome in _SLOWNESS:
                self._answered_slow += 1
            self._conclude(now_s)

    def _conclude(self, now_s: float) -> None:
        """Close if enough trials have answered, unless most were slow as it is judged elsewhere."""
        if self._answered < self._policy.trials:
            return
        if self._answered_slow / self._answered >= self._policy.slow_share:
            self._open_again(now_s)
        else:
            self._close()

    def _catch_up(self, now_s: float) -> None:
        """Let happen what time alone has brought about, in the order in which it came due."""
        while True:
            due_s = min(self._trials.values(), default=inf)
            if self._circuit is _OPEN and self._open_until_s <= now_s:
                # A trial that was due before this makes no difference: its period is over.
                self._half_open()
            elif due_s <= now_s:
                trial = next(trial for trial, at_s in self._trials.items() if at_s == due_s)
                trial.generation = _SPENT
                self._settle_trial(trial, Outcome.FAILED, due_s)
            else:
                return

    def _open_again(self, now_s: float) -> None:
        self._reopened += 1
        self._open(now_s)

    def _open(self, now_s: float) -> None:
        policy = self._policy
        doubled_s = policy.open_s * 2.0 ** min(self._reopened, _DOUBLINGS_MAX)
        factor = self._rng.uniform(1.0 - policy.jitter, 1.0 + policy.jitter)
        self._open_until_s = now_s + min(doubled_s, policy.open_max_s) * factor
        self._enter(_OPEN)

    def _half_open(self) -> None:
        self._started = self._answered = self._answered_slow = 0
        self._enter(_HALF_OPEN)

    def _close(self) -> None:
        self._window.clear()
        self._failed_in_a_row = 0
        self._reopened = 0
        self._enter(_CLOSED)

    def _enter(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._generation += 1
        # Those under way belong to the past from here on.
        self._trials.clear()


def _window(policy: BreakerPolicy, now_s: float) -> Window:
    return Window(3, window_s=policy.window_s, buckets=policy.buckets, now_s=now_s)
