"""What does a whole answer say? The events its stream would have said, in one batch.

The vendor's reference, "Converse", response syntax.
"""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, WeirError
from weir_server.providers.wire.bedrock.answer import ConverseAnswer
from weir_server.providers.wire.bedrock.errors import explain_said, name_in
from weir_server.providers.wire.bedrock.shapes import WHOLE
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.whole import WholeAnswer, broken_off


class UnaryDecoder(WholeAnswer):
    """Decodes one whole answer; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer",)

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self._answer = ConverseAnswer(hide_reasoning=hide_reasoning)
        super().__init__(self._answer.writer)

    @override
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts; see WholeAnswer."""
        whole = decode(WHOLE, body)
        if whole is None or whole.output is None or whole.output.message is None:
            return _not_an_answer(decode(ANYTHING, body))
        answer = self._answer
        answer.note(whole)
        answer.take_whole(whole.output.message)
        if answer.failure is not None:
            return answer.failure
        return answer.end() if answer.finished else broken_off()


def _not_an_answer(said: object) -> WeirError:
    if name_in(said) or (isinstance(said, dict) and isinstance(said.get("message"), str)):
        return explain_said("", said)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
