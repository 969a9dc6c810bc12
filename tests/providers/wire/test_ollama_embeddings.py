"""How does Ollama make vectors? Asked as its SDK asks, read in every encoding of floats."""

import json
import struct
from typing import Any

import pytest
from ollama import AsyncClient

from tests.contracts.wire_format import TARGET
from weir.v1.content_pb2 import MediaPart
from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbeddingTask,
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
)
from weir.v1.usage_pb2 import UsageSource
from weir_server.core.errors import InvalidRequest, UpstreamError, UpstreamProtocolError
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.wire.ollama.wire import OllamaWire

E = EmbeddingEncoding
BODY = {
    "model": "all-minilm",
    "embeddings": [[0.5, -1.0], [0.25, 2.0]],
    "total_duration": 14143917,
    "load_duration": 1019500,
    "prompt_eval_count": 8,
}


def texts(*said: str, **fields: Any) -> EmbedRequest:
    return EmbedRequest(inputs=[EmbedInput(text=text) for text in said], **fields)


def answer(request: EmbedRequest, body: object) -> EmbedResponse:
    """The reply that a body means; raises what the decoder failed with."""
    decoder = OllamaWire().decoder(request, TARGET, stream=False)
    decoder.feed(json.dumps(body).encode())
    reply = decoder.finish()
    if decoder.failure is not None:
        raise decoder.failure
    assert isinstance(reply, EmbedResponse)
    return reply


async def test_a_request_is_the_sdks_own() -> None:
    """The JSON and the path are those that the vendor's SDK sends for the same intent."""
    async with (
        FakeUpstream(Reply(body=BODY)) as upstream,
        AsyncClient(host=upstream.origin, verify=False) as sdk,
    ):
        await sdk.embed(model="test-1", input=["a", "b"], truncate=False, dimensions=2)
        theirs = upstream.journal[-1]
    ours = OllamaWire().encode(texts("a", "b", dimensions=2), TARGET, stream=False)
    assert json.loads(ours.body) == theirs.json
    assert theirs.path == ours.path


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (texts("a", task=EmbeddingTask.EMBEDDING_TASK_QUERY), "task"),
        (texts("a", end_user_id="u-1"), "end_user_id"),
        (texts("a", encoding=E.EMBEDDING_ENCODING_INT8), "encoding"),
        (
            EmbedRequest(
                inputs=[EmbedInput(media=MediaPart(mime_type="image/png", inline_data=b"x"))]
            ),
            "inputs[0].media",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(request_: EmbedRequest, field: str) -> None:
    """By its field, before anything is sent."""
    with pytest.raises(InvalidRequest) as refusal:
        OllamaWire().encode(request_, TARGET, stream=False)
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_vectors_come_in_order_with_their_tokens() -> None:
    """As floats or packed; the server counts all inputs together."""
    plain = answer(texts("a", "b"), BODY)
    assert [list(it.values) for it in plain.embeddings] == BODY["embeddings"]
    assert (plain.dimensions, plain.metadata.model) == (2, "all-minilm")
    assert plain.usage.prompt_tokens == plain.usage.total_tokens == 8
    half = answer(texts("a", "b", encoding=E.EMBEDDING_ENCODING_FLOAT16_LE_BYTES), BODY)
    assert struct.unpack("<2e", half.embeddings[1].packed_values) == (0.25, 2.0)


@pytest.mark.parametrize("count", [None, 0, -1, "8", True])
def test_a_count_that_is_none_is_left_out(count: object) -> None:
    """Weir estimates instead."""
    usage = answer(texts("a", "b"), {**BODY, "prompt_eval_count": count}).usage
    assert usage.source == UsageSource.USAGE_SOURCE_UNSPECIFIED


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"embeddings": [[0.5]]}, UpstreamProtocolError),
        ({"embeddings": [[0.5], [0.5, 1]]}, UpstreamProtocolError),
        ({"embeddings": [[], []]}, UpstreamProtocolError),
        ({"embeddings": [[1e39], [1]]}, UpstreamProtocolError),
        ({"error": "boom"}, UpstreamError),
        ({}, UpstreamProtocolError),
    ],
)
def test_what_is_no_vector_for_each_input_is_no_answer(
    body: object, kind: type[UpstreamError]
) -> None:
    """Too few, of different lengths, of no numbers."""
    with pytest.raises(kind) as failure:
        answer(texts("a", "b"), body)
    assert type(failure.value) is kind


def test_a_number_too_big_for_half_precision_is_no_answer() -> None:
    """It would be infinite there."""
    request = texts("a", encoding=E.EMBEDDING_ENCODING_FLOAT16_LE_BYTES)
    with pytest.raises(UpstreamProtocolError):
        answer(request, {"embeddings": [[70000.0]]})
