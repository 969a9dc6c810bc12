"""How does OpenAI spell the rest? Embeddings, legacy completions and the list of models."""

import base64
import struct
from collections.abc import Iterable, Sequence

from weir_server.fake_upstream.openai_wire import CREATED, FINGERPRINT, MODEL, Json

COMPLETION_ID = "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7"
EMBEDDING_MODEL = "text-embedding-3-small"


def embedding_vector(text: str, dimensions: int) -> list[float]:
    """Return a vector that only depends on the text; every value is exact in 32 bits."""
    seed = sum(index * byte for index, byte in enumerate(text.encode(), start=1))
    return [((seed * (n + 1)) % 509 - 254) / 256 for n in range(dimensions)]


def embeddings(
    vectors: Sequence[Sequence[float]],
    *,
    model: str = EMBEDDING_MODEL,
    base64_encoded: bool = False,
    prompt_tokens: int = 5,
) -> Json:
    """Return an embedding list; in base64 a vector is its little-endian 32-bit floats."""
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _packed(vector) if base64_encoded else list(vector),
            }
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
    }


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def completion(
    text: str,
    *,
    model: str = MODEL,
    finish_reason: str | None = "stop",
    logprobs: Json | None = None,
    usage_: Json | None = None,
) -> Json:
    """Return a legacy `text_completion`; its streamed chunks have the same shape."""
    return {
        "id": COMPLETION_ID,
        "object": "text_completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {"text": text, "index": 0, "logprobs": logprobs, "finish_reason": finish_reason}
        ],
        "system_fingerprint": FINGERPRINT,
        "usage": usage_,
    }


def completion_chunks(
    pieces: Sequence[str],
    *,
    model: str = MODEL,
    finish_reason: str = "stop",
    usage_: Json | None = None,
) -> list[Json]:
    """Return the chunks of a streamed legacy completion.

    The finish reason rides on an empty last piece; with `usage_` a chunk without choices follows.
    """
    chunks = [completion(piece, model=model, finish_reason=None) for piece in pieces]
    chunks.append(completion("", model=model, finish_reason=finish_reason))
    if usage_ is not None:
        chunks.append({**completion("", model=model), "choices": [], "usage": usage_})
        return chunks
    for chunk in chunks:
        del chunk["usage"]
    return chunks


def completion_logprobs(tokens: Iterable[str], logprob: float = -0.25) -> Json:
    """Return the parallel arrays of the legacy log probabilities."""
    tokens = list(tokens)
    offsets, end = [], 0
    for token in tokens:
        offsets.append(end)
        end += len(token)
    return {
        "tokens": tokens,
        "token_logprobs": [logprob for _ in tokens],
        "top_logprobs": [{token: logprob} for token in tokens],
        "text_offset": offsets,
    }


def model(model_id: str, owned_by: str = "system") -> Json:
    """Return one model object."""
    return {"id": model_id, "object": "model", "created": CREATED, "owned_by": owned_by}


def model_list(model_ids: Iterable[str]) -> Json:
    """Return the list of models."""
    return {"object": "list", "data": [model(model_id) for model_id in model_ids]}
