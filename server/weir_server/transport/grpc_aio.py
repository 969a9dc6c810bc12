"""How does grpc.aio carry an RPC? The adapter between that library and the edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, cast

import grpc
import grpc.aio

from weir_server.transport.exchange import CallerGone, Exchange, Finish, Metadata

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class Served(Protocol):
    """An RPC by its path."""

    @property
    def path(self) -> str:
        """The path of the RPC on the wire."""
        ...

    @property
    def streaming(self) -> bool:
        """Whether it is answered with a stream of messages."""
        ...


ServedT = TypeVar("ServedT", bound=Served)
ServedT_contra = TypeVar("ServedT_contra", bound=Served, contravariant=True)


class Serves(Protocol[ServedT_contra]):
    """What answers RPCs: the edge."""

    async def serve(self, method: ServedT_contra, exchange: Exchange, payload: bytes) -> Finish:
        """Serve one RPC from its request bytes to its status."""
        ...


class AioExchange(Exchange):
    """One RPC of grpc.aio."""

    __slots__ = ("_context",)

    def __init__(self, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        self._context = context

    def metadata(self) -> Metadata:
        """Return what the caller sent beside the message."""
        return cast(Metadata, self._context.invocation_metadata() or ())

    def peer(self) -> str:
        """Return the caller's address."""
        return self._context.peer()

    def time_remaining_s(self) -> float | None:
        """Return the time left until the caller's deadline; None: it set none."""
        return cast(float | None, self._context.time_remaining())

    async def send_headers(self, metadata: Metadata) -> None:
        """Send the response headers."""
        try:
            await self._context.send_initial_metadata(tuple(metadata))
        except grpc.aio.InternalError as failure:
            raise CallerGone from failure

    async def send(self, message: bytes) -> None:
        """Send one message."""
        try:
            await self._context.write(message)
        except grpc.aio.InternalError as failure:
            # The library reports a write to a cancelled call as a failed batch.
            raise CallerGone from failure


class Dispatcher(grpc.GenericRpcHandler):
    """Gives each known RPC to the edge, as bytes; others get UNIMPLEMENTED from the library.

    Lookup is by the library's resolved method path and nothing else, so that no spelling of a path
    reaches a handler around its checks.
    """

    def __init__(self, edge: Serves[ServedT], methods: Sequence[ServedT]) -> None:
        self._handlers = {method.path: _handler(edge, method) for method in methods}

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of an RPC, or None."""
        return self._handlers.get(handler_call_details.method)


def _handler(edge: Serves[ServedT], method: ServedT) -> grpc.RpcMethodHandler[Any, Any]:
    async def unary(payload: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        finish = await edge.serve(method, AioExchange(context), payload)
        if finish.code:
            # Returning would send an empty message before the status, and a client repeats no call
            # that something of an answer was given for. Nothing is between this and the library
            # that could swallow what `abort` raises.
            await context.abort(
                _CODES[finish.code], finish.message, trailing_metadata=tuple(finish.trailers)
            )
        _set_status(context, finish)
        return finish.reply

    async def stream(payload: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        # A coroutine that writes, not a generator: a generator's clean-up may run in another task.
        finish = await edge.serve(method, AioExchange(context), payload)
        _set_status(context, finish)

    if method.streaming:
        return grpc.unary_stream_rpc_method_handler(cast(Any, stream))
    return grpc.unary_unary_rpc_method_handler(cast(Any, unary))


def _set_status(context: grpc.aio.ServicerContext[bytes, bytes], finish: Finish) -> None:
    """Say how the RPC ends. Returning after this ends it; `abort` would raise for the same."""
    context.set_trailing_metadata(tuple(finish.trailers))
    if finish.code:
        context.set_code(_CODES[finish.code])
        context.set_details(finish.message)
