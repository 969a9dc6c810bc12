"""What do answers of Cohere look like? Whole ones and streams, as the vendor's guides show them."""

import json
from collections.abc import Sequence
from typing import Any

from tests.contracts.answers import COMPLETION_TOKENS, PROMPT_TOKENS
from tests.contracts.wire_format import TARGET, Decoded, decode
from weir.fold import fold_chat
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.providers.wire.cohere.wire import CohereWire

Json = dict[str, Any]

ID = "5a50480a-cf52-46f0-af01-53d18539bd31"
USAGE: Json = {
    "billed_units": {"input_tokens": 5.0, "output_tokens": 6.0},
    "tokens": {"input_tokens": float(PROMPT_TOKENS), "output_tokens": float(COMPLETION_TOKENS)},
}


def call(call_id: str, name: str, arguments: str) -> Json:
    """Return a tool call as it stands in messages."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def whole(message: Json, finish: str, usage: Json = USAGE, **more: Any) -> Json:
    """Return a whole answer."""
    return {
        "id": ID,
        "finish_reason": finish,
        "message": {"role": "assistant", **message},
        "usage": usage,
        **more,
    }


def stream(*events: Json) -> bytes:
    """Return the bytes of a stream of these events."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


def event(kind: str, index: int | None = None, **message: Any) -> Json:
    """Return an event about a piece of the message."""
    said: Json = {"type": kind}
    if index is not None:
        said["index"] = index
    if message:
        said["delta"] = {"message": message}
    return said


def start() -> Json:
    """Return the first event, whose lists are empty."""
    message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
    return {
        "id": ID,
        "type": "message-start",
        "delta": {"message": {**message, "citations": []}},
    }


def block(index: int, kind: str, pieces: Sequence[str]) -> list[Json]:
    """Return the events of a block of text or of thinking."""
    return [
        event("content-start", index, content={"type": kind, kind: ""}),
        *(event("content-delta", index, content={kind: piece}) for piece in pieces),
        event("content-end", index),
    ]


def plan(*pieces: str) -> list[Json]:
    """Return the events of a plan of tool calls."""
    return [event("tool-plan-delta", tool_plan=piece) for piece in pieces]


def streamed_call(index: int, call_id: str, name: str, pieces: Sequence[str]) -> list[Json]:
    """Return the events of a tool call."""
    return [
        event("tool-call-start", index, tool_calls=call(call_id, name, "")),
        *(
            event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
            for piece in pieces
        ),
        event("tool-call-end", index),
    ]


def end(finish: str, usage: Json = USAGE, **more: Any) -> Json:
    """Return the last event."""
    return {"type": "message-end", "delta": {"finish_reason": finish, "usage": usage, **more}}


def decode_stream(*pieces: bytes, request: ChatRequest | None = None) -> Decoded:
    """Decode a streamed answer."""
    decoder = CohereWire().decoder(request or ChatRequest(), TARGET, stream=True)
    return decode(decoder, pieces)


def decode_whole(body: Json) -> Decoded:
    """Decode a whole answer."""
    decoder = CohereWire().decoder(ChatRequest(), TARGET, stream=False)
    return decode(decoder, [json.dumps(body).encode()])


def folded(*events: Json) -> ChatResponse:
    """Return the answer that a good stream of these events adds up to."""
    decoded = decode_stream(stream(start(), *events))
    assert decoded.failure is None, decoded.failure
    return fold_chat(decoded.events, numbered=False)


def folded_whole(message: Json, finish: str = "COMPLETE", **more: Any) -> ChatResponse:
    """Return what a good whole answer says."""
    decoded = decode_whole(whole(message, finish, **more))
    assert decoded.failure is None, decoded.failure
    return fold_chat(decoded.events, numbered=False)
