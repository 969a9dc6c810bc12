"""How do Anthropic's answers look? Whole messages, and streams of events, for the tests.

Shapes are those of the vendor's reference "Streaming messages" and of its SDK's types.
"""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.contracts.asks import user
from tests.contracts.wire_format import TARGET, Decoded, decode
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message
from weir.v1.generation_pb2 import GenerationEvent, GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.anthropic.wire import AnthropicWire

Json = dict[str, Any]

PING = {"type": "ping"}


def usage(prompt: int = 19, completion: int = 6, **more: Any) -> Json:
    """Return counts; what the cache has is taken off `input_tokens`, as the vendor does."""
    cached = more.get("cache_read_input_tokens", 0) + more.get("cache_creation_input_tokens", 0)
    return {
        "input_tokens": prompt - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": completion,
        "service_tier": "standard",
        **more,
    }


def message(*content: Json, stop: str | None = "end_turn", **more: Any) -> Json:
    """Return a whole answer."""
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-test-1",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage(),
        **more,
    }


def text(said: str, **more: Any) -> Json:
    """Return a block of text."""
    return {"type": "text", "text": said, **more}


def call(call_id: str, name: str, given: Json, **more: Any) -> Json:
    """Return a block that calls a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": given, **more}


def thinking(said: str, signature: str) -> Json:
    """Return a block of thoughts."""
    return {"type": "thinking", "thinking": said, "signature": signature}


def block(index: int, begun: Json, *deltas: Json) -> list[Json]:
    """Return the events of one block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text_block(index: int, pieces: Iterable[str]) -> list[Json]:
    """Return the events of a block of text."""
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return block(index, text(""), *deltas)


def call_block(
    index: int, call_id: str, name: str, pieces: Iterable[str], **more: Any
) -> list[Json]:
    """Return the events of a block that calls a tool; an empty delta comes first, as it does."""
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
    return block(index, call(call_id, name, {}, **more), *deltas)


def thinking_block(index: int, pieces: Iterable[str], signature: str) -> list[Json]:
    """Return the events of a block of thoughts, whose signature comes last."""
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    signed = {"type": "signature_delta", "signature": signature}
    return block(index, thinking("", ""), *deltas, signed)


def started(**more: Any) -> Json:
    """Return what a stream begins with: of the usage, all that went in."""
    begun = message(stop=None, **more)
    begun["usage"] = {**begun["usage"], "output_tokens": 1}
    return {"type": "message_start", "message": begun}


def stopped(stop: str = "end_turn", *, completion: int = 6, **more: Any) -> list[Json]:
    """Return what a stream ends with."""
    delta = {"stop_reason": stop, "stop_sequence": more.pop("stop_sequence", None)}
    delta |= {name: more.pop(name) for name in ("stop_details", "container") if name in more}
    ending = {"type": "message_delta", "delta": delta}
    return [{**ending, "usage": {"output_tokens": completion, **more}}, {"type": "message_stop"}]


def encode_events(events: Iterable[Json]) -> list[bytes]:
    """Return events as the vendor sends them: each with its name."""
    return [
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
        for event in events
    ]


def stream_of(*events: Json) -> bytes:
    """Return the bytes of a stream."""
    return b"".join(encode_events(events))


def stream(*blocks: list[Json], stop: str = "end_turn", **more: Any) -> bytes:
    """Return the bytes of a good stream with these blocks."""
    return stream_of(
        started(), PING, *(event for events in blocks for event in events), *stopped(stop, **more)
    )


def decode_stream(*pieces: bytes, request: ChatRequest | None = None) -> Decoded:
    """Decode a streamed answer to a chat, or to `request`."""
    decoder = AnthropicWire().decoder(request or ChatRequest(), TARGET, stream=True)
    return decode(decoder, pieces)


def decode_whole(said: Json | bytes, request: ChatRequest | None = None) -> Decoded:
    """Decode a whole answer to a chat, or to `request`."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return decode(AnthropicWire().decoder(request or ChatRequest(), TARGET, stream=False), [body])


def folded(decoded: Decoded) -> ChatResponse:
    """Return the answer that the events of a good one add up to."""
    assert decoded.failure is None, (decoded.failure, decoded.failure.metadata)
    return fold_chat(decoded.events, numbered=False)


def end_of(decoded: Decoded) -> GenerationEvent:
    """Return the last event of a good answer."""
    assert decoded.failure is None, decoded.failure
    return decoded.events[-1]


def body_of(request: ChatRequest) -> Json:
    """Return what is sent for a request."""
    body: Json = json.loads(AnthropicWire().encode(request, TARGET, stream=False).body)
    return body


def said_again(answer: Message, *before: Message, **options: Any) -> Json:
    """Return what is sent when an answer goes back as the last message."""
    body = body_of(ChatRequest(messages=[*before, answer], **options))
    last: Json = body["messages"][-1]
    return last


def body_with(*messages: Message, **options: Any) -> Json:
    """Return what is sent for these messages and options."""
    said = messages or (user("Hi"),)
    return body_of(ChatRequest(messages=said, options=GenerationOptions(**options)))


def refused(*messages: Message, **options: Any) -> InvalidRequest:
    """Return the refusal of these messages and options."""
    with pytest.raises(InvalidRequest) as refusal:
        body_with(*messages, **options)
    return refusal.value


def fields(refusal: InvalidRequest) -> list[str]:
    """Return the fields that a refusal names."""
    return [violation.field for violation in refusal.violations]
