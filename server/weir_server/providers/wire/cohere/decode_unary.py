"""What does a whole chat say? The events its stream would have said, in one batch."""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.body import Body
from weir_server.providers.wire.cohere.answer import CohereAnswer, not_an_answer
from weir_server.providers.wire.cohere.shapes import WHOLE
from weir_server.providers.wire.reading import ANYTHING, decode


class UnaryDecoder:
    """Decodes one whole chat; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer", "_body", "done", "failure")

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._answer = CohereAnswer(hide_reasoning=hide_reasoning)
        self._body = Body()

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; a whole answer completes no event before its end."""
        if not self.done and self.failure is None:
            self.failure = self._body.add(data)
        return []

    def finish(self) -> Batch | None:
        """Take the end of the body and return all events."""
        if self.done or self.failure is not None:
            return None
        body = self._body.take()
        said = decode(WHOLE, body)
        if said is None:
            self.failure = not_an_answer(decode(ANYTHING, body))
            return None
        answer = self._answer
        answer.take_whole(said)
        self.failure = answer.failure
        if self.failure is None and answer.cut:
            # As in a stream: who leaves out the reason was cut off by whom it asked itself.
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        if self.failure is None:
            answer.writer.add(answer.end())
            self.done = True
        return answer.writer.take() or None
