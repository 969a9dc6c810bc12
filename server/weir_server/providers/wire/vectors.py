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
_PACKED = {
    FLOAT32_BYTES: "f",
    FLOAT16_BYTES: "e",
    EmbeddingEncoding.EMBEDDING_ENCODING_INT8: "b",
    EmbeddingEncoding.EMBEDDING_ENCODING_BINARY: "B",
}
"""How the numbers of an encoding are packed, in the letters of `struct`."""


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


def packed_embedding(
    index: int, values: "array[float]", encoding: EmbeddingEncoding.ValueType
) -> Embedding:
    """Write one vector as it was asked for. Raises OverflowError for numbers that do not fit."""
    if encoding == FLOAT32:
        return Embedding(index=index, values=values)
    code = _PACKED[encoding]
    numbers = values if code in "ef" else [int(v) for v in values if v.is_integer()]
    try:
        packed = struct.pack(f"<{len(values)}{code}", *numbers)
    except struct.error as unfit:
        raise OverflowError("no number of this encoding") from unfit
    return Embedding(index=index, packed_values=packed)
