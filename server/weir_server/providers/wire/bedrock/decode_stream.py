"""What does a streamed answer say? Events, from the messages of AWS's binary event stream.

The vendor's reference, "ConverseStreamOutput": `messageStart`, blocks, `messageStop` with why the
answer ended, and last `metadata` with what it cost. An exception may come instead of the rest.
"""

from collections.abc import Mapping

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.aws_event_stream import EventStreamSplitter, HeaderValue
from weir_server.providers.wire.bedrock.answer import ConverseAnswer
from weir_server.providers.wire.bedrock.decode_unary import UnaryDecoder
from weir_server.providers.wire.bedrock.shapes import DELTA, METADATA, START, STOP
from weir_server.providers.wire.reading import ANYTHING, decode

_JSON_BEGINS = (b"{", b"[", b"<")
"""What no message begins with: its first byte is that of a length below 16 MiB, which is 0 or 1."""


class StreamDecoder:
    """Decodes one streamed answer; see base.Decoder.

    It is done with `metadata`. A stream that ends properly after `messageStop` is complete too, but
    nobody knows what it cost; one that ends before, or within a message, was cut.
    """

    __slots__ = ("_answer", "_begun", "_counted", "_splitter", "_whole", "done", "failure")

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._answer = ConverseAnswer(hide_reasoning=hide_reasoning)
        self._splitter = EventStreamSplitter()
        self._begun = False
        self._counted = False
        """Whether `metadata` has come."""
        self._whole: UnaryDecoder | None = UnaryDecoder(hide_reasoning=hide_reasoning)
        """Decodes what is no stream: an error, or an answer of a server that cannot stream."""

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if self.done or self.failure is not None or not data:
            return []
        if not self._begun:
            self._begun = True
            if not data.startswith(_JSON_BEGINS):
                self._whole = None
        if self._whole is not None:
            self._whole.feed(data)
            self.failure = self._whole.failure
            return []
        answer, splitter = self._answer, self._splitter
        for headers, payload in splitter.feed(data):
            self._take(headers, payload)
            if answer.failure is not None:
                self.failure = answer.failure
                break
            if self._counted and answer.finished:
                self._complete()
                break
        if self.failure is None and not self.done:
            self.failure = splitter.failure
        return answer.writer.take()

    def finish(self) -> Batch | None:
        """Take the end of the body: a good one only after `messageStop`."""
        if self.done or self.failure is not None:
            return None
        if self._whole is not None and self._begun:
            batch = self._whole.finish()
            self.done, self.failure = self._whole.done, self._whole.failure
            return batch
        if self._answer.finished and self._splitter.between:
            self._complete()
        else:
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        return self._answer.writer.take() or None

    def _take(self, headers: Mapping[str, HeaderValue], payload: bytes) -> None:
        answer = self._answer
        match headers.get(":message-type"):
            case "event":
                if not self._take_event(headers.get(":event-type"), payload):
                    answer.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
            case "exception":
                answer.break_off(str(headers.get(":exception-type", "")), decode(ANYTHING, payload))
            case _:
                # An error without a name of the service's own, whose text is in a header.
                said = {"message": headers.get(":error-message")}
                answer.break_off(str(headers.get(":error-code", "")), said)

    def _take_event(self, kind: object, payload: bytes) -> bool:
        """Take an event; False: it is not what it says it is."""
        answer = self._answer
        match kind:
            case "contentBlockDelta":
                if (delta := decode(DELTA, payload)) is None:
                    return False
                answer.add(delta.contentBlockIndex, delta.delta, payload)
            case "contentBlockStart":
                if (start := decode(START, payload)) is None:
                    return False
                answer.start(start.contentBlockIndex, start.start, payload)
            case "contentBlockStop":
                if (stop := decode(STOP, payload)) is None:
                    return False
                answer.stop(stop.contentBlockIndex)
            case "messageStop" | "metadata":
                if (said := decode(METADATA, payload)) is None:
                    return False
                answer.note(said)
                self._counted = self._counted or kind == "metadata"
            case _:
                pass  # `messageStart` tells the role; others say nothing that an answer needs
        return True

    def _complete(self) -> None:
        self._answer.writer.add(self._answer.end())
        self.done = True
