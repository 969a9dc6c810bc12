"""How is Cohere's protocol spoken? Requests out, answers in, refusals explained."""

from collections.abc import Mapping

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import REASONING_VISIBILITY_HIDDEN
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import WeirError
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.base import Decoder, HttpRequest
from weir_server.providers.wire.chats import as_chat
from weir_server.providers.wire.cohere import errors
from weir_server.providers.wire.cohere.decode_stream import StreamDecoder
from weir_server.providers.wire.cohere.decode_unary import UnaryDecoder
from weir_server.providers.wire.cohere.embeddings import EmbedDecoder, encode_embed
from weir_server.providers.wire.cohere.encode import encode_chat


class CohereWire:
    """Cohere's protocol; see base.Wire."""

    def encode(self, request: Request, target: Target, *, stream: bool) -> HttpRequest:
        """Say `request` in Cohere's words; see base.Wire."""
        match request:
            case ChatRequest():
                return encode_chat(request, target, stream=stream)
            case CompleteRequest():
                return encode_chat(as_chat(request), target, stream=stream)
            case EmbedRequest():
                return encode_embed(request, target)

    def decoder(self, request: Request, target: Target, *, stream: bool) -> Decoder:
        """Make the decoder of one answer with status 200; see base.Wire."""
        del target
        if isinstance(request, EmbedRequest):
            return EmbedDecoder(request)
        kind = StreamDecoder if stream else UnaryDecoder
        hidden = request.options.reasoning.visibility == REASONING_VISIBILITY_HIDDEN
        return kind(hide_reasoning=hidden)

    def explain(self, status: int, headers: Mapping[str, str], body: bytes) -> WeirError:
        """Say what an answer with another status means; see base.Wire."""
        return errors.explain(status, headers, body)
