"""How does Cohere make vectors? Asked as its SDK asks, read in every encoding."""

import json
import struct
from typing import Any

import httpx
import pytest
from cohere import AsyncClientV2

from tests.contracts.asks import PNG, PNG_BASE64
from tests.contracts.wire_format import TARGET
from weir.v1.content_pb2 import MediaPart
from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbeddingTask,
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
)
from weir_server.core.errors import InvalidRequest, UpstreamError, UpstreamProtocolError
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.wire.cohere.wire import CohereWire

E = EmbeddingEncoding
T = EmbeddingTask
META = {
    "api_version": {"version": "2"},
    "billed_units": {"input_tokens": 3.0, "image_tokens": 2.0},
}
IMAGE = EmbedInput(media=MediaPart(mime_type="image/png", inline_data=PNG))


def texts(*said: str, **fields: Any) -> EmbedRequest:
    return EmbedRequest(inputs=[EmbedInput(text=text) for text in said], **fields)


def answer(request: EmbedRequest, body: object) -> EmbedResponse:
    """The reply that a body means; raises what the decoder failed with."""
    decoder = CohereWire().decoder(request, TARGET, stream=False)
    decoder.feed(json.dumps(body).encode())
    reply = decoder.finish()
    if decoder.failure is not None:
        raise decoder.failure
    assert isinstance(reply, EmbedResponse)
    return reply


def embedded(**vectors: object) -> dict[str, object]:
    return {"id": "e-1", "embeddings": vectors, "texts": ["a", "b"], "meta": META}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            texts("a", "b"),
            {"texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"]},
        ),
        (
            texts(
                "a", task=T.EMBEDDING_TASK_QUERY, dimensions=256, encoding=E.EMBEDDING_ENCODING_INT8
            ),
            {
                "texts": ["a"],
                "input_type": "search_query",
                "embedding_types": ["int8"],
                "output_dimension": 256,
            },
        ),
        (
            texts("a", task=T.EMBEDDING_TASK_CLUSTERING, encoding=E.EMBEDDING_ENCODING_BINARY),
            {"texts": ["a"], "input_type": "clustering", "embedding_types": ["ubinary"]},
        ),
        (
            EmbedRequest(inputs=[EmbedInput(text="a"), IMAGE]),
            {
                "inputs": [
                    {"content": [{"type": "text", "text": "a"}]},
                    {
                        "content": [
                            {
                                "type": "image_url",
                                "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"},
                            }
                        ]
                    },
                ],
                "input_type": "search_document",
                "embedding_types": ["float"],
            },
        ),
    ],
    ids=["plain", "query", "binary", "image"],
)
async def test_a_request_is_the_sdks_own(request_: EmbedRequest, said: dict[str, Any]) -> None:
    """The JSON and the path are those that the vendor's SDK sends for the same intent."""
    async with (
        FakeUpstream(Reply(body=embedded(float=[[0.5]]))) as upstream,
        httpx.AsyncClient(verify=False) as http,
    ):
        sdk = AsyncClientV2(
            api_key="key", base_url=upstream.origin, httpx_client=http, max_retries=0
        )
        await sdk.embed(model="test-1", truncate="NONE", **said)
        theirs = upstream.journal[-1]
    ours = CohereWire().encode(request_, TARGET, stream=False)
    assert json.loads(ours.body) == theirs.json
    assert theirs.path == ours.path


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (texts("a", task=T.EMBEDDING_TASK_SIMILARITY), "task"),
        (texts("a", end_user_id="u-1"), "end_user_id"),
        (
            EmbedRequest(
                inputs=[EmbedInput(media=MediaPart(mime_type="image/png", uri="https://a.example"))]
            ),
            "inputs[0].media",
        ),
        (
            EmbedRequest(
                inputs=[EmbedInput(media=MediaPart(mime_type="audio/wav", inline_data=b"x"))]
            ),
            "inputs[0].media",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(request_: EmbedRequest, field: str) -> None:
    """By its field, before anything is sent."""
    with pytest.raises(InvalidRequest) as refusal:
        CohereWire().encode(request_, TARGET, stream=False)
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_vectors_come_in_every_encoding() -> None:
    """Floats as such or packed, signed bytes, and bits of which eight make a byte."""
    floats = [[0.5, -1.0], [0.25, 2.0]]
    plain = answer(texts("a", "b"), embedded(float=floats))
    assert [list(it.values) for it in plain.embeddings] == floats
    assert (plain.dimensions, plain.metadata.attributes["cohere.id"]) == (2, "e-1")
    assert plain.usage.prompt_tokens == plain.usage.total_tokens == 5
    half = answer(
        texts("a", "b", encoding=E.EMBEDDING_ENCODING_FLOAT16_LE_BYTES), embedded(float=floats)
    )
    assert struct.unpack("<2e", half.embeddings[1].packed_values) == (0.25, 2.0)
    signed = answer(texts("a", encoding=E.EMBEDDING_ENCODING_INT8), embedded(int8=[[-128, 0, 127]]))
    assert (signed.embeddings[0].packed_values, signed.dimensions) == (b"\x80\x00\x7f", 3)
    bits = answer(texts("a", encoding=E.EMBEDDING_ENCODING_BINARY), embedded(ubinary=[[255, 1]]))
    assert (bits.embeddings[0].packed_values, bits.dimensions) == (b"\xff\x01", 16)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (embedded(float=[[0.5]]), UpstreamProtocolError),
        (embedded(float=[[0.5], [0.5, 1]]), UpstreamProtocolError),
        (embedded(float=[[], []]), UpstreamProtocolError),
        (embedded(int8=[[1], [1]]), UpstreamProtocolError),
        (embedded(float=[[1e39], [1]]), UpstreamProtocolError),
        ({"message": "boom"}, UpstreamError),
        ([], UpstreamProtocolError),
    ],
)
def test_what_is_no_vector_for_each_input_is_no_answer(
    body: object, kind: type[UpstreamError]
) -> None:
    """Too few, of different lengths, of another type, of no numbers."""
    with pytest.raises(kind) as failure:
        answer(texts("a", "b"), body)
    assert type(failure.value) is kind


@pytest.mark.parametrize(
    ("encoding", "name", "value"),
    [
        (E.EMBEDDING_ENCODING_INT8, "int8", 128),
        (E.EMBEDDING_ENCODING_BINARY, "ubinary", 256),
        (E.EMBEDDING_ENCODING_FLOAT16_LE_BYTES, "float", 70000.0),
    ],
)
def test_a_number_too_big_for_its_encoding_is_no_answer(
    encoding: E.ValueType, name: str, value: float
) -> None:
    """It would mean something else in fewer bits."""
    with pytest.raises(UpstreamProtocolError):
        answer(texts("a", encoding=encoding), embedded(**{name: [[value]]}))
