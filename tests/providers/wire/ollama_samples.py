"""What do answers of Ollama look like? Whole ones and streams, as its reference shows them."""

import json
from typing import Any

from tests.contracts.answers import COMPLETION_TOKENS, PROMPT_TOKENS
from tests.contracts.wire_format import TARGET, Decoded, decode
from weir.fold import fold_chat
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.providers.wire.ollama.wire import OllamaWire

Json = dict[str, Any]

TIME = "2026-11-25T09:21:39.406455Z"
CALL_TIME = "20261125T092139406455Z"
"""The same, as it stands in the ids of calls that have none."""
COUNTS: Json = {
    "total_duration": 4883583458,
    "load_duration": 1334875,
    "prompt_eval_count": PROMPT_TOKENS,
    "prompt_eval_duration": 342546000,
    "eval_count": COMPLETION_TOKENS,
    "eval_duration": 4535599000,
}


def call(name: str, arguments: object, call_id: str = "", index: int = 0) -> Json:
    """Return a tool call as the server says it."""
    said: Json = {"function": {"index": index, "name": name, "arguments": arguments}}
    return {"id": call_id, **said} if call_id else said


def chunk(content: str = "", **more: Any) -> Json:
    """Return a line in the middle of a stream."""
    message = {"role": "assistant", "content": content, **more}
    return {"model": "qwen3:4b", "created_at": TIME, "message": message, "done": False}


def last(content: str = "", reason: str = "stop", counts: Json = COUNTS, **more: Any) -> Json:
    """Return the last line of a stream, or a whole answer."""
    said = {**chunk(content, **more), "done": True, **counts}
    return {**said, "done_reason": reason} if reason else said


def stream(*lines: Json) -> bytes:
    """Return the bytes of a stream."""
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def decode_stream(*pieces: bytes, request: ChatRequest | None = None) -> Decoded:
    """Decode a streamed answer."""
    decoder = OllamaWire().decoder(request or ChatRequest(), TARGET, stream=True)
    return decode(decoder, pieces)


def decode_whole(body: object) -> Decoded:
    """Decode a whole answer."""
    decoder = OllamaWire().decoder(ChatRequest(), TARGET, stream=False)
    return decode(decoder, [json.dumps(body).encode()])


def folded(*lines: Json, request: ChatRequest | None = None) -> ChatResponse:
    """Return the answer that a good stream of these lines adds up to."""
    decoded = decode_stream(stream(*lines), request=request)
    assert decoded.failure is None, decoded.failure
    return fold_chat(decoded.events, numbered=False)


def folded_whole(body: Json) -> ChatResponse:
    """Return what a good whole answer says."""
    decoded = decode_whole(body)
    assert decoded.failure is None, decoded.failure
    return fold_chat(decoded.events, numbered=False)
