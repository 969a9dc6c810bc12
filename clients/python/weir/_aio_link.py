"""How does an asyncio client hold its connection? Made at the first call, closed with its calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from weir._calls import CallOptions, Defaults
from weir._connection import Connection
from weir._credentials import credentials
from weir._failure import error_from_status
from weir._forks import begin_asyncio
from weir._grpc import aio, grpc
from weir._health import CHECK, CheckRequest, CheckResponse
from weir._status import cancelled, is_task_cancelled, status_of
from weir.admin.v1.admin_service_pb2_grpc import ProviderAdminServiceStub
from weir.admin.v1.key_admin_service_pb2_grpc import KeyAdminServiceStub
from weir.admin.v1.usage_admin_service_pb2_grpc import UsageAdminServiceStub
from weir.v1.embedding_service_pb2_grpc import EmbeddingServiceStub
from weir.v1.model_service_pb2_grpc import ModelServiceStub
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub
from weir.v1.usage_service_pb2_grpc import UsageServiceStub

if TYPE_CHECKING:
    from weir.admin.v1.admin_service_pb2_grpc import ProviderAdminServiceAsyncStub
    from weir.admin.v1.key_admin_service_pb2_grpc import KeyAdminServiceAsyncStub
    from weir.admin.v1.usage_admin_service_pb2_grpc import UsageAdminServiceAsyncStub
    from weir.v1.embedding_service_pb2_grpc import EmbeddingServiceAsyncStub
    from weir.v1.model_service_pb2_grpc import ModelServiceAsyncStub
    from weir.v1.provider_service_pb2_grpc import LLMProviderServiceAsyncStub
    from weir.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT")


class AioStubs:
    """The server's methods over one channel, which belongs to the running event loop."""

    def __init__(self, connection: Connection) -> None:
        self.loop = asyncio.get_running_loop()
        self.channel = _channel(connection)
        self.providers: LLMProviderServiceAsyncStub = LLMProviderServiceStub(self.channel)
        self.models: ModelServiceAsyncStub = ModelServiceStub(self.channel)
        self.embeddings: EmbeddingServiceAsyncStub = EmbeddingServiceStub(self.channel)
        self.admin: ProviderAdminServiceAsyncStub = ProviderAdminServiceStub(self.channel)
        self.keys: KeyAdminServiceAsyncStub = KeyAdminServiceStub(self.channel)
        self.usage: UsageServiceAsyncStub = UsageServiceStub(self.channel)
        self.usage_admin: UsageAdminServiceAsyncStub = UsageAdminServiceStub(self.channel)
        self.health: aio.UnaryUnaryMultiCallable[CheckRequest, CheckResponse]
        self.health = self.channel.unary_unary(
            CHECK, CheckRequest.SerializeToString, CheckResponse.FromString
        )


class AioLink:
    """One client's connection and the calls that are open on it."""

    def __init__(self, connection: Connection, defaults: Defaults) -> None:
        self._connection = connection
        self._defaults = defaults
        self._stubs: AioStubs | None = None
        self._closed = False
        self._open: WeakSet[aio.Call] = WeakSet()

    @property
    def stubs(self) -> AioStubs:
        """The server's methods; raises RuntimeError once closed, in another loop or process."""
        if self._closed:
            raise RuntimeError("This client is closed; make another.")
        begin_asyncio()
        if self._stubs is None:
            self._stubs = AioStubs(self._connection)
        elif self._stubs.loop is not asyncio.get_running_loop():
            raise RuntimeError("This client belongs to another event loop; make one for each.")
        return self._stubs

    async def unary(
        self,
        method: aio.UnaryUnaryMultiCallable[RequestT, ReplyT],
        request: RequestT,
        options: CallOptions,
    ) -> ReplyT:
        """One request, one reply; raises WeirError."""
        call = method(
            request,
            timeout=self._defaults.timeout(options),
            metadata=self._defaults.metadata_of(options),
        )
        self._open.add(call)
        try:
            return await call
        except grpc.RpcError as failure:
            raise error_from_status(*status_of(failure)) from failure
        except asyncio.CancelledError:
            if is_task_cancelled():
                raise
            raise cancelled() from None

    def stream(
        self,
        method: aio.UnaryStreamMultiCallable[RequestT, ReplyT],
        request: RequestT,
        options: CallOptions,
    ) -> aio.UnaryStreamCall[RequestT, ReplyT]:
        """One request, many replies; the caller reads them and ends the call."""
        call = method(
            request,
            timeout=self._defaults.timeout(options, stream=True),
            metadata=self._defaults.metadata_of(options),
        )
        self._open.add(call)
        return call

    async def close(self) -> None:
        """Cancel what is open and leave the server; a second time does nothing."""
        self._closed = True
        for call in list(self._open):  # older gRPC finds only some of them when a channel closes
            call.cancel()
        if self._stubs is not None:
            await self._stubs.channel.close()


def _channel(connection: Connection) -> aio.Channel:
    if connection.tls is None:
        return aio.insecure_channel(connection.target, connection.options)
    return aio.secure_channel(connection.target, credentials(connection.tls), connection.options)
