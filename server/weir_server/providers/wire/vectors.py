"""How is a vector written? In the encoding that was asked for, of numbers that are numbers."""

import math
import struct
from array import array
from collections.abc import Sequence

from weir.v1.embedding_service_pb2 import Embedding, EmbeddingEncoding, EmbedRequest

FLOAT32 = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32
FLOAT32_BYTES = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32_LE_BYTES
FLOAT16_BYTES = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT16_LE_BYTES
FLOATS = frozenset({FLOAT32, FLOAT32_BYTES, FLOAT16_BYTES})
"""The encodings that are made of floats."""


def encoding_of(request: EmbedRequest) -> EmbeddingEncoding.ValueType:
    """Return the encoding that a request asks for."""
    return request.encoding or FLOAT32


def floats(said: Sequence[float]) -> "array[float]":
    """Return a vector of floats, or an empty one when it is none."""
    try:
        values = array("f", said)
    except (OverflowError, TypeError):
        return array("f")
    # Not a number is no coordinate, and would poison every distance silently.
    return values if all(map(math.isfinite, values)) else array("f")


def float_embedding(
    index: int, values: "array[float]", encoding: EmbeddingEncoding.ValueType
) -> Embedding:
    """Write a vector of floats. Raises OverflowError for a number that has no half precision."""
    if encoding == FLOAT32:
        return Embedding(index=index, values=values)
    code = "e" if encoding == FLOAT16_BYTES else "f"
    return Embedding(index=index, packed_values=struct.pack(f"<{len(values)}{code}", *values))
