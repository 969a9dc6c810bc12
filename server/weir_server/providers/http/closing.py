"""What becomes of a connection whose answer is complete before its body? It may end a little later.

Nobody waits for it. The connection goes back to the pool when the end comes, and is cut when it
does not come in time.
"""

import asyncio

from weir_server.providers.http.wire_connection import Turn


class Lingering:
    """The turns whose bodies have not ended yet."""

    def __init__(self) -> None:
        self._timers: dict[Turn, asyncio.TimerHandle] = {}

    def add(self, turn: Turn, linger_s: float) -> None:
        """Give a turn some time to end."""
        loop = asyncio.get_running_loop()
        self._timers[turn] = loop.call_later(linger_s, self._cut, turn)
        turn.content.on_eof(lambda: self._forget(turn))

    def close(self) -> None:
        """Cut them all."""
        for turn in list(self._timers):
            self._cut(turn)

    def _cut(self, turn: Turn) -> None:
        self._forget(turn)
        turn.close()

    def _forget(self, turn: Turn) -> None:
        timer = self._timers.pop(turn, None)
        if timer is not None:
            timer.cancel()
