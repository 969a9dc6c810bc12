"""Are vectors read right, in either form, and is a wrong answer never taken for vectors?"""

import base64
import json
import struct
from typing import Any

import pytest

from tests.contracts.wire_format import TARGET
from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
)
from weir_server.core.errors import WeirError
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

_UNSET = EmbeddingEncoding.EMBEDDING_ENCODING_UNSPECIFIED
VECTORS = [[0.5, -0.25, 1.0], [1.5, 0.0, -2.0]]
USAGE = {"prompt_tokens": 8, "total_tokens": 8}


def packed(values: list[float], code: str = "f") -> bytes:
    """Return floats, little-endian."""
    return struct.pack(f"<{len(values)}{code}", *values)


def answer(*vectors: object, **changes: object) -> dict[str, Any]:
    """Return an answer with these vectors, numbered in order."""
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(vectors)
    ]
    return {"object": "list", "data": data, "model": "e-1", "usage": USAGE, **changes}


def read(
    body: object, encoding: EmbeddingEncoding.ValueType = _UNSET
) -> tuple[EmbedResponse | None, WeirError | None]:
    """Decode an answer to two inputs."""
    request = EmbedRequest(inputs=[EmbedInput(text="a"), EmbedInput(text="b")], encoding=encoding)
    decoder = OpenAIWire().decoder(request, TARGET, stream=False)
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert decoder.feed(octets[:9]) == []
    assert decoder.feed(octets[9:]) == []
    response = decoder.finish()
    assert response is None or isinstance(response, EmbedResponse)
    assert decoder.done == (response is not None)
    assert decoder.done == (decoder.failure is None)
    return response, decoder.failure


def good(body: object, encoding: EmbeddingEncoding.ValueType = _UNSET) -> EmbedResponse:
    """Decode a good answer."""
    response, failure = read(body, encoding)
    assert response is not None, failure
    return response


@pytest.mark.parametrize("in_base64", [True, False])
def test_floats(in_base64: bool) -> None:
    """Base64 and lists of numbers say the same vectors."""
    said = [base64.b64encode(packed(v)).decode() if in_base64 else v for v in VECTORS]

    response = good(answer(*said))

    assert [list(e.values) for e in response.embeddings] == VECTORS
    assert [e.index for e in response.embeddings] == [0, 1]
    assert response.dimensions == 3
    assert response.encoding == EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32
    assert (response.usage.prompt_tokens, response.usage.total_tokens) == (8, 8)
    assert response.metadata.model == "e-1"


def test_packed_floats() -> None:
    """The caller may have 32 or 16 bits in bytes."""
    wide = good(answer(*VECTORS), EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32_LE_BYTES)
    narrow = good(answer(*VECTORS), EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT16_LE_BYTES)

    assert [e.packed_values for e in wide.embeddings] == [packed(v) for v in VECTORS]
    assert [e.packed_values for e in narrow.embeddings] == [packed(v, "e") for v in VECTORS]
    assert not wide.embeddings[0].values


def test_vectors_out_of_order() -> None:
    """The index says which input a vector belongs to."""
    body = answer(*VECTORS)
    body["data"].reverse()

    assert [list(e.values) for e in good(body).embeddings] == VECTORS


def test_usage_that_cannot_be_believed() -> None:
    """The vectors are good all the same; the tokens are estimated elsewhere."""
    body = answer(*VECTORS, usage={"prompt_tokens": -1, "total_tokens": -1})

    assert not good(body).HasField("usage")


def test_the_encoding_that_is_asked_for() -> None:
    """Base64 unless the vendor cannot."""
    request = EmbedRequest(inputs=[EmbedInput(text="a")])
    usual = OpenAIWire().encode(request, TARGET, stream=False)
    plain = OpenAIWire(Quirks(base64_embeddings=False)).encode(request, TARGET, stream=False)

    assert json.loads(usual.body)["encoding_format"] == "base64"
    assert json.loads(plain.body)["encoding_format"] == "float"


WRONG: dict[str, object] = {
    "too few": answer(VECTORS[0]),
    "too many": answer(*VECTORS, VECTORS[0]),
    "twice the same": answer(*VECTORS, data=[{"index": 0, "embedding": [1.0]}] * 2),
    "two lengths": answer([1.0], [1.0, 2.0]),
    "empty vectors": answer([], []),
    "no base64": answer("$$$", "$$$"),
    "base64 of odd length": answer("AAAA", "AAAA"),
    "no number": answer(base64.b64encode(packed([float("nan")])).decode(), [1.0]),
    "infinite": answer([1e39], [1.0]),
    "words": answer(["a"], ["b"]),
    "no data": {"object": "list"},
    "no JSON": b"oops, no JSON at all",
    "cut": json.dumps(answer(*VECTORS)).encode()[:60],
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_vectors_is_a_protocol_error(case: str) -> None:
    """There is one finite vector of the same length for each input, or none at all."""
    response, failure = read(WRONG[case])

    assert response is None
    assert failure is not None
    assert failure.name() == "UPSTREAM_PROTOCOL_ERROR"
    assert failure.metadata == {"cause": "malformed"}


def test_an_error_under_a_good_status() -> None:
    """It is the class that the body names."""
    _, failure = read({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})

    assert failure is not None
    assert failure.name() == "UPSTREAM_RATE_LIMITED"


def test_a_number_too_big_for_half_precision_is_no_answer() -> None:
    """It would be infinite there, and must not be our own fault."""
    response, failure = read(
        answer([70000.0], [1.0]), EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT16_LE_BYTES
    )
    assert response is None
    assert failure is not None
    assert failure.metadata["cause"] == "malformed"
