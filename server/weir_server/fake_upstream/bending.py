"""How is any behaviour made slow, or cut at any byte of the wire? Wrappers around another one."""

from dataclasses import dataclass

from typing_extensions import override

from weir_server.fake_upstream.exchange import Behaviour, Ending, Exchange, Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed(Behaviour):
    """Wait, then play `of`."""

    of: Behaviour
    delay_s: float

    @override
    async def play(self, exchange: Exchange) -> None:
        await exchange.sleep(self.delay_s)
        await self.of.play(exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip(Behaviour):
    """Play `of` a few bytes at a time, head and framing included: the slow-loris upstream.

    The first `spare_bytes` go at full speed, for a drip that starts within the body.
    """

    of: Behaviour
    every_s: float
    step_bytes: int = 1
    spare_bytes: int = 0

    @override
    async def play(self, exchange: Exchange) -> None:
        await self.of.play(_Dripping(exchange, self))


class _Dripping(Relay):
    def __init__(self, inner: Exchange, drip: Drip) -> None:
        super().__init__(inner)
        self._drip = drip
        self._spare_bytes = drip.spare_bytes

    @override
    async def send(self, data: bytes) -> None:
        spared, rest = data[: self._spare_bytes], data[self._spare_bytes :]
        self._spare_bytes -= len(spared)
        await super().send(spared)
        for start in range(0, len(rest), self._drip.step_bytes):
            await self.sleep(self._drip.every_s)
            await super().send(rest[start : start + self._drip.step_bytes])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Behaviour):
    """Play `of` up to a byte of the wire, head and framing included, then end the socket.

    Where `of` is shorter it ends as it would have. `delay_before_ending_s` gives the client time
    to read what came before a reset.
    """

    of: Behaviour
    after_bytes: int
    ending: Ending = Ending.EOF
    delay_before_ending_s: float = 0.0

    @override
    async def play(self, exchange: Exchange) -> None:
        try:
            await self.of.play(_Cutting(exchange, self.after_bytes))
        except _CutReachedError:
            exchange.close_when_done()
            if self.delay_before_ending_s:
                await exchange.sleep(self.delay_before_ending_s)
            await exchange.end(self.ending)


class _CutReachedError(Exception):
    pass


class _Cutting(Relay):
    def __init__(self, inner: Exchange, left_bytes: int) -> None:
        super().__init__(inner)
        self._left_bytes = left_bytes

    @override
    async def send(self, data: bytes) -> None:
        sent = data[: self._left_bytes]
        self._left_bytes -= len(sent)
        await super().send(sent)
        if len(sent) < len(data):
            raise _CutReachedError
