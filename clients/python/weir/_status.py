"""What does gRPC say went wrong? The one place that reads its exceptions."""

import asyncio
from collections.abc import Iterable
from typing import cast

from weir._failure import Trailers
from weir._grpc import grpc
from weir.errors import CallCancelledError, Code


def status_of(failure: grpc.RpcError) -> tuple[int, str, Trailers]:
    """The code's number, the message and the trailing metadata of a failed call."""
    number: int = failure.code().value[0]
    # Blocking calls give a tuple of pairs, asyncio ones a mapping that iterates as pairs.
    trailers = cast("Iterable[tuple[str, str | bytes]]", failure.trailing_metadata() or ())
    return number, failure.details() or "", tuple(trailers)


def cancelled() -> CallCancelledError:
    """The error of a call that this side cancelled."""
    return CallCancelledError("The call was cancelled from this side.", code=Code.CANCELLED)


def is_task_cancelled() -> bool:
    """Whether a CancelledError is meant for the running task, rather than for its call alone."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
