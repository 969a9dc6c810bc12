"""What is a stage? Something that opens a call and gives its answer in batches."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.call import Call

Request = ChatRequest | CompleteRequest | EmbedRequest
"""What is asked. Read-only: a stage that changes it passes a copy on."""

Batch = list[GenerationEvent] | EmbedResponse
"""What one upstream read produced: events in order, or the one reply of Embed. Never empty.

Events are unnumbered; a successful answer ends with exactly one `end`. A failure is raised as a
WeirError. Yielding a batch gives it away.
"""


class Handler(Protocol):
    """One stage of the path, or the provider at its end.

    `open` is a context manager rather than a generator so that a stage may put timeouts and task
    groups around its block: in a generator they would cancel the consumer instead (PEP 789).
    """

    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Begin the call; leaving the block closes everything the call holds upstream.

        Raises WeirError from entering, or from the iterator when the failure comes later.
        """
        ...
