"""What becomes of a provider that the configuration no longer has? It serves the calls it has."""

import asyncio
from collections import deque

from weir_server.core.clock import Clock
from weir_server.providers.making import Provider


class Retirement:
    """Providers that no new call is aimed at, until each has had `grace_s` to end its calls.

    Nobody counts their calls: one that waits to be tried again is with no provider, and yet must
    find this one.
    """

    def __init__(self, *, grace_s: float, clock: Clock) -> None:
        self._grace_s = grace_s
        self._clock = clock
        self._waiting: deque[tuple[float, Provider]] = deque()
        self._has_some = asyncio.Event()

    def add(self, provider: Provider) -> None:
        """Let a provider go, in `grace_s` seconds."""
        self._waiting.append((self._clock.monotonic_s() + self._grace_s, provider))
        self._has_some.set()

    def find(self, name: str) -> Provider | None:
        """Return the provider that had this name last, while it is here."""
        found = (provider for _, provider in reversed(self._waiting) if provider.facts.name == name)
        return next(found, None)

    async def run(self) -> None:
        """End each when its time has come."""
        while True:
            await self._has_some.wait()
            due_s, provider = self._waiting[0]
            await asyncio.sleep(max(0.0, due_s - self._clock.monotonic_s()))
            await provider.close()
            self._waiting.popleft()
            if not self._waiting:
                self._has_some.clear()

    async def close(self) -> None:
        """End all that are left."""
        while self._waiting:
            await self._waiting.popleft()[1].close()
