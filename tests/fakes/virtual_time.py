"""How does a test live through minutes in a moment? On a loop that jumps ahead, never sleeps."""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while everybody waits, and then at once.

    It is a `Clock` as well: both its times are the loop's own. For code that touches no socket.
    """

    def __init__(self) -> None:
        self._selector_of_time = _Jumping()
        super().__init__(self._selector_of_time)

    @override
    def time(self) -> float:
        return self._selector_of_time.now_s

    def monotonic_s(self) -> float:
        return self.time()

    def wall_ns(self) -> int:
        return int(self.time() * 1e9)


def in_virtual_time(work: Coroutine[Any, Any, T], loop: VirtualTime) -> T:
    """Run `work` to its end on `loop`, and close that."""
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


class _Jumping(selectors.DefaultSelector):
    """Asked to wait for something to happen, lets that much time have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = time.monotonic()

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        happened = super().select(0)
        if not happened:
            assert timeout is not None, "everybody waits, and nothing is going to happen"
            self.now_s += max(0.0, timeout)
        return happened
