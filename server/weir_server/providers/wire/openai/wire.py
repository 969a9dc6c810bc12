"""How is OpenAI's protocol spoken? Requests out, answers in, refusals explained."""

from collections.abc import Mapping

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import REASONING_VISIBILITY_HIDDEN, GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import WeirError
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.base import Decoder, HttpRequest
from weir_server.providers.wire.chats import as_chat
from weir_server.providers.wire.openai import errors
from weir_server.providers.wire.openai.completions import encode_completion
from weir_server.providers.wire.openai.decode_stream import StreamDecoder
from weir_server.providers.wire.openai.decode_unary import UnaryDecoder
from weir_server.providers.wire.openai.embeddings import EmbedDecoder, encode_embed
from weir_server.providers.wire.openai.encode import encode_chat
from weir_server.providers.wire.openai.quirks import OPENAI, Quirks
from weir_server.providers.wire.openai.sounds import type_asked
from weir_server.providers.wire.prefill import prefill_of


class OpenAIWire:
    """OpenAI's protocol, as one vendor speaks it; see base.Wire."""

    def __init__(self, quirks: Quirks = OPENAI) -> None:
        self._quirks = quirks

    def encode(self, request: Request, target: Target, *, stream: bool) -> HttpRequest:
        """Say `request` in OpenAI's words; see base.Wire."""
        quirks = self._quirks
        match request:
            case ChatRequest():
                return encode_chat(request, target, quirks, stream=stream)
            case CompleteRequest() if quirks.legacy_completions:
                return encode_completion(request, target, quirks, stream=stream)
            case CompleteRequest():
                return encode_chat(as_chat(request), target, quirks, stream=stream)
            case EmbedRequest():
                return encode_embed(request, target, quirks)

    def decoder(self, request: Request, target: Target, *, stream: bool) -> Decoder:
        """Make the decoder of one answer with status 200; see base.Wire."""
        del target
        if isinstance(request, EmbedRequest):
            return EmbedDecoder(request, self._quirks)
        hide_reasoning = _hides_reasoning(request.options)
        sound_type = type_asked(request.options, self._quirks)
        if stream:
            return StreamDecoder(self._quirks, hide_reasoning=hide_reasoning, sound_type=sound_type)
        echo = prefill_of(request) if self._quirks.echoes_prefill else ""
        return UnaryDecoder(
            self._quirks, hide_reasoning=hide_reasoning, echo=echo, sound_type=sound_type
        )

    def explain(self, status: int, headers: Mapping[str, str], body: bytes) -> WeirError:
        """Say what an answer with another status means; see base.Wire."""
        return errors.explain(status, headers, body, own=self._quirks.refusal_codes)


def _hides_reasoning(options: GenerationOptions) -> bool:
    return options.reasoning.visibility == REASONING_VISIBILITY_HIDDEN
