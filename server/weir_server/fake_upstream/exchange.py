"""What may a behaviour do with one request? Send bytes, wait, and end the socket in any way."""

from enum import Enum
from typing import ClassVar, Protocol, runtime_checkable

from typing_extensions import override

from weir_server.fake_upstream.journal import Attempt, Journal


class ClientGoneError(Exception):
    """The client closed its socket; a behaviour lets this pass through."""


class Ending(Enum):
    """What happens on the socket after the last byte of an answer."""

    CLEAN = "clean"
    """The framing is completed as HTTP asks; the socket may be used again."""
    EOF = "eof"
    """FIN without completing the framing: a cut body, or a cut header."""
    RESET = "reset"
    """RST: the client's read fails with ECONNRESET, and what it has not read yet may be lost."""
    STALL = "stall"
    """Nothing more is sent and the socket stays open until the client closes it."""


class Exchange(Protocol):
    """One request being answered. Every method raises ClientGoneError once the client has left."""

    @property
    def attempt(self) -> Attempt:
        """The journal's row for this request."""
        ...

    @property
    def journal(self) -> Journal:
        """All attempts so far, this one included."""
        ...

    @property
    def keeps_alive(self) -> bool:
        """Whether the socket may be used again after a whole answer."""
        ...

    async def send(self, data: bytes) -> None:
        """Hand bytes to the kernel; returns when it has taken them all."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait, but no longer than the client does."""
        ...

    def close_when_done(self) -> None:
        """Do not use the socket again after this answer."""
        ...

    async def end(self, ending: Ending) -> None:
        """End the answer; a stall returns only by ClientGoneError."""
        ...


@runtime_checkable
class Behaviour(Protocol):
    """An answer to any request. Immutable: one object may serve many attempts at once."""

    answers_early: ClassVar[bool] = False
    """Whether it plays as soon as the request's head is there, with the body unread."""

    async def play(self, exchange: Exchange) -> None:
        """Answer one request; returning means that the answer is over."""
        ...


class Relay(Exchange):
    """An exchange that passes everything on, for wrappers to override what they bend."""

    def __init__(self, inner: Exchange) -> None:
        self._inner = inner

    @property
    @override
    def attempt(self) -> Attempt:
        return self._inner.attempt

    @property
    @override
    def journal(self) -> Journal:
        return self._inner.journal

    @property
    @override
    def keeps_alive(self) -> bool:
        return self._inner.keeps_alive

    @override
    async def send(self, data: bytes) -> None:
        await self._inner.send(data)

    @override
    async def sleep(self, delay_s: float) -> None:
        await self._inner.sleep(delay_s)

    @override
    def close_when_done(self) -> None:
        self._inner.close_when_done()

    @override
    async def end(self, ending: Ending) -> None:
        await self._inner.end(ending)
