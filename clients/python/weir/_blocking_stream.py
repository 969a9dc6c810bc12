"""How is a stream read without asyncio? Inside a block; leaving the block ends the call."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Protocol, Self

from weir._grpc import grpc
from weir._reading import Cancellable, Fold, Frame, Reading, ResponseT
from weir.v1.generation_pb2 import GenerationEvent


class BlockingCall(Cancellable, Protocol):
    """What a stream needs of gRPC's call."""

    def __iter__(self) -> Iterator[Frame]:
        """Return the messages, as they come."""
        ...


class Stream(Reading[ResponseT, BlockingCall], Generic[ResponseT]):
    """The events of one answer, as they come.

        with client.stream_chat("Hello") as stream:
            for event in stream: ...          # every event, or
            for text in stream.text: ...      # the text alone
            response = stream.response()      # the rest, and the whole answer

    The call begins with the block. Leaving the block, or dropping the stream, cancels the call at
    once unless it is over. Events are read once: `text` and `response` go on from where the loop
    before them stopped. One thread reads at a time; any thread may cancel.

    Reading raises WeirError: StreamBrokenError where an answer that began does not end, other
    classes by cause. The loops stop without an error only after a good `end`.
    """

    def __init__(self, begin: Callable[[], BlockingCall], fold: Fold[ResponseT]) -> None:
        super().__init__(begin, fold)
        self._frames: Iterator[Frame] | None = None

    def __enter__(self) -> Self:
        self._frames = iter(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel()

    @property
    def text(self) -> Iterator[str]:
        """The text of the answer, piece by piece, without reasoning or refusals."""
        return self._text()

    def response(self) -> ResponseT:
        """Read the rest and return the whole answer."""
        for _ in self:
            pass
        return self._fold.response()

    def __iter__(self) -> Iterator[GenerationEvent]:
        return self

    def __next__(self) -> GenerationEvent:
        while True:
            for event in self._batch:
                return self._take(event)
            if self._done:
                self._check_whole()
                raise StopIteration
            self._read()

    def _text(self) -> Iterator[str]:
        for event in self:
            if text := self._text_of(event):
                yield text

    def _read(self) -> None:
        if self._frames is None:
            raise RuntimeError("Open the stream first: with client.stream_chat(…) as stream.")
        try:
            self._take_frame(next(self._frames, None))
        except grpc.RpcError as failure:
            self._fail(failure)
