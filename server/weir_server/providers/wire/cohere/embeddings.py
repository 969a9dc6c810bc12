"""How are vectors asked for and read? The vendor's reference "Embed" of API v2."""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.json import Decoder
from typing_extensions import override

from weir.v1 import content_pb2
from weir.v1.embedding_service_pb2 import (
    Embedding,
    EmbeddingEncoding,
    EmbeddingTask,
    EmbedRequest,
    EmbedResponse,
)
from weir_server.core.errors import UnsupportedOption, UpstreamProtocolError, WeirError
from weir_server.core.needs import modality_of
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, HttpRequest
from weir_server.providers.wire.cohere.answer import not_an_answer
from weir_server.providers.wire.cohere.messages import data_url
from weir_server.providers.wire.cohere.usage import write_embed_usage
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.parts import whole
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.vectors import FLOATS, encoding_of, floats, packed_embedding
from weir_server.providers.wire.whole import WholeVectors

INPUTS_MAX = 96
"""How many inputs the vendor takes in one request."""

_INPUT_TYPES: Mapping[int, str] = {
    # The vendor asks what vectors are for and has no default: documents are the common case.
    EmbeddingTask.EMBEDDING_TASK_UNSPECIFIED: "search_document",
    EmbeddingTask.EMBEDDING_TASK_QUERY: "search_query",
    EmbeddingTask.EMBEDDING_TASK_DOCUMENT: "search_document",
    EmbeddingTask.EMBEDDING_TASK_CLASSIFICATION: "classification",
    EmbeddingTask.EMBEDDING_TASK_CLUSTERING: "clustering",
}

_INT8 = EmbeddingEncoding.EMBEDDING_ENCODING_INT8
_BINARY = EmbeddingEncoding.EMBEDDING_ENCODING_BINARY
_TYPES: Mapping[int, str] = {_INT8: "int8", _BINARY: "ubinary"}
"""What the vendor calls an encoding that is not of floats."""


class Vectors(Struct, gc=False):
    """Vectors by their type, of which one is asked for."""

    floats: list[list[float]] | None = field(name="float", default=None)
    int8: list[list[int]] | None = None
    ubinary: list[list[int]] | None = None


class Embedded(Struct, gc=False):
    """The answer, as far as Weir reads it."""

    embeddings: Vectors
    id: str | None = None
    meta: object = None


_EMBEDDED = Decoder(Embedded)


def encode_embed(request: EmbedRequest, target: Target) -> HttpRequest:
    """Ask for one vector for each input. What is too long is refused rather than cut."""
    draft = Draft({"model": target.vendor_model})
    if all(given.WhichOneof("kind") == "text" for given in request.inputs):
        draft.body["texts"] = [given.text for given in request.inputs]
    else:
        draft.body["inputs"] = _inputs(draft, request)
    if request.task in _INPUT_TYPES:
        draft.body["input_type"] = _INPUT_TYPES[request.task]
    else:
        draft.refuse("task", "The provider has no vectors for this purpose.", UnsupportedOption)
    draft.body["embedding_types"] = [_TYPES.get(encoding_of(request), "float")]
    draft.body["truncate"] = "NONE"
    if request.HasField("dimensions"):
        draft.body["output_dimension"] = request.dimensions
    if request.end_user_id:
        draft.refuse("end_user_id", "The provider takes none; leave it out.", UnsupportedOption)
    return HttpRequest(path="/v2/embed", body=draft.encode(), headers=JSON_HEADERS)


def _inputs(draft: Draft, request: EmbedRequest) -> list[object]:
    """Return inputs of which some are images, which the vendor takes by their bytes."""
    inputs: list[object] = []
    for index, given in enumerate(request.inputs):
        if given.WhichOneof("kind") == "text":
            inputs.append({"content": [{"type": "text", "text": given.text}]})
            continue
        media = given.media
        is_image = modality_of(media) == content_pb2.MODALITY_IMAGE
        if not is_image or media.WhichOneof("source") != "inline_data":
            draft.unsupported_medium(f"inputs[{index}].media")
            continue
        image = {"type": "image_url", "image_url": {"url": data_url(media)}}
        inputs.append({"content": [image]})
    return inputs


class EmbedDecoder(WholeVectors):
    """Decodes the vectors of one answer; see base.Decoder. Its one reply comes from `finish`."""

    __slots__ = ("_request",)

    def __init__(self, request: EmbedRequest) -> None:
        super().__init__()
        self._request = request

    @override
    def reply_of(self, body: bytes | bytearray) -> EmbedResponse | WeirError:
        """Read the vectors; see WholeVectors."""
        said = decode(_EMBEDDED, body)
        if said is None:
            return not_an_answer(decode(ANYTHING, body))
        return self._response(said) or UpstreamProtocolError(metadata={"cause": "malformed"})

    def _response(self, said: Embedded) -> EmbedResponse | None:
        """Return the reply, or None where the vectors are not one of a length for each input."""
        encoding = encoding_of(self._request)
        try:
            embeddings, lengths = _read(said.embeddings, encoding)
        except (ValueError, OverflowError):
            return None
        if len(embeddings) != len(self._request.inputs) or len(lengths) != 1 or 0 in lengths:
            return None
        dimensions = lengths.pop()
        response = EmbedResponse(embeddings=embeddings, dimensions=dimensions, encoding=encoding)
        write_embed_usage(response.usage, said.meta)
        if said.id:
            response.metadata.attributes["cohere.id"] = whole(said.id)
        return response


def _read(said: Vectors, encoding: EmbeddingEncoding.ValueType) -> tuple[list[Embedding], set[int]]:
    """Return the vectors and their lengths. Raises ValueError or OverflowError for nonsense."""
    if encoding in FLOATS:
        vectors = [floats(vector) for vector in said.floats or ()]
        embeddings = [
            packed_embedding(index, vector, encoding) for index, vector in enumerate(vectors)
        ]
        return embeddings, {len(vector) for vector in vectors}
    if encoding == _BINARY:
        packed = [bytes(vector) for vector in said.ubinary or ()]
        lengths = {8 * len(vector) for vector in packed}
    else:
        packed = [
            b"".join(n.to_bytes(1, "little", signed=True) for n in v) for v in said.int8 or ()
        ]
        lengths = {len(vector) for vector in packed}
    return [
        Embedding(index=index, packed_values=vector) for index, vector in enumerate(packed)
    ], lengths
