"""What does a whole answer say? The events its stream would have said, in one batch."""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, WeirError
from weir_server.providers.wire.anthropic.answer import MessageAnswer
from weir_server.providers.wire.anthropic.errors import explain_said, is_error
from weir_server.providers.wire.anthropic.shapes import ANYTHING, MESSAGE, decode
from weir_server.providers.wire.whole import WholeAnswer, broken_off


class UnaryDecoder(WholeAnswer):
    """Decodes one whole answer; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer", "_echo")

    def __init__(self, *, hide_reasoning: bool = False, echo: str = "") -> None:
        """`echo`: what the answer goes on from, which some servers repeat."""
        self._answer = MessageAnswer(hide_reasoning=hide_reasoning)
        self._echo = echo
        super().__init__(self._answer.writer)

    @override
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts; see WholeAnswer."""
        message = decode(MESSAGE, body)
        if message is None or message.error is not None or message.content is None:
            said = decode(ANYTHING, body)
            if is_error(said):
                return explain_said(said)
            return UpstreamProtocolError(metadata={"cause": "malformed"})
        answer = self._answer
        answer.take_whole(message, echo=self._echo)
        if answer.failure is not None:
            return answer.failure
        return broken_off() if answer.cut else answer.end()
