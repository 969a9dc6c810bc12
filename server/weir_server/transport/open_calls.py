"""Which calls are open, and may new ones come? What a drain waits for and finally ends."""

import asyncio

from weir_server.core.errors import GatewayDraining
from weir_server.transport.interruption import Interruption


class OpenCalls:
    """Every call between its arrival and its status."""

    def __init__(self) -> None:
        self._open: set[Interruption] = set()
        self._watches: set[Interruption] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, interruption: Interruption, *, is_watch: bool = False) -> None:
        """Note a call that arrived. Raises GatewayDraining when no new calls are taken.

        is_watch: it has no end of its own, so that no drain waits for it.
        """
        if self.draining:
            raise GatewayDraining
        self._open.add(interruption)
        if is_watch:
            self._watches.add(interruption)
        self._idle.clear()

    def leave(self, interruption: Interruption) -> None:
        """Note that a call has its status."""
        self._open.discard(interruption)
        self._watches.discard(interruption)
        if not self._open:
            self._idle.set()

    def start_draining(self) -> None:
        """Take no new calls, and end the watches at once with GATEWAY_DRAINING."""
        self.draining = True
        for interruption in list(self._watches):
            interruption.interrupt(GatewayDraining())

    async def wait_idle(self, limit_s: float) -> bool:
        """Wait until no call is open, at most `limit_s` seconds; return whether none is."""
        try:
            async with asyncio.timeout(limit_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def interrupt_all(self) -> None:
        """End every open call with GATEWAY_DRAINING; streams still send their `end`."""
        for interruption in list(self._open):
            interruption.interrupt(GatewayDraining())
