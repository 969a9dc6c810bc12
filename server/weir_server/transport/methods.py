"""Which RPCs are there, and who serves each? The table that the gRPC library is given."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from weir_server.core.call import Call
from weir_server.core.caller import Role
from weir_server.core.target import Operation
from weir_server.transport.events import EventStream, Frame


# Final rather than frozen, which costs each call more; see `core.call.Call`.
@dataclass(slots=True, kw_only=True)
class Rpc:
    """What a servicer knows of the RPC it serves; no type of any gRPC library."""

    call: Final[Call]


# Request and reply types differ from method to method; a table can only say "a message".
UnaryServicer = Callable[[Rpc, Any], Awaitable[Message]]
StreamServicer = Callable[[Rpc, Any, EventStream], Awaitable[None]]
WatchServicer = Callable[[Rpc, Any], AsyncGenerator[Message, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One RPC: its name on the wire, how to read its request, and who serves it."""

    service: str
    """Full name of the service, such as `weir.v1.LLMProviderService`."""
    name: str
    decode: Callable[[bytes], Message]
    """Makes the request of bytes. Raises google.protobuf's DecodeError."""
    operation: Operation
    role: Role
    """Who may call it. There is no default: an RPC that nobody thought about is never served."""
    unary: UnaryServicer | None = None
    stream: StreamServicer | None = None
    frame: Frame | None = None
    """Makes the message of a batch of events; for streams of events only."""
    watch: WatchServicer | None = None
    """Gives what is watched as it is now, again and again; see `transport.watching`."""

    def __post_init__(self) -> None:
        """Refuse to be without a policy, whatever it was made by: that ends a start."""
        if not isinstance(self.role, Role):
            raise TypeError(f"{self.path} has no policy: say which role may call it")

    @property
    def streaming(self) -> bool:
        """Whether it is answered with a stream of messages."""
        return self.unary is None

    @property
    def path(self) -> str:
        """The path of the RPC on the wire."""
        return f"/{self.service}/{self.name}"
