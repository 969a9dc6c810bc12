"""Silence is Redis's, and lateness this process's: they are told apart."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.clock import FakeClock
from weir_server.store.patience import LATE_MAX_S, LOOKS, Patience

TIMEOUT_S = 0.02


@dataclass
class Event:
    at_s: float
    callback: Callable[[], object]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class BusyLoop:
    """A loop whose turns take as long as a test says, and run what was due when they begin."""

    clock: FakeClock = field(default_factory=FakeClock)
    waiting: list[Event] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Event:
        event = Event(self.clock.monotonic_s() + delay, callback)
        self.waiting.append(event)
        return event

    def call_soon(self, callback: Callable[[], object], /) -> Event:
        return self.call_later(0.0, callback)

    def turn(self, takes_s: float) -> None:
        self.clock.advance(takes_s)
        now_s = self.clock.monotonic_s()
        due = [each for each in self.waiting if each.at_s <= now_s + 1e-9]
        self.waiting = [each for each in self.waiting if each not in due]
        for each in due:
            if not each.is_cancelled:
                each.callback()


class Waiting:
    """One who waits for an answer."""

    def __init__(self) -> None:
        self.loop = BusyLoop()
        self.heard_s = self.begun_s = self.loop.clock.monotonic_s()
        self.given_up_after_s: float | None = None
        self.patience = Patience(
            self._give_up,
            timeout_s=TIMEOUT_S,
            heard_s=lambda: self.heard_s,
            loop=self.loop,
            clock=self.loop.clock,
        )

    def _give_up(self) -> None:
        self.given_up_after_s = self.loop.clock.monotonic_s() - self.begun_s

    def turns(self, count: int, takes_s: float) -> None:
        for _ in range(count):
            self.loop.turn(takes_s)

    def hear(self) -> None:
        self.heard_s = self.loop.clock.monotonic_s()


def test_an_idle_loop_finds_silence_out_in_time() -> None:
    """Who never answers is given up when the time is over, and once."""
    one = Waiting()
    one.turns(100, 0.001)
    assert one.given_up_after_s is not None
    assert TIMEOUT_S <= one.given_up_after_s <= TIMEOUT_S + (LOOKS + 1) * 0.001
    assert not one.loop.waiting


def test_a_turn_that_took_long_leaves_time_to_look() -> None:
    """After one long turn, an answer that lies in the socket has turns to be read and heard."""
    one = Waiting()
    one.loop.turn(0.3)
    one.turns(LOOKS, 0.01)
    assert one.given_up_after_s is None
    one.patience.stop()
    one.turns(500, 0.01)
    assert one.given_up_after_s is None


def test_turns_as_long_as_the_time_leave_time_to_look() -> None:
    """A timer that comes on time in a turn that was long does not give up before a look."""
    one = Waiting()
    one.loop.turn(TIMEOUT_S)
    one.turns(LOOKS - 1, TIMEOUT_S)
    assert one.given_up_after_s is None


def test_who_was_heard_in_between_is_waited_for_again() -> None:
    """A question in a queue waits while those before it are answered."""
    one = Waiting()
    for _ in range(20):
        one.turns(15, 0.001)
        one.hear()
    assert one.loop.waiting
    one.turns(50, 0.001)
    assert one.given_up_after_s is not None
    assert 0.3 + TIMEOUT_S <= one.given_up_after_s <= 0.33


def test_a_loop_that_is_always_late_gives_up_in_the_end() -> None:
    """However busy this process is, nobody waits for ever."""
    one = Waiting()
    one.turns(60, 0.05)
    assert one.given_up_after_s is not None
    assert one.given_up_after_s <= TIMEOUT_S + LATE_MAX_S + (LOOKS + 2) * 0.05


def test_a_redis_that_answers_for_ever_is_given_up_in_the_end() -> None:
    """Answers to others do not keep one waiting for ever."""
    one = Waiting()
    for _ in range(2_000):
        one.loop.turn(0.001)
        one.hear()
    assert one.given_up_after_s is not None
    assert one.given_up_after_s <= TIMEOUT_S + LATE_MAX_S + 0.05
