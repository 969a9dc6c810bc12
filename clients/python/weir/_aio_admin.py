"""How does an operator's program see and steer a server's targets? With `AsyncClient.admin`."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Unpack

from weir._aio_link import AioLink
from weir._calls import CallOptions
from weir._failure import error_from_status
from weir._grpc import grpc
from weir._status import cancelled, is_task_cancelled, status_of
from weir.admin.v1.admin_service_pb2 import (
    CircuitState,
    ExplainRouteRequest,
    ExplainRouteResponse,
    ListTargetsRequest,
    SetCircuitStateRequest,
    Target,
    WatchTargetsRequest,
)
from weir.v1.provider_service_pb2 import ChatRequest


class AsyncAdmin:
    """The calls of operators; others get PermissionDeniedError where the server asks for keys.

    Where they are switched off, every call raises UnsupportedError.
    """

    def __init__(self, link: AioLink) -> None:
        self._link = link

    async def list_targets(
        self, provider: str = "", **call: Unpack[CallOptions]
    ) -> Sequence[Target]:
        """The targets by name, and how each is doing.

        provider: only those of this one, such as "providers/openai". Empty: all.
        """
        request = ListTargetsRequest(provider=provider)
        reply = await self._link.unary(self._link.stubs.admin.ListTargets, request, call)
        return reply.targets

    async def watch_targets(
        self,
        provider: str = "",
        *,
        interval_s: float | None = None,
        **call: Unpack[CallOptions],
    ) -> AsyncGenerator[Sequence[Target], None]:
        """The same list at once, and again whenever something in it has changed.

        interval_s: how long changes are gathered before they are told, 0.1 to 60. None: 1.
        Ends with DeadlineExceededError after the stream's timeout; watch again then.
        """
        request = WatchTargetsRequest(provider=provider)
        if interval_s is not None:
            request.interval.FromTimedelta(timedelta(seconds=interval_s))
        watch = self._link.stream(self._link.stubs.admin.WatchTargets, request, call)
        try:
            async for reply in watch:
                yield reply.targets
        except grpc.RpcError as failure:
            raise error_from_status(*status_of(failure)) from failure
        except asyncio.CancelledError:
            if is_task_cancelled():
                raise
            raise cancelled() from None
        finally:
            watch.cancel()

    async def set_circuit_state(
        self, name: str, circuit: CircuitState.ValueType, **call: Unpack[CallOptions]
    ) -> Target:
        """Force a circuit open or closed, or give it back to its breaker with CLOSED.

        name: the target, such as "providers/openai/targets/gpt-4o-mini". Gives it as it is then.
        """
        request = SetCircuitStateRequest(name=name, circuit=circuit)
        reply = await self._link.unary(self._link.stubs.admin.SetCircuitState, request, call)
        return reply.target

    async def explain_route(
        self,
        request: ChatRequest,
        *,
        streaming: bool = False,
        prompt_tokens: int = 0,
        **call: Unpack[CallOptions],
    ) -> ExplainRouteResponse:
        """Which targets a chat request would be sent to, and why not to others. Sends nothing.

        request: its messages may be empty. prompt_tokens: the prompt's size. 0: as the messages.
        """
        explain = ExplainRouteRequest(
            request=request, streaming=streaming, prompt_tokens=prompt_tokens
        )
        return await self._link.unary(self._link.stubs.admin.ExplainRoute, explain, call)
