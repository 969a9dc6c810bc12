"""What has a stream said so far, and is it the whole answer? The base of both kinds of stream."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from weir._failure import error_from_status
from weir._grpc import grpc
from weir._status import cancelled, status_of
from weir.errors import WeirError
from weir.v1.generation_pb2 import GenerationEvent, StreamEnd
from weir.v1.usage_pb2 import TokenUsage

ResponseT = TypeVar("ResponseT")
ResponseT_co = TypeVar("ResponseT_co", covariant=True)
CallT = TypeVar("CallT", bound="Cancellable")


class Cancellable(Protocol):
    """What both kinds of gRPC's call can do."""

    def cancel(self) -> bool:
        """End the call."""
        ...


class Frame(Protocol):
    """One message of a stream: StreamChatResponse or StreamCompleteResponse."""

    @property
    def events(self) -> Sequence[GenerationEvent]:
        """Events in order."""
        ...


class Fold(Protocol[ResponseT_co]):
    """What gathers a response from events: ChatFold or CompleteFold."""

    @property
    def end(self) -> StreamEnd | None:
        """The end, once it came."""
        ...

    @property
    def answered(self) -> bool:
        """Whether something of an answer was given."""
        ...

    def add(self, event: GenerationEvent) -> None:
        """Take the next event."""
        ...

    def successful_end(self) -> StreamEnd:
        """The end of a whole answer; raises where there is none."""
        ...

    def response(self) -> ResponseT_co:
        """The whole answer; raises where it is not whole."""
        ...


class Reading(Generic[ResponseT, CallT]):
    """One call's events, gathered as they are read."""

    def __init__(self, begin: Callable[[], CallT], fold: Fold[ResponseT]) -> None:
        self._begin = begin
        self._fold = fold
        self._call: CallT | None = None
        self._batch: Iterator[GenerationEvent] = iter(())
        self._text_parts: set[int] = set()
        self._started = False
        self._done = False
        self._failure: WeirError | None = None
        self._response_id = ""
        self._usage: TokenUsage | None = None

    @property
    def response_id(self) -> str:
        """Weir's identity of the answer; "" before the stream began."""
        return self._response_id

    @property
    def usage(self) -> TokenUsage | None:
        """What was used, as far as the stream has said; final once it ended."""
        return self._usage

    def cancel(self) -> None:
        """End the call now; reading then raises CallCancelledError, unless the `end` was read."""
        if self._call is not None and not self._done:
            self._call.cancel()
            self._finish_cancelled()

    def _start(self) -> CallT:
        if self._call is not None:
            raise RuntimeError("A stream is used once; ask the client for another.")
        self._call = self._begin()
        return self._call

    def _take_frame(self, frame: Frame | None) -> None:
        """Note a message; None: the status came, and it was OK."""
        if frame is None:
            self._done = True
        else:
            self._started = True
            self._batch = iter(frame.events)

    def _take(self, event: GenerationEvent) -> GenerationEvent:
        """Note an event; raises ProtocolError where it cannot follow what came before."""
        try:
            self._fold.add(event)
        except WeirError as error:
            self.cancel()
            self._finish(self._complete(error))
            raise
        kind = event.WhichOneof("event")
        if kind == "part_start":
            if event.part_start.part.WhichOneof("kind") == "text":
                self._text_parts.add(event.part_start.index)
        elif kind == "start":
            self._response_id = event.start.response_id
        elif kind == "usage_update":
            self._usage = event.usage_update.usage
        elif kind == "end":
            self._response_id = event.end.metadata.response_id or self._response_id
            if event.end.HasField("usage"):
                self._usage = event.end.usage
        return event

    def _text_of(self, event: GenerationEvent) -> str:
        """What an event adds to the text of the answer; "" where it adds none."""
        delta = event.part_delta
        return delta.text if delta.index in self._text_parts else ""

    def _fail(self, failure: grpc.RpcError) -> None:
        """Note a failed status; raises the error that it stands for.

        A connection that fails between a good end and its status takes nothing from the answer.
        """
        error = error_from_status(
            *status_of(failure), started=self._started, answered=self._fold.answered
        )
        end = self._fold.end
        if end is None or error.reason:
            self._finish(self._complete(error))
            raise error from failure
        self._finish(None)

    def _check_whole(self) -> None:
        """Raise what went wrong, unless the stream had a good end."""
        if self._failure is not None:
            raise self._failure
        try:
            self._fold.successful_end()
        except WeirError as error:
            self._failure = self._complete(error)
            raise

    def _finish_cancelled(self) -> None:
        self._finish(None if self._fold.end is not None else cancelled())

    def _finish(self, failure: WeirError | None) -> None:
        self._done = True
        self._failure = failure
        self._batch = iter(())

    def _complete(self, error: WeirError) -> WeirError:
        """Add what the stream said to an error that does not say it itself."""
        error.response_id = error.response_id or self._response_id
        error.usage = self._usage if error.usage is None else error.usage
        end = self._fold.end
        if end is not None and not error.attempts:
            error.attempts = tuple(end.metadata.attempts)
        return error
