"""How are vectors asked for and read? The vendor's reference "Create embeddings"."""

import base64
import binascii
import sys
from array import array
from collections.abc import Mapping

from msgspec import Struct
from msgspec.json import Decoder
from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbeddingEncoding, EmbedRequest, EmbedResponse
from weir_server.core.errors import UnsupportedOption, UpstreamProtocolError, WeirError
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, HttpRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.errors import explain_said
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.usage import read_usage
from weir_server.providers.wire.parts import whole
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.refusals import Kind
from weir_server.providers.wire.vectors import encoding_of, floats, packed_embedding
from weir_server.providers.wire.whole import WholeVectors

_BINARY = EmbeddingEncoding.EMBEDDING_ENCODING_BINARY
_NUMBER_TYPES = {EmbeddingEncoding.EMBEDDING_ENCODING_INT8: "int8", _BINARY: "ubinary"}
"""Mistral's words for vectors of something else than floats; bits come eight to a number."""


class Vector(Struct, gc=False):
    """One vector: floats, or the same floats as base64 of 32 bits each, little-endian."""

    index: int
    embedding: str | list[float]


class Vectors(Struct, gc=False):
    """The answer, as far as Weir reads it."""

    data: list[Vector]
    model: str | None = None
    usage: object = None


_VECTORS = Decoder(Vectors)


def encode_embed(request: EmbedRequest, target: Target, quirks: Quirks) -> HttpRequest:
    """Ask for one vector for each input."""
    draft = Draft({"model": target.vendor_model}, unsupported=quirks.unsupported_options)
    texts = []
    for index, given in enumerate(request.inputs):
        if given.WhichOneof("kind") == "text":
            texts.append(given.text)
        else:
            draft.unsupported_medium(f"inputs[{index}].media")
    draft.body["input"] = texts
    if request.HasField("dimensions"):
        if quirks.dimensions_field:
            draft.body[quirks.dimensions_field] = request.dimensions
        else:
            draft.refuse("dimensions", "The provider's vectors have one length.", UnsupportedOption)
    number_type = _NUMBER_TYPES.get(encoding_of(request))
    if number_type is not None:
        if quirks.embedding_type_field:
            draft.body[quirks.embedding_type_field] = number_type
        else:
            draft.refuse(
                "encoding", "The provider makes vectors of floats only.", UnsupportedOption
            )
    if request.task:
        draft.refuse("task", "The provider makes one kind of vector only.", UnsupportedOption)
    if quirks.embedding_format:
        draft.body["encoding_format"] = "base64" if quirks.base64_embeddings else "float"
    if request.end_user_id:
        if quirks.embedding_user:
            draft.body["user"] = request.end_user_id
        else:
            draft.refuse("end_user_id", "The provider takes no end user.", UnsupportedOption)
    return HttpRequest(path="/embeddings", body=draft.encode(), headers=JSON_HEADERS)


class EmbedDecoder(WholeVectors):
    """Decodes the vectors of one answer; see base.Decoder. Its one reply comes from `finish`."""

    __slots__ = ("_quirks", "_request")

    def __init__(self, request: EmbedRequest, quirks: Quirks) -> None:
        super().__init__()
        self._request = request
        self._quirks = quirks

    @override
    def reply_of(self, body: bytes | bytearray) -> EmbedResponse | WeirError:
        """Read the vectors; see WholeVectors."""
        said = decode(_VECTORS, body)
        response = None if said is None else self._response(said)
        if response is not None:
            return response
        return _not_vectors(decode(ANYTHING, body), self._quirks.refusal_codes)

    def _response(self, said: Vectors) -> EmbedResponse | None:
        """Return the reply, or None where the vectors are not one of a length for each input."""
        vectors = sorted(said.data, key=lambda vector: vector.index)
        found = [_floats(vector.embedding) for vector in vectors]
        lengths = {len(values) for values in found}
        if [v.index for v in vectors] != list(range(len(self._request.inputs))):
            return None
        if len(lengths) != 1 or not all(lengths):
            return None
        encoding = encoding_of(self._request)
        length = lengths.pop() * (8 if encoding == _BINARY else 1)
        response = EmbedResponse(dimensions=length, encoding=encoding)
        try:
            for index, values in enumerate(found):
                response.embeddings.append(packed_embedding(index, values, encoding))
        except OverflowError:  # no half precision, or no whole number
            return None
        usage = read_usage(said.usage, produced=False, quirks=self._quirks)
        if usage is not None:
            response.usage.CopyFrom(usage)
        response.metadata.model = whole(said.model or "")
        return response


def _floats(said: str | list[float]) -> "array[float]":
    """Return the vector, or an empty one when it is none."""
    if isinstance(said, str):
        try:
            values = array("f", base64.b64decode(said, validate=True))
        except (ValueError, binascii.Error):
            return array("f")
        if sys.byteorder == "big":
            values.byteswap()
        return floats(values)
    return floats(said)


def _not_vectors(said: object, own: Mapping[str, Kind]) -> WeirError:
    if isinstance(said, dict) and (said.get("error") or said.get("object") == "error"):
        return explain_said(said, own=own)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
