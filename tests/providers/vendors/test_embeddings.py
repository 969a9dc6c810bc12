"""Are vectors asked for in each vendor's words? Mistral's are its SDK's own."""

import json
import struct
from typing import Any

import pytest

from tests.contracts.wire_format import TARGET
from tests.providers.wire.mistral_sdk import mistral_for
from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
)
from weir_server.core.errors import InvalidRequest
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.wire import OpenAIWire

INT8 = EmbeddingEncoding.EMBEDDING_ENCODING_INT8
BITS = EmbeddingEncoding.EMBEDDING_ENCODING_BINARY
USAGE = {"prompt_tokens": 8, "total_tokens": 8, "completion_tokens": 0}


def answer(*vectors: list[float]) -> dict[str, Any]:
    """Return an answer with these vectors."""
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(vectors)
    ]
    return {"id": "e-1", "object": "list", "data": data, "model": "e", "usage": USAGE}


def asked(vendor: str, **fields: Any) -> dict[str, Any]:
    """Return how two vectors are asked for."""
    request = EmbedRequest(inputs=[EmbedInput(text="a"), EmbedInput(text="b")], **fields)
    encoded = OpenAIWire(VENDORS[vendor].quirks).encode(request, TARGET, stream=False)
    body: dict[str, Any] = json.loads(encoded.body)
    return body


SDK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "a length": ({"dimensions": 256}, {"output_dimension": 256}),
    "signed bytes": ({"encoding": INT8}, {"output_dtype": "int8"}),
    "bits": (
        {"encoding": BITS, "dimensions": 64},
        {"output_dtype": "ubinary", "output_dimension": 64},
    ),
}


@pytest.mark.parametrize("name", SDK)
async def test_a_request_is_mistrals_own(name: str) -> None:
    """The JSON and the path are those that the SDK sends for the same intent."""
    ours, theirs = SDK[name]
    async with FakeUpstream(Reply(body=answer([0.5], [1.0]))) as upstream:
        async with mistral_for(upstream.origin) as sdk:
            await sdk.embeddings.create_async(
                model=TARGET.vendor_model, inputs=["a", "b"], encoding_format="float", **theirs
            )
        sent = upstream.journal[-1]

    assert asked("mistral", **ours) == sent.json
    assert sent.path.endswith("/embeddings")


def read(encoding: EmbeddingEncoding.ValueType, *vectors: list[float]) -> EmbedResponse | None:
    """Decode an answer to two inputs."""
    request = EmbedRequest(inputs=[EmbedInput(text="a"), EmbedInput(text="b")], encoding=encoding)
    decoder = OpenAIWire(VENDORS["mistral"].quirks).decoder(request, TARGET, stream=False)
    decoder.feed(json.dumps(answer(*vectors)).encode())
    response = decoder.finish()
    assert response is None or isinstance(response, EmbedResponse)
    return response


def test_signed_bytes_are_packed() -> None:
    """One byte for each number."""
    response = read(INT8, [1, -128], [127, 0])

    assert response is not None
    assert (response.dimensions, response.encoding) == (2, INT8)
    assert [e.packed_values for e in response.embeddings] == [
        struct.pack("2b", 1, -128),
        struct.pack("2b", 127, 0),
    ]


def test_bits_are_packed_eight_to_a_byte() -> None:
    """Their number is eight times that of the bytes."""
    response = read(BITS, [255], [1])

    assert response is not None
    assert response.dimensions == 8
    assert [e.packed_values for e in response.embeddings] == [b"\xff", b"\x01"]


@pytest.mark.parametrize("vector", [[0.5, 1], [128, 0], [-129, 0]])
def test_numbers_that_do_not_fit_are_no_vector(vector: list[float]) -> None:
    """Nothing is rounded or wrapped."""
    assert read(INT8, vector, [1, 2]) is None


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "dimensions": ("cohere-compatible", {"dimensions": 9}),
    "end_user_id": ("mistral", {"end_user_id": "u-1"}),
    "encoding": ("openai", {"encoding": INT8}),
}


@pytest.mark.parametrize("field", REFUSED)
def test_what_a_vendor_has_no_word_for(field: str) -> None:
    """The field is named."""
    vendor, fields = REFUSED[field]

    with pytest.raises(InvalidRequest) as refused:
        asked(vendor, **fields)

    assert [v.field for v in refused.value.violations] == [field]


def test_a_form_is_named_only_where_it_can_be() -> None:
    """Together documents the model and the inputs, nothing else."""
    assert asked("together") == {"model": TARGET.vendor_model, "input": ["a", "b"]}
    assert asked("qwen")["encoding_format"] == "float"
    assert asked("openai")["encoding_format"] == "base64"
