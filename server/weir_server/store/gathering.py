"""When is an operation handed to the writer? At once, unless the loop is about to bring more.

A commit costs more than all else that is done for a call. Where the loop has nothing else to do,
its next turns take no time, and an operation is handed over after them. Where they do take time,
the loop is busy with other calls: what they book meanwhile shares one commit with it.
"""

from collections.abc import Callable
from typing import Final, Protocol

from weir_server.core.clock import Clock
from weir_server.store.operations import Operation

TURNS: Final = 3
"""So many turns of the loop tell whether it has something else to do."""
IDLE_S: Final = 0.0003
"""A loop that has nothing else to do makes them in less."""
LOOK_S: Final = 0.002
"""On a busy loop it is looked so often whether another operation has come."""
GATHER_S: Final = 0.02
"""The longest that an operation is kept."""
GATHERED_MAX: Final = 64
"""With so many a commit costs each of them next to nothing."""


class Loop(Protocol):
    """What is asked of an event loop."""

    def call_soon(self, what: Callable[..., None], /, *values: object) -> object:
        """Do something in the next turn."""
        ...

    def call_later(self, delay_s: float, what: Callable[[], None], /) -> object:
        """Do something after a while."""
        ...


class Gathering:
    """Operations on their way to the writer. Used by one event loop."""

    def __init__(
        self,
        post: Callable[[list[Operation]], None],
        *,
        loop: Loop,
        clock: Clock,
    ) -> None:
        """`post`: takes what was gathered, in its order."""
        self._post = post
        self._loop = loop
        self._clock = clock
        self._gathered: list[Operation] = []
        self._began_s = 0.0
        self._seen = 0

    def add(self, operation: Operation) -> None:
        """Hand over one operation, soon."""
        self._gathered.append(operation)
        if len(self._gathered) == 1:
            self._began_s = self._clock.monotonic_s()
            self._loop.call_soon(self._turn, 1)

    def flush(self) -> None:
        """Hand over what there is."""
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self._post(gathered)

    def _turn(self, turns: int) -> None:
        """See, after some turns of the loop, whether it has other things to do."""
        if turns < TURNS:
            self._loop.call_soon(self._turn, turns + 1)
        elif self._clock.monotonic_s() - self._began_s < IDLE_S:
            self.flush()
        else:
            self._seen = 0
            self._look()

    def _look(self) -> None:
        """See whether more have come since the last look."""
        here = len(self._gathered)
        is_over = self._clock.monotonic_s() - self._began_s >= GATHER_S
        if here == self._seen or here >= GATHERED_MAX or is_over:
            self.flush()
        else:
            self._seen = here
            self._loop.call_later(LOOK_S, self._look)
