"""How does a blocking client hold its connection? Made at the first call, again after a fork."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypeVar

from weir._calls import CallOptions, Defaults
from weir._connection import Connection
from weir._credentials import credentials
from weir._failure import error_from_status
from weir._forks import begin_blocking
from weir._grpc import grpc
from weir._health import CHECK, CheckRequest, CheckResponse
from weir._status import status_of
from weir.v1.embedding_service_pb2_grpc import EmbeddingServiceStub
from weir.v1.model_service_pb2_grpc import ModelServiceStub
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub

if TYPE_CHECKING:
    from grpc import _CallIterator

RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT")


class BlockingStubs:
    """The server's methods over one channel, which belongs to this process."""

    def __init__(self, connection: Connection) -> None:
        self.process_id = os.getpid()
        self.channel = _channel(connection)
        self.providers = LLMProviderServiceStub(self.channel)
        self.models = ModelServiceStub(self.channel)
        self.embeddings = EmbeddingServiceStub(self.channel)
        self.health: grpc.UnaryUnaryMultiCallable[CheckRequest, CheckResponse]
        self.health = self.channel.unary_unary(
            CHECK, CheckRequest.SerializeToString, CheckResponse.FromString
        )


class BlockingLink:
    """One client's connection. Threads may share it."""

    def __init__(self, connection: Connection, defaults: Defaults) -> None:
        self._connection = connection
        self._defaults = defaults
        self._lock = threading.Lock()
        self._stubs: BlockingStubs | None = None
        self._closed = False

    @property
    def stubs(self) -> BlockingStubs:
        """The server's methods; raises RuntimeError once closed."""
        stubs = self._stubs
        if stubs is not None and stubs.process_id == os.getpid() and not self._closed:
            return stubs
        with self._lock:
            if self._closed:
                raise RuntimeError("This client is closed; make another.")
            if self._stubs is None or self._stubs.process_id != os.getpid():
                # A channel does not outlive a fork: the child needs its own.
                begin_blocking()
                self._stubs = BlockingStubs(self._connection)
            return self._stubs

    def unary(
        self,
        method: grpc.UnaryUnaryMultiCallable[RequestT, ReplyT],
        request: RequestT,
        options: CallOptions,
    ) -> ReplyT:
        """One request, one reply; raises WeirError."""
        try:
            return method(
                request,
                timeout=self._defaults.timeout(options),
                metadata=self._defaults.metadata_of(options),
            )
        except grpc.RpcError as failure:
            raise error_from_status(*status_of(failure)) from failure

    def stream(
        self,
        method: grpc.UnaryStreamMultiCallable[RequestT, ReplyT],
        request: RequestT,
        options: CallOptions,
    ) -> _CallIterator[ReplyT]:
        """One request, many replies; the caller reads them and ends the call."""
        return method(
            request,
            timeout=self._defaults.timeout(options, stream=True),
            metadata=self._defaults.metadata_of(options),
        )

    def close(self) -> None:
        """Cancel what is open and leave the server; a second time does nothing."""
        with self._lock:
            self._closed = True
            stubs, self._stubs = self._stubs, None
        if stubs is not None and stubs.process_id == os.getpid():
            stubs.channel.close()


def _channel(connection: Connection) -> grpc.Channel:
    if connection.tls is None:
        return grpc.insecure_channel(connection.target, connection.options)
    return grpc.secure_channel(connection.target, credentials(connection.tls), connection.options)
