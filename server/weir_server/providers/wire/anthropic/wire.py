"""How is Anthropic's protocol spoken? Requests out, answers in, refusals explained, chats counted.

Completions are asked for as a chat with one message of the user.
"""

from collections.abc import Mapping

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.error_pb2 import FieldViolation
from weir.v1.generation_pb2 import REASONING_VISIBILITY_HIDDEN
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import UnsupportedOption, UpstreamProtocolError, WeirError
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.anthropic import errors
from weir_server.providers.wire.anthropic.decode_stream import StreamDecoder
from weir_server.providers.wire.anthropic.decode_unary import UnaryDecoder
from weir_server.providers.wire.anthropic.encode import encode_chat, encode_count
from weir_server.providers.wire.anthropic.shapes import ANYTHING, decode
from weir_server.providers.wire.anthropic.usage import BELIEVABLE_MAX_TOKENS
from weir_server.providers.wire.base import CountingWire, Decoder, HttpRequest
from weir_server.providers.wire.chats import as_chat
from weir_server.providers.wire.prefill import prefill_of


class AnthropicWire(CountingWire):
    """Anthropic's Messages API; see base.Wire."""

    def encode(self, request: Request, target: Target, *, stream: bool) -> HttpRequest:
        """Say `request` in Anthropic's words; see base.Wire."""
        match request:
            case ChatRequest():
                return encode_chat(request, target, stream=stream)
            case CompleteRequest():
                return encode_chat(as_chat(request), target, stream=stream)
            case EmbedRequest():
                what = "The provider makes no embeddings; choose another model."
                violation = FieldViolation(field="model", description=what, rule="UNSUPPORTED")
                raise UnsupportedOption(violations=[violation])

    def decoder(self, request: Request, target: Target, *, stream: bool) -> Decoder:
        """Make the decoder of one answer with status 200; see base.Wire."""
        del target
        hide_reasoning = _hides_reasoning(request)
        if stream:
            return StreamDecoder(hide_reasoning=hide_reasoning)
        return UnaryDecoder(hide_reasoning=hide_reasoning, echo=prefill_of(request))

    def explain(self, status: int, headers: Mapping[str, str], body: bytes) -> WeirError:
        """Say what an answer with another status means; see base.Wire."""
        return errors.explain(status, headers, body)

    def encode_count(self, request: ChatRequest, target: Target) -> HttpRequest:
        """Ask how many prompt tokens a chat is; see base.CountingWire."""
        return encode_count(request, target)

    def decode_count(self, body: bytes) -> int:
        """Return the number of tokens; see base.CountingWire."""
        said = decode(ANYTHING, body)
        count = said.get("input_tokens") if isinstance(said, dict) else None
        if type(count) is not int or not 0 <= count <= BELIEVABLE_MAX_TOKENS:
            raise UpstreamProtocolError(metadata={"cause": "malformed"})
        return count


def _hides_reasoning(request: Request) -> bool:
    if isinstance(request, EmbedRequest):
        return False
    return request.options.reasoning.visibility == REASONING_VISIBILITY_HIDDEN
