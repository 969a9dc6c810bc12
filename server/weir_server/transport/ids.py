"""What are calls called? Identities that are given once, and are not guessed."""

import os
from typing import Protocol

from weir_server.core.clock import Clock


class Ids(Protocol):
    """Makes identities; tests make predictable ones."""

    def __call__(self, prefix: str) -> str:
        """Return a new identity that begins with `prefix`."""
        ...


class TimedIds:
    """Makes identities that sort by the millisecond in which they were made.

    A database writes new rows beside the last ones, rather than all over its indexes. 80 random
    bits follow the time: enough that two of one millisecond never meet, and that none is guessed.
    """

    def __init__(self, clock: Clock) -> None:
        self._wall_ns = clock.wall_ns

    def __call__(self, prefix: str) -> str:
        """Return a new identity that begins with `prefix`: 12 digits of time, 20 of chance."""
        return f"{prefix}{self._wall_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
