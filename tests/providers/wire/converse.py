"""How does Amazon Bedrock answer? Whole answers of Converse, and the messages of their streams."""

import json
from collections.abc import Sequence
from typing import Any

from tests.contracts.answers import COMPLETION_TOKENS, PROMPT_TOKENS
from tests.contracts.wire_format import TARGET, Decoded, decode
from tests.providers.wire import bedrock_sdk
from weir.fold import fold_chat
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.core.handler import Request
from weir_server.fake_upstream import aws_event_stream as frames
from weir_server.providers.wire.bedrock.wire import BedrockWire

Json = dict[str, Any]

METRICS: Json = {"latencyMs": 1234}


def usage(fresh: int = PROMPT_TOKENS, out: int = COMPLETION_TOKENS, **cached: int) -> Json:
    """Return a usage object whose total counts the cached tokens, as the vendor's does."""
    total = fresh + out + sum(cached.values())
    return {"inputTokens": fresh, "outputTokens": out, "totalTokens": total, **cached}


def whole(*blocks: Json, stop: str = "end_turn", said: Json | None = None, **more: Any) -> bytes:
    """Return the body of a whole answer. said: its usage."""
    body = {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": stop,
        "usage": said or usage(),
        "metrics": METRICS,
        **more,
    }
    return json.dumps(body, ensure_ascii=False).encode()


def event(kind: str, **said: Any) -> bytes:
    """Return one message of a stream; the vendor pads its payloads with a field `p`."""
    payload = json.dumps({**said, "p": "abcdefgh"[: len(kind) % 8]}, ensure_ascii=False)
    # Half a character is an escape, as JSON has it.
    return frames.event(kind, payload.encode(errors="backslashreplace"))


def begin(index: int, **start: Any) -> bytes:
    """Return the beginning of a block."""
    return event("contentBlockStart", contentBlockIndex=index, start=start)


def piece(index: int, **delta: Any) -> bytes:
    """Return more of a block."""
    return event("contentBlockDelta", contentBlockIndex=index, delta=delta)


def end(index: int) -> bytes:
    """Return the end of a block."""
    return event("contentBlockStop", contentBlockIndex=index)


def text(index: int, *chunks: str) -> list[bytes]:
    """Return the messages of a block of text."""
    return [*(piece(index, text=chunk) for chunk in chunks), end(index)]


def tool(index: int, call_id: str, name: str, *chunks: str) -> list[bytes]:
    """Return the messages of a tool call."""
    return [
        begin(index, toolUse={"toolUseId": call_id, "name": name}),
        *(piece(index, toolUse={"input": chunk}) for chunk in chunks),
        end(index),
    ]


def events(
    *middle: bytes | Sequence[bytes],
    stop: str | None = "end_turn",
    said: Json | None = None,
    metadata: bool = True,
    **more: Any,
) -> list[bytes]:
    """Return the messages of a whole stream."""
    messages = [event("messageStart", role="assistant")]
    for each in middle:
        messages += [each] if isinstance(each, bytes) else each
    if stop is not None:
        messages.append(event("messageStop", stopReason=stop))
    if metadata:
        messages.append(event("metadata", usage=said or usage(), metrics=METRICS, **more))
    return messages


def stream(*middle: bytes | Sequence[bytes], **more: Any) -> bytes:
    """Return the bytes of a whole stream; see `events`."""
    return b"".join(events(*middle, **more))


def decode_stream(*pieces: bytes, request: Request | None = None) -> Decoded:
    """Decode a streamed answer."""
    return decode(BedrockWire().decoder(request or ChatRequest(), TARGET, stream=True), pieces)


def decode_whole(body: bytes, request: Request | None = None) -> Decoded:
    """Decode a whole answer."""
    return decode(BedrockWire().decoder(request or ChatRequest(), TARGET, stream=False), [body])


def folded(decoded: Decoded) -> ChatResponse:
    """Return the answer that events add up to."""
    assert decoded.failure is None, decoded.failure
    return fold_chat(decoded.events, numbered=False)


def both(
    blocks: list[Json], *middle: Any, request: ChatRequest | None = None, **more: Any
) -> ChatResponse:
    """Return an answer that comes the same whole, as a stream, and in botocore's eyes."""
    body = stream(*middle, **more)
    assert next(iter(bedrock_sdk.read_stream(body)[0])) == "messageStart"
    entire = folded(decode_whole(whole(*blocks, **more), request))
    streamed = folded(decode_stream(body, request=request))
    assert streamed == entire
    return entire
