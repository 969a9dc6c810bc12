"""How does work reach a thread? Many pieces at once, with one wake-up for all of them."""

import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """A queue that is posted to by the event loop and emptied by one thread."""

    def __init__(self) -> None:
        self._items: Final[deque[Item]] = deque()
        self._wake: Final = threading.Semaphore(0)
        self._is_told = False

    def post(self, item: Item) -> None:
        """Add a piece of work."""
        self._items.append(item)
        self.nudge()

    def post_all(self, items: Iterable[Item]) -> None:
        """Add several pieces, in their order."""
        self._items.extend(items)
        self.nudge()

    def nudge(self) -> None:
        """Wake the thread, though there may be nothing for it."""
        # The thread clears the mark before it empties the queue: whoever finds it set can be sure
        # that the queue will be emptied after.
        if not self._is_told:
            self._is_told = True
            self._wake.release()

    def take(self, timeout_s: float | None) -> list[Item]:
        """Wait for work and return all there is; nothing after a nudge, or when time is up."""
        if self._wake.acquire(timeout=timeout_s):
            self._is_told = False
        return self.rest()

    def rest(self) -> list[Item]:
        """Return what is there at once."""
        items: list[Item] = []
        with suppress(IndexError):  # It is empty, even if another thread has just seen to that.
            while True:
                items.append(self._items.popleft())
        return items

    def __len__(self) -> int:
        return len(self._items)
