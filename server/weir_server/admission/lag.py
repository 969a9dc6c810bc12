"""Does the event loop keep up? A task that wants to be woken every so often, and looks how late.

Everything waits while the loop is held: what has come meanwhile is answered late however little
there is to do, so new calls are better sent elsewhere (reliability, fault row 49).
"""

import asyncio
import math
from typing import ClassVar, Final

from weir_server.admission.trouble import Spell
from weir_server.core.clock import Clock


class LagWatch:
    """Measures how late the loop wakes its tasks.

    limit_s: the loop is blocked when a wake-up is later than this.
    calm_s: it counts as blocked until so long after the last late wake-up.
    lasting_s: blocked for longer than this, it will not be better in a moment.
    interval_s: how often it looks.
    """

    cause: ClassVar[str] = "lag"

    def __init__(
        self,
        clock: Clock,
        *,
        limit_s: float = 0.25,
        calm_s: float = 0.25,
        lasting_s: float = 2.0,
        interval_s: float = 0.05,
    ) -> None:
        self.lag_s = 0.0
        """By how much the last wake-up was late."""
        self._clock = clock
        self._limit_s: Final = limit_s
        self._interval_s: Final = interval_s
        self._spell = Spell(calm_s=calm_s, lasting_s=lasting_s)
        self._due_s = math.inf

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self.expect()
            await asyncio.sleep(self._interval_s)
            self.woke()

    def expect(self) -> None:
        """Note when the next wake-up is due."""
        self._due_s = self._clock.monotonic_s() + self._interval_s

    def woke(self) -> None:
        """Note a wake-up, and how late it is."""
        now_s = self._clock.monotonic_s()
        self.lag_s = max(0.0, now_s - self._due_s)
        self.is_on(now_s)

    def is_on(self, now_s: float) -> bool:
        """Return whether the loop is blocked, or was lately."""
        if now_s - self._due_s > self._limit_s:
            # What came while the loop was held may be worked off before the watch is woken.
            self._spell.seen(since_s=self._due_s, now_s=now_s)
        return now_s <= self._spell.ends_s

    def lasts(self, now_s: float) -> bool:
        """Return whether it has been blocked again and again for long."""
        return self._spell.lasts(now_s)
