"""How are vectors asked for and read? AI Studio has one way, Vertex three.

The vendor's methods "batchEmbedContents", "embedContent" and "predict". Which of them a model of
Vertex knows is told by its name, as google-genai tells it: those of Gemini embed contents, the
older ones predict.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.json import Decoder
from typing_extensions import override

from weir.v1 import embedding_service_pb2
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest, EmbedResponse
from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, TokenUsage
from weir_server.core.errors import (
    UnsupportedOption,
    UpstreamProtocolError,
    WeirError,
)
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, HttpRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.gemini.dialect import Dialect
from weir_server.providers.wire.gemini.errors import explain_said, is_error
from weir_server.providers.wire.gemini.media import Json, encode_media
from weir_server.providers.wire.gemini.shapes import read_anything
from weir_server.providers.wire.gemini.usage import write_usage
from weir_server.providers.wire.vectors import FLOATS, encoding_of, floats, packed_embedding
from weir_server.providers.wire.whole import WholeVectors

_TASKS = {
    embedding_service_pb2.EMBEDDING_TASK_QUERY: "RETRIEVAL_QUERY",
    embedding_service_pb2.EMBEDDING_TASK_DOCUMENT: "RETRIEVAL_DOCUMENT",
    embedding_service_pb2.EMBEDDING_TASK_SIMILARITY: "SEMANTIC_SIMILARITY",
    embedding_service_pb2.EMBEDDING_TASK_CLASSIFICATION: "CLASSIFICATION",
    embedding_service_pb2.EMBEDDING_TASK_CLUSTERING: "CLUSTERING",
}


class Statistics(Struct, gc=False):
    """What a prediction says of its input; the vendor writes this name so."""

    token_count: float = 0


class Values(Struct, gc=False):
    """One vector."""

    values: list[float]
    statistics: Statistics | None = None


class Prediction(Struct, gc=False):
    """One vector, as older models give it."""

    embeddings: Values


class Vectors(Struct, rename="camel", gc=False):
    """The answer, in any of the three shapes."""

    embeddings: list[Values] | None = None
    embedding: Values | None = None
    predictions: list[Prediction] | None = None
    usage_metadata: object = None

    def all(self) -> Sequence[Values]:
        """Return the vectors in the order of the inputs."""
        if self.embedding is not None:
            return [self.embedding]
        if self.predictions is not None:
            return [prediction.embeddings for prediction in self.predictions]
        return self.embeddings or []


_VECTORS = Decoder(Vectors)


def encode_embed(request: EmbedRequest, target: Target, dialect: Dialect) -> HttpRequest:
    """Ask for one vector for each input."""
    draft = Draft({})
    model = target.vendor_model
    if encoding_of(request) not in FLOATS:
        draft.refuse("encoding", "The provider makes vectors of floats only.", UnsupportedOption)
    if request.end_user_id:
        draft.refuse("end_user_id", "The provider has no use for it.", UnsupportedOption)
    task = _TASKS.get(request.task, "")
    if not dialect.vertex:
        method = _batch(draft, request, dialect, dialect.model_name(model), task)
    elif "gemini" in model or "maas" in model:
        method = _embed(draft, request, dialect, task)
    else:
        method = _predict(draft, request, task)
    return HttpRequest(path=dialect.path(model, method), body=draft.encode(), headers=JSON_HEADERS)


def _batch(draft: Draft, request: EmbedRequest, dialect: Dialect, name: str, task: str) -> str:
    """Ask as AI Studio wants it: each input a request of its own."""
    settings = _settings(request, task)
    draft.body["requests"] = [
        {"model": name, "content": _content(draft, index, said, dialect), **settings}
        for index, said in enumerate(request.inputs)
    ]
    return "batchEmbedContents"


def _embed(draft: Draft, request: EmbedRequest, dialect: Dialect, task: str) -> str:
    """Ask a model of Vertex that embeds contents."""
    settings = _settings(request, task)
    asked: list[Json] = []
    for index, said in enumerate(request.inputs):
        content = _content(draft, index, said, dialect)
        asked.append({"content": content, **({"embedContentConfig": settings} if settings else {})})
    if len(asked) == 1:
        draft.body.update(asked[0])
        return "embedContent"
    draft.body["requests"] = asked
    return "batchEmbedContents"


def _predict(draft: Draft, request: EmbedRequest, task: str) -> str:
    """Ask an older model of Vertex, which takes texts."""
    instances: list[Json] = []
    for index, said in enumerate(request.inputs):
        if said.WhichOneof("kind") == "media":
            draft.unsupported_medium(f"inputs[{index}].media")
        instances.append({"content": said.text, **({"task_type": task} if task else {})})
    draft.body["instances"] = instances
    if request.HasField("dimensions"):
        draft.body["parameters"] = {"outputDimensionality": request.dimensions}
    return "predict"


def _settings(request: EmbedRequest, task: str) -> Json:
    settings: Json = {"taskType": task} if task else {}
    if request.HasField("dimensions"):
        settings["outputDimensionality"] = request.dimensions
    return settings


def _content(draft: Draft, index: int, said: EmbedInput, dialect: Dialect) -> Json:
    if said.WhichOneof("kind") == "media":
        return {"parts": [encode_media(draft, f"inputs[{index}].media", said.media, dialect)]}
    return {"parts": [{"text": said.text}]}


class EmbedDecoder(WholeVectors):
    """Decodes the vectors of one answer; see base.Decoder. Its one reply comes from `finish`."""

    __slots__ = ("_request",)

    def __init__(self, request: EmbedRequest) -> None:
        super().__init__()
        self._request = request

    @override
    def reply_of(self, body: bytes | bytearray) -> EmbedResponse | WeirError:
        """Read the vectors; see WholeVectors."""
        try:
            response = self._response(_VECTORS.decode(body))
        except (ValueError, RecursionError):
            response = None
        if response is not None:
            return response
        said = read_anything(body)
        if is_error(said):
            return explain_said(said)
        return UpstreamProtocolError(metadata={"cause": "malformed"})

    def _response(self, said: Vectors) -> EmbedResponse | None:
        """Return the reply, or None where the vectors are not one of a length for each input."""
        vectors = said.all()
        found = [floats(vector.values) for vector in vectors]
        lengths = {len(values) for values in found}
        if len(found) != len(self._request.inputs) or len(lengths) != 1 or not all(lengths):
            return None
        encoding = encoding_of(self._request)
        response = EmbedResponse(dimensions=lengths.pop(), encoding=encoding)
        try:
            for index, values in enumerate(found):
                response.embeddings.append(packed_embedding(index, values, encoding))
        except OverflowError:  # a number that has no half precision
            return None
        usage = _usage(said, vectors)
        if usage is not None:
            response.usage.CopyFrom(usage)
        return response


def _usage(said: Vectors, vectors: Sequence[Values]) -> TokenUsage | None:
    """Return the tokens that went in; None: the vendor did not tell."""
    usage = TokenUsage()
    if said.usage_metadata is not None:
        return usage if write_usage(usage, said.usage_metadata, produced=False) else None
    tokens = sum(v.statistics.token_count if v.statistics is not None else 0 for v in vectors)
    if not 0 < tokens < 2**31:
        return None
    usage.prompt_tokens = usage.total_tokens = int(tokens)
    usage.source = USAGE_SOURCE_PROVIDER
    return usage
