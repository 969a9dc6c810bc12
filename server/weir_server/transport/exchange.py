"""What is one RPC, whichever gRPC library carries it? The border that the rest of Weir stops at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

Metadata = Sequence[tuple[str, str | bytes]]
"""Pairs of lower-case names and values; the values of `-bin` names are bytes."""


class CallerGone(Exception):
    """The caller cancelled or its connection is dead: nothing can be sent to it any more."""


class Exchange(Protocol):
    """One RPC as its library sees it. Each library has one adapter."""

    def metadata(self) -> Metadata:
        """Return what the caller sent beside the message."""
        ...

    def peer(self) -> str:
        """Return the caller's address in the library's words, such as `ipv4:127.0.0.1:4711`."""
        ...

    def time_remaining_s(self) -> float | None:
        """Return the time left until the caller's deadline; None: it set none."""
        ...

    async def send_headers(self, metadata: Metadata) -> None:
        """Send the response headers, once, before the first message. Raises CallerGone."""
        ...

    async def send(self, message: bytes) -> None:
        """Send one message and return when the transport took it. Raises CallerGone.

        One at a time. Waits while the caller does not read; a wait that is cancelled leaves the
        message under way, and nothing but the status can follow it.
        """
        ...


# Final rather than frozen, which costs each call more; see `core.call.Call`.
@dataclass(slots=True, kw_only=True)
class Finish:
    """How an RPC ends: its status, its trailers and, for a unary success, its reply."""

    code: Final[int]
    """Number of the gRPC status code; 0 is OK."""
    message: Final[str] = ""
    trailers: Final[Metadata] = ()
    reply: Final[bytes] = b""
