"""How is a watch sent? Each message when the one before it is out: the newest state, no queue."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.protobuf.message import Message

from weir_server.core.errors import MessageTooLarge, SlowConsumer
from weir_server.transport.exchange import Exchange, Metadata
from weir_server.transport.interruption import Interruption


class Watch:
    """One watch of one caller.

    Unlike a stream of events it has no `end` that must follow a message, only a status. So whatever
    interrupts it does so at once, in the middle of a message too: a reader that is stuck delays
    neither its deadline nor a drain.
    """

    __slots__ = (
        "_exchange",
        "_headers",
        "_interruption",
        "_max_message_bytes",
        "_slow_consumer_limit_s",
        "sent",
    )

    def __init__(
        self,
        *,
        exchange: Exchange,
        interruption: Interruption,
        headers: Metadata,
        max_message_bytes: int,
        slow_consumer_limit_s: float,
    ) -> None:
        self._exchange = exchange
        self._interruption = interruption
        self._headers = headers
        self._max_message_bytes = max_message_bytes
        self._slow_consumer_limit_s = slow_consumer_limit_s
        self.sent = 0
        """Messages that the transport took."""

    async def send_all(self, messages: AsyncGenerator[Message, None]) -> None:
        """Send messages until there are no more; each is asked for when the one before is out.

        Raises what asking raises, CallerGone, and MessageTooLarge for what the library would refuse
        without a word to the caller.
        """
        async with aclosing(messages):
            async for message in messages:
                payload = message.SerializeToString()
                if len(payload) > self._max_message_bytes:
                    raise MessageTooLarge(metadata={"maxBytes": str(self._max_message_bytes)})
                await self._send(payload)

    async def _send(self, payload: bytes) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._slow_consumer_limit_s, self._give_up)
        try:
            if not self.sent:
                await self._exchange.send_headers(self._headers)
            await self._exchange.send(payload)
        finally:
            timer.cancel()
        self.sent += 1

    def _give_up(self) -> None:
        limit = f"{self._slow_consumer_limit_s:g}"
        self._interruption.reader_stuck(SlowConsumer(metadata={"limitS": limit}))
