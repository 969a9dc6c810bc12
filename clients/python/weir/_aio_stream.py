"""How is a stream read with asyncio? Inside a block; leaving the block ends the call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import AsyncGeneratorType, TracebackType
from typing import Generic, Protocol, Self

from weir._grpc import grpc
from weir._reading import Cancellable, Fold, Frame, Reading, ResponseT
from weir._status import is_task_cancelled
from weir.v1.generation_pb2 import GenerationEvent


class AsyncCall(Cancellable, Protocol):
    """What a stream needs of gRPC's call."""

    def __aiter__(self) -> AsyncIterator[Frame]:
        """Return the messages, as they come."""
        ...


class AsyncStream(Reading[ResponseT, AsyncCall], Generic[ResponseT]):
    """The events of one answer, as they come.

        async with client.stream_chat("Hello") as stream:
            async for event in stream: ...          # every event, or
            async for text in stream.text: ...      # the text alone
            response = await stream.response()      # the rest, and the whole answer

    The call begins with the block. Leaving the block, or dropping the stream, cancels the call at
    once unless it is over. Events are read once: `text` and `response` go on from where the loop
    before them stopped. One task reads at a time;
    cancelling it cancels the call.

    Reading raises WeirError: StreamBrokenError where an answer that began does not end, other
    classes by cause. The loops stop without an error only after a good `end`.
    """

    def __init__(self, begin: Callable[[], AsyncCall], fold: Fold[ResponseT]) -> None:
        super().__init__(begin, fold)
        self._frames: AsyncIterator[Frame] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._frames = aiter(self._start())
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel()
        # gRPC's generator and its call hold each other; closing it leaves nothing to collect.
        if isinstance(self._frames, AsyncGeneratorType) and not self._frames.ag_running:
            await self._frames.aclose()

    def __del__(self) -> None:
        if self._call is None or self._loop is None or self._done:
            return
        try:
            # Whichever thread collects the garbage, the call belongs to the loop's.
            self._loop.call_soon_threadsafe(self._call.cancel)
        except RuntimeError:
            return  # the loop is closed, and the call went with it

    @property
    def text(self) -> AsyncIterator[str]:
        """The text of the answer, piece by piece, without reasoning or refusals."""
        return self._text()

    async def response(self) -> ResponseT:
        """Read the rest and return the whole answer."""
        async for _ in self:
            pass
        return self._fold.response()

    def __aiter__(self) -> AsyncIterator[GenerationEvent]:
        return self

    async def __anext__(self) -> GenerationEvent:
        while True:
            for event in self._batch:
                return self._take(event)
            if self._done:
                self._check_whole()
                raise StopAsyncIteration
            await self._read()

    async def _text(self) -> AsyncIterator[str]:
        async for event in self:
            if text := self._text_of(event):
                yield text

    async def _read(self) -> None:
        if self._frames is None:
            raise RuntimeError("Open the stream first: async with client.stream_chat(…) as stream.")
        try:
            self._take_frame(await anext(self._frames, None))
        except grpc.RpcError as failure:
            self._fail(failure)
        except asyncio.CancelledError:
            self._finish_cancelled()
            if is_task_cancelled():
                raise
