"""What exactly travels: the fixed vendor answers, and the framed gRPC requests?"""

import json
import struct
from collections.abc import Iterator

PROMPT = "Tell me in a hundred words why rivers bend."
WORD = " meander"
CREATED = 1_750_000_000


def answer_text(chunks: int) -> str:
    """The whole text that a stream of `chunks` chunks spells."""
    return WORD * chunks


def completion(model: str, words: int) -> bytes:
    """A `chat.completion` object as OpenAI documents it, `words` tokens long."""
    body = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer_text(words), "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": _usage(words),
        "system_fingerprint": "fp_bench",
    }
    return json.dumps(body, separators=(",", ":")).encode()


def sse_writes(model: str, chunks: int) -> Iterator[bytes]:
    """The stream in the pieces a vendor writes: one per content chunk, then the whole tail.

    The tail holds the finish reason, the usage and the terminal `[DONE]`.
    """
    for index in range(chunks):
        delta: dict[str, object] = {"content": WORD}
        if index == 0:
            delta = {"role": "assistant", **delta}
        yield _event(model, [_choice(delta, None)], None)
    yield (
        _event(model, [_choice({}, "stop")], None)
        + _event(model, [], _usage(chunks))
        + b"data: [DONE]\n\n"
    )


def sse_body(model: str, chunks: int) -> bytes:
    """The same stream as one body, for an upstream that sends it in one burst."""
    return b"".join(sse_writes(model, chunks))


def vendor_request(model: str, *, stream: bool) -> bytes:
    """The JSON body a gateway would send, for load that goes straight to the upstream."""
    body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body, separators=(",", ":")).encode()


def grpc_frame(message: bytes) -> bytes:
    """One uncompressed gRPC message: a zero flag, its length in four bytes, itself."""
    return struct.pack(">BI", 0, len(message)) + message


def _choice(delta: dict[str, object], finish_reason: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _usage(words: int) -> dict[str, int]:
    return {"prompt_tokens": 12, "completion_tokens": words, "total_tokens": 12 + words}


def _event(model: str, choices: list[dict[str, object]], usage: dict[str, int] | None) -> bytes:
    chunk = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "system_fingerprint": "fp_bench",
        "choices": choices,
        "usage": usage,
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
