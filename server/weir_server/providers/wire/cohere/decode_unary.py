"""What does a whole chat say? The events its stream would have said, in one batch."""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import WeirError
from weir_server.providers.wire.cohere.answer import CohereAnswer, not_an_answer
from weir_server.providers.wire.cohere.shapes import WHOLE
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.whole import WholeAnswer, broken_off


class UnaryDecoder(WholeAnswer):
    """Decodes one whole chat; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer",)

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self._answer = CohereAnswer(hide_reasoning=hide_reasoning)
        super().__init__(self._answer.writer)

    @override
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts; see WholeAnswer."""
        said = decode(WHOLE, body)
        if said is None:
            return not_an_answer(decode(ANYTHING, body))
        answer = self._answer
        answer.take_whole(said)
        if answer.failure is not None:
            return answer.failure
        return broken_off() if answer.cut else answer.end()
