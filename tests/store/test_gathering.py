"""Operations wait for each other where the loop is busy, and for nothing where it is not."""

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.fakes.clock import FakeClock
from weir_server.store.gathering import (
    GATHER_S,
    GATHERED_MAX,
    IDLE_S,
    LOOK_S,
    TURNS,
    Gathering,
)
from weir_server.store.operations import Kind, Operation


class Loop:
    """An event loop whose turns and time are made by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._soon: deque[Callable[[], None]] = deque()
        self._later: deque[tuple[float, Callable[[], None]]] = deque()

    def call_soon(self, what: Callable[..., None], *values: Any) -> None:
        """Do it in the next turn."""
        self._soon.append(lambda: what(*values))

    def call_later(self, delay_s: float, what: Callable[[], None]) -> None:
        """Do it once so much time has passed."""
        self._later.append((self.clock.monotonic_s() + delay_s, what))

    def turn(self, took_s: float = 0.0) -> None:
        """Make one turn, in which other things take so long."""
        self.clock.advance(took_s)
        for _ in range(len(self._soon)):
            self._soon.popleft()()

    def wait(self, seconds: float) -> None:
        """Let time pass, and do what is due by then."""
        self.clock.advance(seconds)
        while self._later and self._later[0][0] <= self.clock.monotonic_s() + 1e-9:
            self._later.popleft()[1]()


class Posted:
    """A gathering, and what it has handed over."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.batches: list[list[str]] = []
        self.gathering = Gathering(self._post, loop=self.loop, clock=self.loop.clock)
        self._numbers = count()

    def _post(self, operations: list[Operation]) -> None:
        self.batches.append([each.response_id for each in operations])

    def add(self, number: int = 1) -> None:
        """Add so many operations, called by their number."""
        for _ in range(number):
            self.gathering.add(Operation(Kind.RELEASE, str(next(self._numbers))))

    def add_on_a_busy_loop(self) -> None:
        """Add one, and let other things take time in the turns after it."""
        self.add()
        for _ in range(TURNS):
            self.loop.turn(took_s=IDLE_S)


def test_idle_loop() -> None:
    """Where turns take no time an operation is handed over after them, and no time."""
    posted = Posted()
    posted.add()

    for _ in range(TURNS - 1):
        posted.loop.turn()
    assert posted.batches == []
    posted.loop.turn()
    assert posted.batches == [["0"]]


def test_idle_loop_with_two() -> None:
    """Two that come at once are handed over as soon, together."""
    posted = Posted()
    posted.add(2)

    for _ in range(TURNS):
        posted.loop.turn()

    assert posted.batches == [["0", "1"]]


def test_busy_loop() -> None:
    """Where turns take time those that come share a batch, until a look finds no other."""
    posted = Posted()
    posted.add_on_a_busy_loop()
    posted.loop.wait(LOOK_S / 2)
    posted.add(2)
    posted.loop.wait(LOOK_S / 2)
    assert posted.batches == []

    posted.loop.wait(LOOK_S)

    assert posted.batches == [["0", "1", "2"]]


def test_kept_no_longer() -> None:
    """However many keep coming, the first is handed over once its time is up."""
    posted = Posted()
    posted.add_on_a_busy_loop()
    looks = 0
    while not posted.batches:
        looks += 1
        posted.add()
        posted.loop.wait(LOOK_S)
        assert looks * LOOK_S <= GATHER_S

    assert (looks + 1) * LOOK_S >= GATHER_S - TURNS * IDLE_S


def test_enough() -> None:
    """With enough of them nothing more is waited for."""
    posted = Posted()
    posted.add_on_a_busy_loop()
    posted.add(GATHERED_MAX)

    posted.loop.wait(LOOK_S)

    assert [len(batch) for batch in posted.batches] == [GATHERED_MAX + 1]


def test_next_batch() -> None:
    """What comes after a batch was handed over is kept anew."""
    posted = Posted()
    posted.add_on_a_busy_loop()
    posted.loop.wait(LOOK_S)
    posted.add()
    assert posted.batches == [["0"]]

    for _ in range(TURNS):
        posted.loop.turn()

    assert posted.batches == [["0"], ["1"]]


def test_flushed_at_once() -> None:
    """A ledger that closes hands over all there is, once."""
    posted = Posted()
    posted.add(3)

    posted.gathering.flush()
    for _ in range(TURNS):
        posted.loop.turn()

    assert posted.batches == [["0", "1", "2"]]
