"""What does a whole chat or completion say? The events its stream would have said, in one batch.

The vendor's references, "The chat completion object" and "The completion object".
"""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.body import Body
from weir_server.providers.wire.openai.answer import ChatAnswer
from weir_server.providers.wire.openai.errors import explain_said, is_error
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import CHUNK
from weir_server.providers.wire.reading import ANYTHING, decode


class UnaryDecoder:
    """Decodes one whole chat or completion; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer", "_body", "_echo", "done", "failure")

    def __init__(self, quirks: Quirks, *, hide_reasoning: bool = False, echo: str = "") -> None:
        """`echo`: what the answer goes on from and repeats, which is not the model's answer."""
        self.done = False
        self.failure: WeirError | None = None
        self._answer = ChatAnswer(quirks, hide_reasoning=hide_reasoning)
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
        chunk = decode(CHUNK, body)
        if chunk is None or (chunk.error is None and chunk.choices is None):
            # An error bare or in a list, or something that is no answer at all.
            self.failure = _not_an_answer(decode(ANYTHING, body))
            return None
        answer = self._answer
        for choice in chunk.choices or ():
            said = choice.message
            if self._echo and said is not None and isinstance(said.content, str):
                said.content = said.content.removeprefix(self._echo)
        answer.take_whole(chunk)
        self.failure = answer.failure
        if self.failure is None and answer.cut:
            # As in a stream: whoever leaves out the reason was cut off by whom it asked itself.
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        if self.failure is None:
            answer.writer.add(answer.end())
            self.done = True
        return answer.writer.take() or None


def _not_an_answer(said: object) -> WeirError:
    if is_error(said):
        return explain_said(said)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
