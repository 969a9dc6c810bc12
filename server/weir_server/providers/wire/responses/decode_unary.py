"""What does a whole answer say? The events its stream would have said, in one batch.

The vendor's reference, "The response object".
"""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.providers.wire.openai.errors import explain_said, is_error
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.responses.answer import Answer
from weir_server.providers.wire.responses.shapes import RESPONSE, Response, mended
from weir_server.providers.wire.whole import WholeAnswer


class UnaryDecoder(WholeAnswer):
    """Decodes one whole answer; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer",)

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self._answer = Answer(hide_reasoning=hide_reasoning)
        super().__init__(self._answer.writer)

    @override
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts; see WholeAnswer."""
        body, answer = bytes(body), self._answer
        try:
            response = RESPONSE.decode(mended(body))
            if response.output is None or response.status in ("queued", "in_progress"):
                return _no_answer(body, response)
            end = answer.end(response)
        except (ValueError, RecursionError):
            return _malformed(body)
        return end or answer.failure or _malformed(body)


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
