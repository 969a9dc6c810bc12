"""Which calls may a process make that was forked from one that called with asyncio?

With asyncio none: the thread that gRPC polls with stayed behind, so a call would wait for ever, or
crash the process. Without asyncio gRPC can since 1.80; older ones would wait for ever too.
"""

import os
from typing import Final

from weir._grpc import grpc

_BLOCKING_SINCE: Final = (1, 80)
_called_with_asyncio: Final[set[int]] = set()


def begin_asyncio() -> None:
    """Note that this process calls with asyncio; raises RuntimeError where it cannot."""
    if _forked():
        raise RuntimeError(
            "This process was forked from one that had called with weir.AsyncClient, and gRPC "
            "cannot do that in both. Fork before the first call, spawn instead, or use weir.Client."
        )
    _called_with_asyncio.add(os.getpid())


def begin_blocking() -> None:
    """Raise RuntimeError where this process cannot call without asyncio either."""
    if _forked() and _version() < _BLOCKING_SINCE:
        raise RuntimeError(
            "This process was forked from one that had called with weir.AsyncClient, and gRPC "
            f"{grpc.__version__} cannot call after that. Fork before the first call, spawn "
            "instead, or install grpcio 1.80 or newer."
        )


def _forked() -> bool:
    return bool(_called_with_asyncio - {os.getpid()})


def _version() -> tuple[int, int]:
    major, minor = grpc.__version__.split(".")[:2]
    return int(major), int(minor)
