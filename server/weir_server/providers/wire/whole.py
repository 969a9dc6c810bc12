"""How is a whole answer decoded? Its body is gathered up to a bound, and read once it has come."""

from abc import ABC, abstractmethod

from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbedResponse
from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.body import Body
from weir_server.providers.wire.parts import PartWriter


class _Whole(ABC):
    """The part of base.Decoder that is the same for every whole body."""

    __slots__ = ("_body", "done", "failure")

    def __init__(self) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._body = Body()

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; a whole answer completes no event before its end."""
        if not self.done and self.failure is None:
            self.failure = self._body.add(data)
        return []

    def finish(self) -> Batch | None:
        """Take the end of the body and return all that it says."""
        if self.done or self.failure is not None:
            return None
        return self._read(self._body.take())

    @abstractmethod
    def _read(self, body: bytes | bytearray) -> Batch | None:
        """Return what a body says; set `done` or `failure`."""


class WholeAnswer(_Whole):
    """Decodes one whole answer to the events that its stream would have said."""

    __slots__ = ("_writer",)

    def __init__(self, writer: PartWriter) -> None:
        """`writer`: what `end_of` writes the answer's parts with."""
        super().__init__()
        self._writer = writer

    @override
    def _read(self, body: bytes | bytearray) -> Batch | None:
        ended = self.end_of(body)
        if isinstance(ended, WeirError):
            self.failure = ended
        else:
            self._writer.add(ended)
            self.done = True
        return self._writer.take() or None

    @abstractmethod
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts that a body holds; return the answer's `end`, or why it has none."""


class WholeVectors(_Whole):
    """Decodes the vectors of one answer; its one reply comes from `finish`."""

    __slots__ = ()

    @override
    def _read(self, body: bytes | bytearray) -> Batch | None:
        reply = self.reply_of(body)
        if isinstance(reply, WeirError):
            self.failure = reply
            return None
        self.done = True
        return reply

    @abstractmethod
    def reply_of(self, body: bytes | bytearray) -> EmbedResponse | WeirError:
        """Return the vectors that a body holds, in the order of the inputs, or why it has none."""


def broken_off() -> UpstreamStreamBroken:
    """Return what an answer means that leaves out why it ended: whom it came from was cut off."""
    return UpstreamStreamBroken(metadata={"cause": "cut"})
