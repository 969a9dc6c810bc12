"""How does a Python program call Weir? With the stubs in `weir.v1` and the client beside them.

    async with weir.AsyncClient("localhost:50051") as client:
        async with client.stream_chat("Hello") as stream:
            async for text in stream.text:
                print(text, end="")

Names load on first use, so that `import weir.v1.content_pb2` and its like never import gRPC.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from weir import _version

__version__ = _version.VERSION

if TYPE_CHECKING:
    from weir._aio_stream import AsyncStream
    from weir._blocking_stream import Stream
    from weir._calls import CallOptions
    from weir._connection import TlsFiles
    from weir._health import HealthStatus
    from weir.aio import AsyncClient
    from weir.blocking import Client
    from weir.errors import (
        CallCancelledError,
        Code,
        ConflictError,
        DeadlineExceededError,
        InvalidRequestError,
        NotFoundError,
        PermissionDeniedError,
        ProtocolError,
        QuotaExceededError,
        QuotaViolation,
        RateLimitedError,
        ServerError,
        StreamBrokenError,
        UnauthenticatedError,
        UnavailableError,
        UnsupportedError,
        WeirError,
    )
    from weir.fold import fold_chat, fold_complete
    from weir.messages import assistant, system, tool_result, user

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "CallCancelledError",
    "CallOptions",
    "Client",
    "Code",
    "ConflictError",
    "DeadlineExceededError",
    "HealthStatus",
    "InvalidRequestError",
    "NotFoundError",
    "PermissionDeniedError",
    "ProtocolError",
    "QuotaExceededError",
    "QuotaViolation",
    "RateLimitedError",
    "ServerError",
    "Stream",
    "StreamBrokenError",
    "TlsFiles",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
    "WeirError",
    "__version__",
    "assistant",
    "fold_chat",
    "fold_complete",
    "system",
    "tool_result",
    "user",
]

_HOMES = {
    "AsyncClient": "weir.aio",
    "AsyncStream": "weir._aio_stream",
    "Client": "weir.blocking",
    "Stream": "weir._blocking_stream",
    "HealthStatus": "weir._health",
    "CallOptions": "weir._calls",
    "TlsFiles": "weir._connection",
    "fold_chat": "weir.fold",
    "fold_complete": "weir.fold",
    "assistant": "weir.messages",
    "system": "weir.messages",
    "tool_result": "weir.messages",
    "user": "weir.messages",
}


if not TYPE_CHECKING:  # a checker would otherwise take any name for one of ours

    def __getattr__(name: str) -> object:
        """Load a public name from its home (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module 'weir' has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES.get(name, "weir.errors")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
