"""What does a whole answer say? The events its stream would have said, in one batch."""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.anthropic.answer import MessageAnswer
from weir_server.providers.wire.anthropic.errors import explain_said, is_error
from weir_server.providers.wire.anthropic.shapes import ANYTHING, MESSAGE, decode
from weir_server.providers.wire.body import Body


class UnaryDecoder:
    """Decodes one whole answer; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer", "_body", "_echo", "done", "failure")

    def __init__(self, *, hide_reasoning: bool = False, echo: str = "") -> None:
        """`echo`: what the answer goes on from, which some servers repeat."""
        self.done = False
        self.failure: WeirError | None = None
        self._answer = MessageAnswer(hide_reasoning=hide_reasoning)
        self._body = Body()
        self._echo = echo

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
        message = decode(MESSAGE, body)
        if message is None or message.error is not None or message.content is None:
            said = decode(ANYTHING, body)
            malformed = UpstreamProtocolError(metadata={"cause": "malformed"})
            self.failure = explain_said(said) if is_error(said) else malformed
            return None
        answer = self._answer
        answer.take_whole(message, echo=self._echo)
        self.failure = answer.failure
        if self.failure is None and answer.cut:
            # As in a stream: whoever leaves out the reason was cut off by whom it asked itself.
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        if self.failure is None:
            answer.writer.add(answer.end())
            self.done = True
        return answer.writer.take() or None
