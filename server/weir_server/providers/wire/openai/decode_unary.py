"""What does a whole chat or completion say? The events its stream would have said, in one batch.

The vendor's references, "The chat completion object" and "The completion object".
"""

from collections.abc import Mapping

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, WeirError
from weir_server.providers.wire.openai.answer import ChatAnswer
from weir_server.providers.wire.openai.errors import explain_said, is_error
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import CHUNK
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.refusals import Kind
from weir_server.providers.wire.whole import WholeAnswer, broken_off


class UnaryDecoder(WholeAnswer):
    """Decodes one whole chat or completion; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer", "_echo", "_refusal_codes")

    def __init__(
        self, quirks: Quirks, *, hide_reasoning: bool = False, echo: str = "", sound_type: str = ""
    ) -> None:
        """`echo`: what the answer goes on from and repeats, which is not the model's answer.

        sound_type: media type of what the model says aloud; empty: it shows in the bytes.
        """
        self._answer = ChatAnswer(quirks, hide_reasoning=hide_reasoning, sound_type=sound_type)
        self._echo = echo
        self._refusal_codes = quirks.refusal_codes
        super().__init__(self._answer.writer)

    @override
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts; see WholeAnswer."""
        chunk = decode(CHUNK, body)
        if chunk is None or (chunk.error is None and chunk.choices is None):
            # An error bare or in a list, or something that is no answer at all.
            return _not_an_answer(decode(ANYTHING, body), self._refusal_codes)
        for choice in chunk.choices or ():
            said = choice.message
            if self._echo and said is not None and isinstance(said.content, str):
                said.content = said.content.removeprefix(self._echo)
        answer = self._answer
        answer.take_whole(chunk)
        if answer.failure is not None:
            return answer.failure
        return broken_off() if answer.cut else answer.end()


def _not_an_answer(said: object, own: Mapping[str, Kind]) -> WeirError:
    if is_error(said):
        return explain_said(said, own=own)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
