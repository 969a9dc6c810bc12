"""How is Gemini's protocol spoken? Requests out, answers in, refusals explained."""

from collections.abc import Mapping

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import REASONING_VISIBILITY_HIDDEN
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import UpstreamProtocolError, WeirError
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.base import Decoder, HttpRequest
from weir_server.providers.wire.chats import as_chat
from weir_server.providers.wire.gemini import encode, errors
from weir_server.providers.wire.gemini.decode import StreamDecoder, UnaryDecoder
from weir_server.providers.wire.gemini.dialect import AI_STUDIO, Dialect
from weir_server.providers.wire.gemini.embeddings import EmbedDecoder, encode_embed
from weir_server.providers.wire.gemini.shapes import read_anything


class GeminiWire:
    """Gemini's protocol, at one of Google's doors; see base.Wire and base.CountingWire."""

    def __init__(self, dialect: Dialect = AI_STUDIO) -> None:
        self._dialect = dialect

    def encode(self, request: Request, target: Target, *, stream: bool) -> HttpRequest:
        """Say `request` in Gemini's words; see base.Wire."""
        match request:
            case ChatRequest():
                return encode.encode_chat(request, target, self._dialect, stream=stream)
            case CompleteRequest():
                chat = as_chat(request)
                return encode.encode_chat(chat, target, self._dialect, stream=stream)
            case EmbedRequest():
                return encode_embed(request, target, self._dialect)

    def decoder(self, request: Request, target: Target, *, stream: bool) -> Decoder:
        """Make the decoder of one answer with status 200; see base.Wire."""
        del target
        if isinstance(request, EmbedRequest):
            return EmbedDecoder(request)
        kind = StreamDecoder if stream else UnaryDecoder
        hidden = request.options.reasoning.visibility == REASONING_VISIBILITY_HIDDEN
        return kind(self._dialect.kind, hide_thoughts=hidden)

    def explain(self, status: int, headers: Mapping[str, str], body: bytes) -> WeirError:
        """Say what an answer with another status means; see base.Wire."""
        return errors.explain(status, headers, body)

    def encode_count(self, request: ChatRequest, target: Target) -> HttpRequest:
        """Ask how many prompt tokens a chat is; see base.CountingWire."""
        return encode.encode_count(request, target, self._dialect)

    def decode_count(self, body: bytes) -> int:
        """Return the number in an answer with status 200; see base.CountingWire."""
        said = read_anything(body)
        tokens = said.get("totalTokens") if isinstance(said, dict) else None
        if type(tokens) is not int or tokens < 0:
            raise UpstreamProtocolError(metadata={"cause": "malformed"})
        return tokens
