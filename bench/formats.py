"""What does the same stream look like in other vendors' words? Bodies to be sent in one burst.

Shapes follow Anthropic's reference "Streaming Messages" and Google's "GenerateContentResponse": one
event per content chunk, as these vendors send them, with everything they wrap around it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.payload import WORD

PROMPT_TOKENS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Where a kind of provider is asked, below the upstream's origin, and what it answers."""

    base: str
    """Path of the base address that Weir is configured with."""
    path: str
    """What the wire format adds to it for a stream; `{model}` stands for the model's name."""
    body: bytes


def anthropic_sse(model: str, chunks: int) -> bytes:
    """A stream of Anthropic Messages."""
    usage = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    message: dict[str, object] = {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": PROMPT_TOKENS, **usage, "output_tokens": 1},
    }
    delta = {"type": "text_delta", "text": WORD}

    def events() -> Iterator[dict[str, object]]:
        yield {"type": "message_start", "message": message}
        block = {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        yield {"type": "ping"}
        for _ in range(chunks):
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": chunks},
        }
        yield {"type": "message_stop"}

    return b"".join(
        b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), _json(event))
        for event in events()
    )


def gemini_sse(model: str, chunks: int) -> bytes:
    """A stream of Gemini's generateContent."""

    def event(index: int) -> dict[str, object]:
        content = {"parts": [{"text": WORD}], "role": "model"}
        candidate: dict[str, object] = {"content": content, "index": 0}
        if index == chunks:
            candidate["finishReason"] = "STOP"
        usage = {
            "promptTokenCount": PROMPT_TOKENS,
            "candidatesTokenCount": index,
            "totalTokenCount": PROMPT_TOKENS + index,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": PROMPT_TOKENS}],
        }
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": model,
            "responseId": "bench",
        }

    return b"".join(b"data: %s\r\n\r\n" % _json(event(index + 1)) for index in range(chunks))


def spoken(model: str, chunks: int) -> Mapping[str, Spoken]:
    """By the kind of provider, for a model that is asked for a stream."""
    return {
        "anthropic": Spoken(
            base="/anthropic", path="/v1/messages", body=anthropic_sse(model, chunks)
        ),
        "gemini": Spoken(
            base="/gemini/v1beta",
            path="/models/{model}:streamGenerateContent",
            body=gemini_sse(model, chunks),
        ),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
