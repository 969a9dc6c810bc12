"""What do Gemini's answers look like? Chunks, streams, whole answers, as the vendor writes them."""

import json
from collections.abc import Sequence
from typing import Any

from tests.contracts.answers import COMPLETION_TOKENS, PROMPT_TOKENS
from tests.contracts.wire_format import TARGET, Decoded, decode
from weir.fold import fold_chat
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.core.handler import Request
from weir_server.providers.wire.gemini.dialect import AI_STUDIO, Dialect
from weir_server.providers.wire.gemini.wire import GeminiWire

Json = dict[str, Any]

RESPONSE_ID = "tTCwacuEBMvnitYP"
MODEL = "gemini-3.1-flash"
VERTEX = Dialect(kind="vertex", vertex=True, parent="projects/p/locations/global")
WIRE = GeminiWire(AI_STUDIO)


def usage(
    prompt: int = PROMPT_TOKENS, candidates: int = COMPLETION_TOKENS, thoughts: int = 0, **more: Any
) -> Json:
    """Return the tokens of an answer."""
    said = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": candidates,
        "totalTokenCount": prompt + candidates + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        **more,
    }
    return {**said, "thoughtsTokenCount": thoughts} if thoughts else said


def chunk(*parts: Json, finish: str = "", usage_: Json | None = None, **more: Any) -> Json:
    """Return one chunk; more: further members of its candidate."""
    content: Json = {"role": "model"}
    if parts:
        content["parts"] = list(parts)
    candidate = {"content": content, "index": 0, **more}
    if finish:
        candidate["finishReason"] = finish
    said: Json = {
        "candidates": [candidate],
        "modelVersion": MODEL,
        "responseId": RESPONSE_ID,
        "usageMetadata": {"trafficType": "ON_DEMAND"},
    }
    if finish or usage_ is not None:
        said["usageMetadata"] = usage() if usage_ is None else usage_
    return said


def event(said: Json | list[Json] | str) -> bytes:
    """Return one event of a stream."""
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return f"data: {text}\r\n\r\n".encode()


def stream_of(*chunks: Json | str) -> bytes:
    """Return the bytes of a stream."""
    return b"".join(map(event, chunks))


def texts(pieces: Sequence[str], **more: Any) -> list[Json]:
    """Return chunks of text without an end."""
    return [chunk({"text": piece, **more}) for piece in pieces]


def decode_stream(
    *pieces: bytes, request: Request | None = None, dialect: Dialect = AI_STUDIO
) -> Decoded:
    """Decode a streamed answer to a chat, or to `request`."""
    decoder = GeminiWire(dialect).decoder(request or ChatRequest(), TARGET, stream=True)
    return decode(decoder, pieces)


def decode_whole(
    said: Json | bytes, request: Request | None = None, dialect: Dialect = AI_STUDIO
) -> Decoded:
    """Decode a whole answer to a chat, or to `request`."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    decoder = GeminiWire(dialect).decoder(request or ChatRequest(), TARGET, stream=False)
    return decode(decoder, [body])


def folded(*chunks: Json, dialect: Dialect = AI_STUDIO) -> ChatResponse:
    """Return the answer that a stream of these chunks adds up to."""
    decoded = decode_stream(stream_of(*chunks), dialect=dialect)
    assert decoded.failure is None, decoded.failure
    return fold_chat(decoded.events, numbered=False)
