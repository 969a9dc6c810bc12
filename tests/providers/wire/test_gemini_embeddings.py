"""Are vectors and counts asked for as google-genai does it, and read in all their shapes?"""

import json
import struct
from typing import Any

import pytest

from tests.contracts.asks import PNG, WEATHER, system, user
from tests.contracts.wire_format import TARGET
from tests.providers.wire.gemini_samples import VERTEX, Json, usage
from tests.providers.wire.gemini_saying import target
from tests.providers.wire.test_gemini_contract import sdk, spelled
from weir.v1.content_pb2 import MediaPart
from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbeddingTask,
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
)
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import (
    InvalidRequest,
    UpstreamOverloaded,
    UpstreamProtocolError,
    WeirError,
)
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.wire.gemini.dialect import AI_STUDIO, Dialect
from weir_server.providers.wire.gemini.wire import GeminiWire

TWO = EmbedRequest(
    inputs=[EmbedInput(text="One."), EmbedInput(text="Two.")],
    dimensions=2,
    task=EmbeddingTask.EMBEDDING_TASK_QUERY,
)
ONE = EmbedRequest(inputs=[EmbedInput(text="One.")])
LISTED: Json = {"embeddings": [{"values": [0.5, 1.0]}, {"values": [0.25, -1.0]}]}
PREDICTED: Json = {
    "predictions": [
        {"embeddings": {"values": [0.5, 1.0], "statistics": {"token_count": 2.0}}},
        {"embeddings": {"values": [0.25, -1.0], "statistics": {"token_count": 3}}},
    ]
}
ALONE: Json = {"embedding": {"values": [0.5, 1.0]}, "usageMetadata": {"promptTokenCount": 2}}

# The vendor's SDK has no words for a task and a dimension left out, other than leaving them out.
SETTINGS = {"task_type": "RETRIEVAL_QUERY", "output_dimensionality": 2}


def read(request: EmbedRequest, said: Any) -> EmbedResponse | WeirError:
    decoder = GeminiWire().decoder(request, TARGET, stream=False)
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    assert decoder.feed(body[:7]) == decoder.feed(body[7:]) == []
    response = decoder.finish()
    if decoder.failure is not None:
        assert response is None
        return decoder.failure
    assert isinstance(response, EmbedResponse)
    return response


@pytest.mark.parametrize(
    ("dialect", "model", "request_", "reply"),
    [
        (AI_STUDIO, "gemini-embedding-001", TWO, LISTED),
        (AI_STUDIO, "gemini-embedding-001", ONE, {"embeddings": [{"values": [1.0]}]}),
        (VERTEX, "gemini-embedding-001", ONE, ALONE),
        (VERTEX, "gemini-embedding-001", TWO, LISTED),
        (VERTEX, "text-embedding-005", TWO, PREDICTED),
        (VERTEX, "text-embedding-005", ONE, {"predictions": PREDICTED["predictions"][:1]}),
    ],
)
async def test_vectors_are_asked_for_as_the_sdk_does(
    dialect: Dialect, model: str, request_: EmbedRequest, reply: Json
) -> None:
    """In AI Studio's one way, and in Vertex's three."""
    config = {**(SETTINGS if request_ is TWO else {})}
    async with FakeUpstream(Reply(body=reply)) as upstream:
        await sdk(vertex=dialect.vertex).aio.models.embed_content(
            model=model,
            contents=[said.text for said in request_.inputs],
            config={**config, "http_options": {"base_url": upstream.origin}},  # type: ignore[arg-type]
        )
        theirs = upstream.journal[-1]
    ours = GeminiWire(dialect).encode(request_, target(model), stream=False)
    assert json.loads(ours.body) == without_roles(spelled(theirs.json))
    assert theirs.path.endswith(ours.path)
    assert isinstance(read(request_, reply), EmbedResponse)


def without_roles(said: Any) -> Any:
    """Return the SDK's JSON without the roles of contents, which mean nothing to a vector.

    `task_type` of a prediction is spelled so by the vendor itself.
    """
    if isinstance(said, list):
        return [without_roles(item) for item in said]
    if not isinstance(said, dict):
        return said
    return {
        "task_type" if name == "taskType" and "content" in said and "model" not in said else name:
        without_roles(value)
        for name, value in said.items()
        if name != "role"
    }  # fmt: skip


@pytest.mark.parametrize(("said", "tokens"), [(PREDICTED, 5), (LISTED, 0)])
def test_vectors_are_read(said: Json, tokens: int) -> None:
    """In the order of the inputs, with the tokens where they are told."""
    response = read(TWO, said)
    assert isinstance(response, EmbedResponse)
    assert [list(embedding.values) for embedding in response.embeddings] == [
        [0.5, 1.0],
        [0.25, -1.0],
    ]
    assert (response.dimensions, response.usage.prompt_tokens) == (2, tokens)
    assert response.HasField("usage") is bool(tokens)


def test_vectors_are_packed_where_asked_for() -> None:
    """As of every provider."""
    request = EmbedRequest(
        inputs=[EmbedInput(text="One.")],
        encoding=EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT16_LE_BYTES,
    )
    response = read(request, ALONE)
    assert isinstance(response, EmbedResponse)
    assert response.embeddings[0].packed_values == struct.pack("<2e", 0.5, 1.0)
    assert response.usage.prompt_tokens == 2


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (LISTED, UpstreamProtocolError),
        ({"embeddings": [{"values": []}]}, UpstreamProtocolError),
        ({}, UpstreamProtocolError),
        (b"nonsense", UpstreamProtocolError),
        ({"error": {"code": 503, "status": "UNAVAILABLE"}}, UpstreamOverloaded),
    ],
)
def test_what_is_not_a_vector_for_each_input_is_an_error(said: Any, kind: type[WeirError]) -> None:
    """Never a shorter answer."""
    assert type(read(ONE, said)) is kind


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (
            EmbedRequest(
                inputs=[EmbedInput(text="x")],
                encoding=EmbeddingEncoding.EMBEDDING_ENCODING_BINARY,
            ),
            "encoding",
        ),
        (EmbedRequest(inputs=[EmbedInput(text="x")], end_user_id="u"), "end_user_id"),
    ],
)
def test_what_cannot_be_asked_for_is_named(request_: EmbedRequest, field: str) -> None:
    """Vectors are of floats, and nobody's."""
    with pytest.raises(InvalidRequest) as refusal:
        GeminiWire().encode(request_, target("m"), stream=False)
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_images_are_embedded_too() -> None:
    """By models that embed contents; older ones take texts."""
    image = EmbedRequest(
        inputs=[EmbedInput(media=MediaPart(mime_type="image/png", inline_data=PNG))]
    )
    body = GeminiWire().encode(image, target("gemini-embedding-2"), stream=False).body
    assert "inlineData" in json.loads(body)["requests"][0]["content"]["parts"][0]
    with pytest.raises(InvalidRequest):
        GeminiWire(VERTEX).encode(image, target("text-embedding-005"), stream=False)


# --- Counting -----------------------------------------------------------------------------------

CHAT = ChatRequest(
    messages=[system("Be brief."), user("Hi")], options=GenerationOptions(tools=[WEATHER])
)


async def test_tokens_are_counted_as_the_sdk_does() -> None:
    """At Vertex with instructions and tools; at AI Studio the SDK knows contents alone."""
    plain = ChatRequest(messages=[user("Hi")])
    tool: Json = {
        "function_declarations": [
            {
                "name": "get_weather",
                "description": "Tells the weather.",
                "parameters_json_schema": json.loads(WEATHER.function.parameters_json_schema),
            }
        ]
    }
    instructed = {"system_instruction": {"parts": [{"text": "Be brief."}]}, "tools": [tool]}
    for dialect, request, config in ((AI_STUDIO, plain, {}), (VERTEX, CHAT, instructed)):
        async with FakeUpstream(Reply(body={"totalTokens": 7})) as upstream:
            counted = await sdk(vertex=dialect.vertex).aio.models.count_tokens(
                model="m",
                contents=[{"role": "user", "parts": [{"text": "Hi"}]}],
                config={**config, "http_options": {"base_url": upstream.origin}},  # type: ignore[arg-type]
            )
            theirs = upstream.journal[-1]
        ours = GeminiWire(dialect).encode_count(request, target("m"))
        assert json.loads(ours.body) == spelled(theirs.json)
        assert theirs.path.endswith(ours.path)
        assert GeminiWire(dialect).decode_count(b'{"totalTokens": 7}') == counted.total_tokens


def test_instructions_and_tools_count_at_ai_studio_too() -> None:
    """Within a whole request, which its SDK cannot say."""
    body = json.loads(GeminiWire().encode_count(CHAT, target("m")).body)
    whole = body["generateContentRequest"]
    assert set(whole) == {"model", "contents", "systemInstruction", "tools"}
    assert whole["model"] == "models/m"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"totalTokens": -1}', b'{"totalTokens": true}', b"[]"]
)
def test_what_is_no_count_is_an_error(body: bytes) -> None:
    """Never zero tokens."""
    with pytest.raises(UpstreamProtocolError):
        GeminiWire().decode_count(body)


def test_tokens_of_vectors_may_be_told_as_those_of_answers() -> None:
    """With a total that is the prompt's."""
    said = {**LISTED, "usageMetadata": usage(9, 0)}
    response = read(TWO, said)
    assert isinstance(response, EmbedResponse)
    assert response.usage.total_tokens == 9
