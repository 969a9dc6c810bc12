"""How does a connection end? At once when nobody waits for it, and back in the pool when whole."""

import asyncio

import aiohttp
from typing_extensions import override


class AbortingResponse(aiohttp.ClientResponse):
    """A response whose closing ends the socket at once.

    aiohttp closes gracefully: it first flushes an unsent request, and TLS waits for the other
    side. An upstream that hangs would keep working for a caller who has left.
    """

    @override
    def close(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()


class Lingering:
    """Answers that are complete though their bodies have not ended: the end may be on its way.

    Nobody waits for it. A connection goes back to the pool when the end comes, and is cut when it
    does not come in time.
    """

    def __init__(self) -> None:
        self._timers: dict[aiohttp.ClientResponse, asyncio.TimerHandle] = {}

    def add(self, response: aiohttp.ClientResponse, linger_s: float) -> None:
        """Give a response some time to end."""
        loop = asyncio.get_running_loop()
        self._timers[response] = loop.call_later(linger_s, self._cut, response)
        response.content.on_eof(lambda: self._forget(response))

    def close(self) -> None:
        """Cut them all."""
        for response in list(self._timers):
            self._cut(response)

    def _cut(self, response: aiohttp.ClientResponse) -> None:
        self._forget(response)
        response.close()

    def _forget(self, response: aiohttp.ClientResponse) -> None:
        timer = self._timers.pop(response, None)
        if timer is not None:
            timer.cancel()
