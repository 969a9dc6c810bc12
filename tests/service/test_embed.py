"""Texts become vectors, in order and in the encoding that was asked for."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest

from tests.service.asking import refused
from tests.service.weir import Weir, serving
from weir.v1.content_pb2 import MediaPart, Modality
from weir.v1.embedding_service_pb2 import (
    Embedding,
    EmbeddingEncoding,
    EmbeddingTask,
    EmbedInput,
    EmbedRequest,
)
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.openai_more import embedding_vector
from weir_server.fake_upstream.upstream import FakeUpstream

FLOAT32 = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32
FLOAT32_BYTES = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32_LE_BYTES
FLOAT16_BYTES = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT16_LE_BYTES
INT8 = EmbeddingEncoding.EMBEDDING_ENCODING_INT8


def embed(*texts: str, **fields: Any) -> EmbedRequest:
    return EmbedRequest(inputs=[EmbedInput(text=text) for text in texts], **fields)


def unpacked(embedding: Embedding, code: str = "f") -> tuple[float, ...]:
    width = struct.calcsize(code)
    values: tuple[float, ...] = struct.unpack(
        f"<{len(embedding.packed_values) // width}{code}", embedding.packed_values
    )
    return values


async def test_the_echo_has_a_vector_for_every_text(weir: Weir) -> None:
    """Equal texts have equal vectors of length 1, others have others."""
    reply = await weir.embeddings.Embed(embed("a b", "c", "a b"))
    first, second, third = (list(embedding.values) for embedding in reply.embeddings)
    assert [embedding.index for embedding in reply.embeddings] == [0, 1, 2]
    assert first == third != second
    assert sum(value * value for value in first) == pytest.approx(1.0)
    assert (reply.dimensions, reply.encoding) == (16, FLOAT32)
    assert reply.usage.prompt_tokens == reply.usage.total_tokens == 5
    assert reply.usage.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert reply.metadata.provider == "providers/echo"
    assert reply.metadata.response_id.startswith("resp_")


async def test_the_echo_packs_the_same_values(weir: Weir) -> None:
    """Bytes are the floats, and only one of the two fields is set."""
    floats = await weir.embeddings.Embed(embed("a", dimensions=24))
    packed = await weir.embeddings.Embed(embed("a", dimensions=24, encoding=FLOAT32_BYTES))
    assert unpacked(packed.embeddings[0]) == tuple(floats.embeddings[0].values)
    assert packed.dimensions == len(floats.embeddings[0].values) == 24
    assert packed.encoding == FLOAT32_BYTES
    assert not packed.embeddings[0].values
    assert not floats.embeddings[0].packed_values


@pytest.mark.parametrize(
    ("encoding", "code"), [(FLOAT32, ""), (FLOAT32_BYTES, "f"), (FLOAT16_BYTES, "e")]
)
async def test_a_provider_s_vectors_arrive_as_asked(
    upstream: FakeUpstream, gateway: Weir, encoding: EmbeddingEncoding.ValueType, code: str
) -> None:
    """The values of the provider, bit for bit where the encoding can hold them."""
    texts = ["one", "two three"]
    request = embed(*texts, model="m", dimensions=8, encoding=encoding)
    reply = await gateway.embeddings.Embed(request)
    vectors: list[Sequence[float]] = [
        unpacked(embedding, code) if code else embedding.values for embedding in reply.embeddings
    ]
    for text, vector in zip(texts, vectors):
        expected = embedding_vector(text, 8)
        assert list(vector) == pytest.approx(expected, abs=1e-3 if code == "e" else 0)
    assert (reply.dimensions, reply.encoding) == (8, encoding)
    assert reply.usage.prompt_tokens == 3
    seen = upstream.journal[0]
    assert seen.path == "/v1/embeddings"
    assert (seen.json["input"], seen.json["model"]) == (texts, "vendor-m")
    assert seen.json["dimensions"] == 8


async def test_the_provider_s_own_length_is_told(upstream: FakeUpstream, gateway: Weir) -> None:
    """Without dimensions the model decides, and the reply says what it decided."""
    reply = await gateway.embeddings.Embed(embed("one", model="m", end_user_id="u-7"))
    assert reply.dimensions == len(reply.embeddings[0].values) == 8
    assert "dimensions" not in upstream.journal[0].json
    assert upstream.journal[0].json["user"] == "u-7"


REFUSED = {
    "no input": (EmbedRequest(), "INVALID_REQUEST", "inputs"),
    "an input of no kind": (
        EmbedRequest(inputs=[EmbedInput(text="a"), EmbedInput()]),
        "INVALID_REQUEST",
        "inputs[1].kind",
    ),
    "an empty text": (embed("a", ""), "INVALID_REQUEST", "inputs[1].text"),
    "too many": (embed(*["a"] * 2049), "INVALID_REQUEST", "inputs"),
    "no dimension": (embed("a", dimensions=0), "INVALID_REQUEST", "dimensions"),
    "an unknown encoding": (embed("a", encoding=99), "INVALID_REQUEST", "encoding"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_request_names_its_field(
    upstream: FakeUpstream, gateway: Weir, case: str
) -> None:
    """INVALID_ARGUMENT, and the provider is not asked."""
    request, reason, field = REFUSED[case]
    request.model = "m"
    refusal = await refused(gateway.embeddings.Embed(request))
    assert refusal.verdict == ("INVALID_ARGUMENT", reason)
    assert refusal.fields == [field]
    assert not upstream.journal.connections


FILM = EmbedInput(
    media=MediaPart(modality=Modality.MODALITY_VIDEO, mime_type="video/mp4", inline_data=b"x")
)
UNSUPPORTED = {
    "whole numbers": (embed("a", encoding=INT8), "UNSUPPORTED_OPTION", "encoding"),
    "a task": (
        embed("a", task=EmbeddingTask.EMBEDDING_TASK_QUERY),
        "UNSUPPORTED_OPTION",
        "task",
    ),
    "a film": (EmbedRequest(inputs=[FILM]), "UNSUPPORTED_MODALITY", "inputs[0].media"),
}


ECHO_CANNOT = {
    **UNSUPPORTED,
    "too long a vector": (embed("a", dimensions=1025), "UNSUPPORTED_OPTION", "dimensions"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
async def test_what_a_provider_cannot_do_is_refused(
    upstream: FakeUpstream, gateway: Weir, case: str
) -> None:
    """Nothing is taken and then ignored."""
    request, reason, field = UNSUPPORTED[case]
    request.model = "m"
    refusal = await refused(gateway.embeddings.Embed(request))
    assert refusal.verdict == ("INVALID_ARGUMENT", reason)
    assert refusal.fields == [field]
    assert not upstream.journal.connections


@pytest.mark.parametrize("case", ECHO_CANNOT)
async def test_what_the_echo_cannot_do_is_refused(weir: Weir, case: str) -> None:
    """By field, as a real provider's."""
    request, reason, field = ECHO_CANNOT[case]
    request.model = ""
    refusal = await refused(weir.embeddings.Embed(request))
    assert refusal.verdict == ("INVALID_ARGUMENT", reason)
    assert refusal.fields == [field]


async def test_a_model_that_does_not_embed_says_so() -> None:
    """The operation itself is looked at first."""
    tree = {
        "providers": [{"id": "echo", "kind": "echo"}],
        "models": [{"name": "talker", "provider": "echo", "can": ["chat", "streaming"]}],
    }
    async with serving(tree) as weir:
        refusal = await refused(weir.embeddings.Embed(embed("a")))
    assert refusal.verdict == ("INVALID_ARGUMENT", "UNSUPPORTED_OPTION")
    assert refusal.fields == ["model"]
