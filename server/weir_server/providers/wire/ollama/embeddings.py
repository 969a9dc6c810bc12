"""How are vectors asked for and read? The vendor's reference "Generate embeddings"."""

from msgspec import Struct
from msgspec.json import Decoder
from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER
from weir_server.core.errors import UnsupportedOption, UpstreamProtocolError, WeirError
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, HttpRequest
from weir_server.providers.wire.believing import BELIEVABLE_MAX_TOKENS
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.ollama.errors import explain_said
from weir_server.providers.wire.parts import whole
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.vectors import FLOATS, encoding_of, floats, packed_embedding
from weir_server.providers.wire.whole import WholeVectors


class Embedded(Struct, gc=False):
    """The answer, as far as Weir reads it."""

    embeddings: list[list[float]]
    model: str | None = None
    prompt_eval_count: object = None


_EMBEDDED = Decoder(Embedded)


def encode_embed(request: EmbedRequest, target: Target) -> HttpRequest:
    """Ask for one vector for each input. What is too long is refused rather than cut."""
    draft = Draft({"model": target.vendor_model})
    texts = []
    for index, given in enumerate(request.inputs):
        if given.WhichOneof("kind") == "text":
            texts.append(given.text)
        else:
            draft.unsupported_medium(f"inputs[{index}].media")
    draft.body["input"] = texts
    draft.body["truncate"] = False
    if request.HasField("dimensions"):
        draft.body["dimensions"] = request.dimensions
    if encoding_of(request) not in FLOATS:
        draft.refuse("encoding", "The provider makes vectors of floats only.", UnsupportedOption)
    if request.task:
        draft.refuse("task", "The provider makes one kind of vector only.", UnsupportedOption)
    if request.end_user_id:
        draft.refuse("end_user_id", "The provider takes none; leave it out.", UnsupportedOption)
    return HttpRequest(path="/api/embed", body=draft.encode(), headers=JSON_HEADERS)


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
        response = None if said is None else self._response(said)
        return _not_vectors(decode(ANYTHING, body)) if response is None else response

    def _response(self, said: Embedded) -> EmbedResponse | None:
        """Return the reply, or None where the vectors are not one of a length for each input."""
        vectors = [floats(vector) for vector in said.embeddings]
        lengths = {len(vector) for vector in vectors}
        if len(vectors) != len(self._request.inputs) or len(lengths) != 1 or 0 in lengths:
            return None
        encoding = encoding_of(self._request)
        response = EmbedResponse(dimensions=lengths.pop(), encoding=encoding)
        try:
            for index, vector in enumerate(vectors):
                response.embeddings.append(packed_embedding(index, vector, encoding))
        except OverflowError:  # a number that has no half precision
            return None
        count = said.prompt_eval_count
        if type(count) is int and 0 < count <= BELIEVABLE_MAX_TOKENS:
            response.usage.prompt_tokens = response.usage.total_tokens = count
            response.usage.source = USAGE_SOURCE_PROVIDER
        response.metadata.model = whole(said.model or "")
        return response


def _not_vectors(said: object) -> WeirError:
    if isinstance(said, dict) and said.get("error"):
        return explain_said(said)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
