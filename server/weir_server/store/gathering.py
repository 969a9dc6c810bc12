"""When is an operation handed to the writer? At once, unless the loop is about to bring more.

A commit costs more than all else that is done for a call. Where the loop has nothing else to do,
an operation is handed over within a few of its turns. Where it is busy, the calls that it works on
meanwhile post theirs, and one commit serves them all: they would have waited for the loop anyway.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from weir_server.core.clock import Clock
from weir_server.store.operations import Operation

TURNS: Final = 3
"""For so many turns of the loop it is looked whether another operation comes."""
LOOK_S: Final = 0.002
"""Once another has come, it is looked so often whether yet another has."""
GATHER_S: Final = 0.02
"""The longest that an operation is kept."""
GATHERED_MAX: Final = 64
"""With so many a commit costs each of them next to nothing."""


class Gathering:
    """Operations on their way to the writer. Used by one event loop."""

    def __init__(
        self,
        post: Callable[[list[Operation]], None],
        *,
        loop: asyncio.AbstractEventLoop,
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
        """See whether a turn of the loop has brought another operation."""
        if len(self._gathered) > 1:
            self._seen = len(self._gathered)
            self._loop.call_later(LOOK_S, self._look)
        elif turns < TURNS:
            self._loop.call_soon(self._turn, turns + 1)
        else:
            self.flush()

    def _look(self) -> None:
        """See whether more have come since the last look."""
        here = len(self._gathered)
        is_over = self._clock.monotonic_s() - self._began_s >= GATHER_S
        if here == self._seen or here >= GATHERED_MAX or is_over:
            self.flush()
        else:
            self._seen = here
            self._loop.call_later(LOOK_S, self._look)
