"""How does a test look at a refusal, at raw bytes, or at what the server did behind the wire?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    QuotaFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from tests.service.weir import Heard, Weir
from weir.v1.error_pb2 import FailureInfo

AnswerT = TypeVar("AnswerT")

DETAILS: Sequence[type[Message]] = (
    ErrorInfo,
    RetryInfo,
    BadRequest,
    ResourceInfo,
    QuotaFailure,
    FailureInfo,
)
PATIENCE_S = 20.0
"""How long a test waits at most for what must come: longer than a busy machine takes."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A call that failed, as its caller sees it."""

    code: str
    text: str
    trailers: Mapping[str, str | bytes]
    details: Mapping[str, Any]
    """Every detail of the rich status by the name of its message."""

    @property
    def reason(self) -> str:
        return str(self.details["ErrorInfo"].reason)

    @property
    def verdict(self) -> tuple[str, str]:
        """Code and reason."""
        return self.code, self.reason

    @property
    def fields(self) -> list[str]:
        """The fields that break a rule."""
        return [violation.field for violation in self.details["BadRequest"].field_violations]


async def refused(call: Awaitable[Any]) -> Refusal:
    """Wait for a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return refusal_of(failed.value)


async def maybe_refused(call: Awaitable[Any]) -> Refusal | None:
    """Wait for a call that may fail; None: it did not."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    return None


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    trailers = dict(error.trailing_metadata())
    details: dict[str, Any] = {}
    status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    for packed in status.details:
        for kind in DETAILS:
            if packed.Is(kind.DESCRIPTOR):
                detail = kind()
                packed.Unpack(detail)
                assert kind.__name__ not in details, "each kind of detail at most once"
                details[kind.__name__] = detail
    assert len(details) == len(status.details), "a detail of a kind that nobody promised"
    if status.details:
        assert status.code == error.code().value[0], "the rich status agrees with the plain one"
        assert status.message == error.details()
    return Refusal(
        code=error.code().name, text=error.details() or "", trailers=trailers, details=details
    )


async def ask_raw(weir: Weir, path: str, payload: bytes, **options: Any) -> bytes:
    """Send bytes as they are to a unary method."""
    method = weir.channel.unary_unary(path, request_serializer=_same, response_deserializer=_same)
    reply: bytes = await method(payload, **options)
    return reply


def stream_raw(weir: Weir, path: str, payload: bytes, **options: Any) -> Any:
    """Send bytes as they are to a streaming method."""
    method = weir.channel.unary_stream(path, request_serializer=_same, response_deserializer=_same)
    return method(payload, **options)


def _same(data: bytes) -> bytes:
    return data


async def hear_rest(call: Any) -> Heard:
    """Read a stream to its end of which `read` took the beginning."""
    heard = Heard()
    try:
        while (message := await call.read()) is not grpc.aio.EOF:
            heard.batches.append(len(message.events))
            heard.events.extend(message.events)
    except grpc.aio.AioRpcError:
        pass  # the status is read below, as for a good end
    heard.code = await call.code()
    heard.details = await call.details()
    heard.trailers = dict(await call.trailing_metadata() or ())
    return heard


async def logged(
    weir: Weir, count: int = 1, *, event: str = "rpc", timeout_s: float = PATIENCE_S
) -> list[dict[str, Any]]:
    """Return the lines of an event as soon as there are `count`: they come in bundles."""
    await until(lambda: len(weir.log_lines(event)) >= count, timeout_s=timeout_s)
    return weir.log_lines(event)


async def until(
    promise: Callable[[], bool], *, timeout_s: float = PATIENCE_S, every_s: float = 0.01
) -> None:
    """Return as soon as `promise` holds. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not promise():  # noqa: ASYNC110  what is looked at tells nobody that it changed
            await asyncio.sleep(every_s)


async def until_async(
    question: Callable[[], Awaitable[AnswerT | None]],
    *,
    timeout_s: float = PATIENCE_S,
    every_s: float = 0.01,
) -> AnswerT:
    """Ask until there is an answer, and return it. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while (answer := await question()) is None:  # noqa: ASYNC110  as in `until`
            await asyncio.sleep(every_s)
    return answer
