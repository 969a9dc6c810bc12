"""What does a whole answer say? The events its stream would have said, in one batch.

The vendor's reference, "The response object".
"""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.body import Body
from weir_server.providers.wire.openai.errors import explain_said, is_error
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.responses.answer import Answer
from weir_server.providers.wire.responses.shapes import RESPONSE, Response, mended


class UnaryDecoder:
    """Decodes one whole answer; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer", "_body", "done", "failure")

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._answer = Answer(hide_reasoning=hide_reasoning)
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
        body = bytes(self._body.take())
        answer = self._answer
        end = None
        try:
            response = RESPONSE.decode(mended(body))
            if response.output is None or response.status in ("queued", "in_progress"):
                self.failure = _no_answer(body, response)
                return None
            end = answer.end(response)
        except (ValueError, RecursionError):
            self.failure = _malformed(body)
        if end is not None:
            answer.writer.add(end)
            self.done = True
        elif self.failure is None:
            self.failure = answer.failure
        return answer.writer.take() or None


def _no_answer(body: bytes, response: Response) -> WeirError:
    if response.output is not None:
        return UpstreamStreamBroken(metadata={"cause": "cut"})  # it was given before its end
    return _malformed(body)


def _malformed(body: bytes) -> WeirError:
    """Say what a body means that is no answer: an error, or nothing."""
    said = decode(ANYTHING, body)
    if is_error(said):
        return explain_said(said)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
