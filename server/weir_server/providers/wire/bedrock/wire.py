"""How is the Converse API spoken? Requests out, answers in, refusals explained, tokens counted."""

from collections.abc import Mapping

import msgspec

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.error_pb2 import FieldViolation
from weir.v1.generation_pb2 import REASONING_VISIBILITY_HIDDEN
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import UnsupportedOption, UpstreamProtocolError, WeirError
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.base import Decoder, HttpRequest
from weir_server.providers.wire.bedrock import errors
from weir_server.providers.wire.bedrock.decode_stream import StreamDecoder
from weir_server.providers.wire.bedrock.decode_unary import UnaryDecoder
from weir_server.providers.wire.bedrock.encode import encode_chat, encode_count
from weir_server.providers.wire.believing import BELIEVABLE_MAX_TOKENS
from weir_server.providers.wire.chats import as_chat


class _Count(msgspec.Struct):
    inputTokens: int  # noqa: N815  the vendor's name


class BedrockWire:
    """Converse, ConverseStream and CountTokens; see base.CountingWire."""

    def encode(self, request: Request, target: Target, *, stream: bool) -> HttpRequest:
        """Say `request` in Converse's words; see base.Wire. A completion is a chat of one turn."""
        match request:
            case ChatRequest():
                return encode_chat(request, target, stream=stream)
            case CompleteRequest():
                return encode_chat(as_chat(request), target, stream=stream)
            case EmbedRequest():
                raise UnsupportedOption(
                    violations=[
                        FieldViolation(
                            field="inputs",
                            description="Converse makes no embeddings; choose another model.",
                            rule="UNSUPPORTED",
                        )
                    ]
                )

    def decoder(self, request: Request, target: Target, *, stream: bool) -> Decoder:
        """Make the decoder of one answer with status 200; see base.Wire."""
        del target
        hide_reasoning = (
            not isinstance(request, EmbedRequest)
            and request.options.reasoning.visibility == REASONING_VISIBILITY_HIDDEN
        )
        kind = StreamDecoder if stream else UnaryDecoder
        return kind(hide_reasoning=hide_reasoning)

    def explain(self, status: int, headers: Mapping[str, str], body: bytes) -> WeirError:
        """Say what an answer with another status means; see base.Wire."""
        return errors.explain(status, headers, body)

    def encode_count(self, request: ChatRequest, target: Target) -> HttpRequest:
        """Ask how many prompt tokens a chat is; see base.CountingWire."""
        return encode_count(request, target)

    def decode_count(self, body: bytes) -> int:
        """Return the number in an answer; see base.CountingWire."""
        try:
            tokens = msgspec.json.decode(body, type=_Count).inputTokens
        except (ValueError, RecursionError):
            tokens = -1
        if not 0 <= tokens <= BELIEVABLE_MAX_TOKENS:
            raise UpstreamProtocolError(metadata={"cause": "malformed"})
        return tokens
