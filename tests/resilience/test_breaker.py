"""Case by case: when does the breaker open, whom does it let through, and when does it close?"""

import random
from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from weir_server.resilience.breaker import Breaker, BreakerPolicy, Circuit, Outcome

EXACT = BreakerPolicy(jitter=0.0)
OK, SLOW, FAILED, FAILED_SLOW, NEUTRAL = Outcome


def breaker(clock: FakeClock, policy: BreakerPolicy = EXACT, seed: int = 1) -> Breaker:
    return Breaker(policy, clock=clock, rng=random.Random(seed))


def circuit(target: Breaker) -> Circuit:
    return target.circuit


def ask(target: Breaker, *outcomes: Outcome, last_resort: bool = False) -> None:
    """Make one call after another."""
    for outcome in outcomes:
        permit = target.acquire(last_resort=last_resort)
        assert permit is not None
        target.settle(permit, outcome)


def opened(clock: FakeClock, policy: BreakerPolicy = EXACT, seed: int = 1) -> Breaker:
    target = breaker(clock, policy, seed)
    ask(target, *[FAILED] * policy.consecutive_failures)
    assert circuit(target) is Circuit.OPEN
    return target


@pytest.mark.parametrize(
    ("outcomes", "opens"),
    [
        ([FAILED] * 4, False),
        ([FAILED] * 5, True),
        ([FAILED, FAILED_SLOW, FAILED, FAILED_SLOW, FAILED], True),
        ([FAILED] * 4 + [NEUTRAL, FAILED], True),
        ([FAILED] * 4 + [OK] + [FAILED] * 4, False),
        ([FAILED] * 4 + [SLOW] + [FAILED] * 4, False),
        ([FAILED, OK] * 9 + [OK], False),
        ([FAILED, OK] * 10, True),
        ([OK, FAILED] * 10, True),
        ([FAILED, OK] * 9 + [OK, OK], False),
        ([SLOW] * 19, False),
        ([SLOW] * 20, True),
        ([SLOW] * 16 + [OK] * 4, True),
        ([SLOW] * 15 + [OK] * 5, False),
        ([SLOW] * 8 + [FAILED_SLOW, OK] * 4 + [SLOW] * 4, True),
        ([NEUTRAL] * 100, False),
        ([NEUTRAL] * 100 + [FAILED] * 4, False),
    ],
)
def test_when_it_opens(outcomes: list[Outcome], *, opens: bool) -> None:
    """Five failures in a row, or of twenty calls half failed or four fifths slow; not before."""
    target = breaker(FakeClock())
    ask(target, *outcomes[:-1])
    assert circuit(target) is Circuit.CLOSED
    ask(target, outcomes[-1])
    assert (circuit(target) is Circuit.OPEN) is opens


def test_old_calls_are_forgotten() -> None:
    """Failures of more than a window ago do not count towards the share."""
    clock = FakeClock()
    target = breaker(clock)
    ask(target, *[FAILED, OK] * 9, FAILED)
    clock.advance(30.0)
    ask(target, OK)
    assert circuit(target) is Circuit.CLOSED
    assert target.snapshot().calls == 1


def test_while_open_nothing_passes_and_the_wait_is_told() -> None:
    """Calls are refused with the seconds that remain, until a trial may pass."""
    clock = FakeClock()
    target = opened(clock)
    assert not target.admits()
    assert target.acquire() is None
    assert target.retry_after_s() == 5.0
    clock.advance(4.5)
    assert target.acquire() is None
    assert target.retry_after_s() == 0.5
    clock.advance(0.5)
    assert target.retry_after_s() == 0.0
    assert circuit(target) is Circuit.HALF_OPEN
    assert target.acquire() is not None


def test_three_trials_and_no_more() -> None:
    """Half open, three calls pass; those left over are refused, not queued."""
    clock = FakeClock()
    target = opened(clock)
    clock.advance(5.0)
    trials = [target.acquire() for _ in range(5)]
    assert [trial is not None for trial in trials] == [True, True, True, False, False]
    assert target.acquire(last_resort=True) is None
    assert target.retry_after_s() == 5.0


def test_three_answers_close_it() -> None:
    """After as many answers as there are trials, it is closed, and starts with an empty window."""
    clock = FakeClock()
    target = opened(clock)
    clock.advance(5.0)
    ask(target, OK, SLOW)
    assert circuit(target) is Circuit.HALF_OPEN
    ask(target, OK)
    assert circuit(target) is Circuit.CLOSED
    assert target.snapshot().calls == 0


def test_slow_answers_alone_do_not_close_it() -> None:
    """Trials are held to the same share of slow answers as the calls that opened it."""
    clock = FakeClock()
    target = opened(clock)
    clock.advance(5.0)
    ask(target, SLOW, SLOW, SLOW)
    assert circuit(target) is Circuit.OPEN


def test_one_failure_reopens_for_twice_as_long() -> None:
    """5, 10, 20, 40, 60, 60 seconds; and 5 again after it has been closed."""
    clock = FakeClock()
    target = opened(clock)
    waits_s = []
    for _ in range(6):
        waits_s.append(target.retry_after_s())
        clock.advance(waits_s[-1])
        ask(target, FAILED)
    assert waits_s == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    clock.advance(60.0)
    ask(target, OK, OK, OK)
    ask(target, *[FAILED] * 5)
    assert target.retry_after_s() == 5.0


def test_periods_are_jittered() -> None:
    """Processes that opened together do not try together: each period is 20 % off at most."""
    waits_s = [
        opened(FakeClock(), BreakerPolicy(), seed=seed).retry_after_s() for seed in range(200)
    ]
    assert 4.0 <= min(waits_s) < 4.1
    assert 5.9 < max(waits_s) <= 6.0


def test_a_neutral_trial_makes_room_for_another() -> None:
    """A trial that says nothing of the target neither closes nor reopens, and is not counted."""
    clock = FakeClock()
    target = opened(clock)
    clock.advance(5.0)
    ask(target, *[NEUTRAL] * 10)
    assert circuit(target) is Circuit.HALF_OPEN
    ask(target, OK, OK, OK)
    assert circuit(target) is Circuit.CLOSED


def test_a_trial_that_never_ends_has_failed() -> None:
    """At its timeout it reopens the circuit, as of that moment, and its end no longer counts."""
    clock = FakeClock()
    target = opened(clock)
    clock.advance(5.0)
    trial = target.acquire()
    assert trial is not None
    clock.advance(59.0)
    assert circuit(target) is Circuit.HALF_OPEN
    clock.advance(4.0)
    assert circuit(target) is Circuit.OPEN
    assert target.retry_after_s() == 7.0
    target.settle(trial, OK)
    clock.advance(7.0)
    ask(target, OK, OK)
    assert circuit(target) is Circuit.HALF_OPEN


def test_outcomes_of_an_earlier_generation_are_ignored() -> None:
    """Calls from before it opened say nothing of the target as it is now."""
    clock = FakeClock()
    target = breaker(clock)
    before = [target.acquire() for _ in range(10)]
    ask(target, *[FAILED] * 5)
    clock.advance(5.0)
    for permit in before[:5]:
        assert permit is not None
        target.settle(permit, FAILED)
    assert circuit(target) is Circuit.HALF_OPEN
    ask(target, OK, OK, OK)
    for permit in before[5:]:
        assert permit is not None
        target.settle(permit, FAILED)
    assert circuit(target) is Circuit.CLOSED
    assert target.snapshot().calls == 0


def test_a_permit_counts_once() -> None:
    """Settling again changes nothing."""
    target = breaker(FakeClock())
    permit = target.acquire()
    assert permit is not None
    for _ in range(10):
        target.settle(permit, FAILED)
    assert circuit(target) is Circuit.CLOSED
    assert target.snapshot().failures == 1


def test_the_last_resort_passes_one_at_a_time() -> None:
    """A caller without another target is a trial, within the period's share of trials."""
    clock = FakeClock()
    target = opened(clock)
    for _ in range(3):
        trial = target.acquire(last_resort=True)
        assert trial is not None
        assert trial.is_trial
        assert target.acquire(last_resort=True) is None
        target.settle(trial, FAILED)
        assert target.retry_after_s() == 5.0
    assert target.acquire(last_resort=True) is None
    clock.advance(5.0)
    assert target.admits()


def test_the_answer_of_a_last_resort_counts() -> None:
    """It half-opens the circuit before its time, with one answer of three given."""
    target = opened(FakeClock())
    ask(target, OK, last_resort=True)
    assert circuit(target) is Circuit.HALF_OPEN
    ask(target, OK)
    assert circuit(target) is Circuit.HALF_OPEN
    ask(target, OK)
    assert circuit(target) is Circuit.CLOSED


def test_a_last_resort_that_never_ends_gives_its_place_back() -> None:
    """After its timeout another may pass, and the open period is as long as it was."""
    clock = FakeClock()
    target = opened(clock, replace(EXACT, trial_timeout_s=2.0))
    trial = target.acquire(last_resort=True)
    assert trial is not None
    clock.advance(1.0)
    assert not target.admits(last_resort=True)
    clock.advance(1.0)
    assert target.admits(last_resort=True)
    target.settle(trial, OK)
    assert circuit(target) is Circuit.OPEN
    assert target.retry_after_s() == 3.0


def test_a_dead_target_sees_its_trials_once_a_period() -> None:
    """However many ask, between two half-openings a dead target is called three times at most."""
    clock = FakeClock()
    target = opened(clock)
    for _ in range(6):
        calls = 0
        until_half_open_s = target.retry_after_s()
        clock.advance(until_half_open_s)
        for _ in range(50):
            if (permit := target.acquire(last_resort=True)) is not None:
                calls += 1
                target.settle(permit, FAILED)
            clock.advance(target.retry_after_s() / 100)
        assert circuit(target) is Circuit.OPEN
        assert calls == 3


def test_it_closes_within_two_periods_of_recovery() -> None:
    """A target that is back is back in use when the next period begins."""
    clock = FakeClock()
    target = opened(clock)
    clock.advance(5.0)
    ask(target, FAILED)
    clock.advance(target.retry_after_s())
    ask(target, OK, OK, OK)
    assert circuit(target) is Circuit.CLOSED


def test_an_operator_can_close_the_road() -> None:
    """Forced open, nothing passes, the last resort neither, however long it takes."""
    clock = FakeClock()
    target = breaker(clock)
    target.force(Circuit.FORCED_OPEN)
    clock.advance(3600.0)
    assert target.acquire(last_resort=True) is None
    assert target.retry_after_s() == 60.0
    target.force(None)
    assert circuit(target) is Circuit.CLOSED


def test_an_operator_can_keep_it_open_to_calls() -> None:
    """Forced closed, failures are counted for operators and change nothing."""
    target = opened(FakeClock())
    target.force(Circuit.FORCED_CLOSED)
    ask(target, *[FAILED] * 50)
    assert circuit(target) is Circuit.FORCED_CLOSED
    assert target.snapshot().failures == 55
    target.force(None)
    assert target.snapshot().failures == 0
    ask(target, *[FAILED] * 4)
    assert circuit(target) is Circuit.CLOSED


@pytest.mark.parametrize("state", [Circuit.CLOSED, Circuit.OPEN, Circuit.HALF_OPEN])
def test_only_forced_states_can_be_forced(state: Circuit) -> None:
    """Whoever wants automatic says so with None; the message tells."""
    with pytest.raises(ValueError, match="None for automatic"):
        breaker(FakeClock()).force(state)


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    """An hour forth or back is no time that has passed."""
    clock = FakeClock()
    target = opened(clock)
    for step_s in (3600.0, -7200.0):
        clock.step_wall(step_s)
        assert circuit(target) is Circuit.OPEN
        assert target.retry_after_s() == 5.0


def test_other_rules_keep_what_is_known() -> None:
    """A reload keeps the circuit and the counts; a wait is cut to what is the longest now."""
    clock = FakeClock()
    target = breaker(clock)
    ask(target, *[FAILED] * 4)
    target.policy = replace(EXACT, window_s=60.0, buckets=6, open_max_s=2.0)
    assert target.snapshot().failures == 4
    ask(target, FAILED)
    assert target.retry_after_s() == 2.0
    target.policy = replace(EXACT, open_max_s=1.0)
    assert target.retry_after_s() == 1.0
    clock.advance(1.0)
    ask(target, OK, OK)
    target.policy = replace(EXACT, trials=2)
    assert circuit(target) is Circuit.CLOSED
