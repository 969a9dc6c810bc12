"""How are vectors asked for and read? The vendor's reference "Create embeddings"."""

import base64
import binascii
import math
import struct
import sys
from array import array

from msgspec import Struct
from msgspec.json import Decoder

from weir.v1.embedding_service_pb2 import (
    Embedding,
    EmbeddingEncoding,
    EmbedRequest,
    EmbedResponse,
)
from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UnsupportedOption, UpstreamProtocolError, WeirError
from weir_server.core.target import Target
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.body import Body
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.encode import JSON_HEADERS
from weir_server.providers.wire.openai.errors import explain_said
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import ANYTHING, decode
from weir_server.providers.wire.openai.usage import read_usage
from weir_server.providers.wire.parts import whole

_FLOAT32 = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32
_FLOAT32_BYTES = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32_LE_BYTES
_FLOAT16_BYTES = EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT16_LE_BYTES
_INT8 = EmbeddingEncoding.EMBEDDING_ENCODING_INT8
_BINARY = EmbeddingEncoding.EMBEDDING_ENCODING_BINARY

_PACKED = {_FLOAT32_BYTES: "f", _FLOAT16_BYTES: "e", _INT8: "b", _BINARY: "B"}
"""How the numbers of an encoding are packed, in the letters of `struct`."""
_NUMBER_TYPES = {_INT8: "int8", _BINARY: "ubinary"}
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
    number_type = _NUMBER_TYPES.get(_encoding(request))
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


class EmbedDecoder:
    """Decodes the vectors of one answer; see base.Decoder. Its one reply comes from `finish`."""

    __slots__ = ("_body", "_quirks", "_request", "done", "failure")

    def __init__(self, request: EmbedRequest, quirks: Quirks) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._body = Body()
        self._request = request
        self._quirks = quirks

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; vectors are no events."""
        if not self.done and self.failure is None:
            self.failure = self._body.add(data)
        return []

    def finish(self) -> EmbedResponse | None:
        """Take the end of the body and return the vectors in the order of the inputs."""
        if self.done or self.failure is not None:
            return None
        body = self._body.take()
        said = decode(_VECTORS, body)
        response = None if said is None else self._response(said)
        if response is None:
            self.failure = _not_vectors(decode(ANYTHING, body))
            return None
        self.done = True
        return response

    def _response(self, said: Vectors) -> EmbedResponse | None:
        """Return the reply, or None where the vectors are not one of a length for each input."""
        vectors = sorted(said.data, key=lambda vector: vector.index)
        floats = [_floats(vector.embedding) for vector in vectors]
        lengths = {len(values) for values in floats}
        if [v.index for v in vectors] != list(range(len(self._request.inputs))):
            return None
        if len(lengths) != 1 or not all(lengths):
            return None
        encoding = _encoding(self._request)
        length = lengths.pop() * (8 if encoding == _BINARY else 1)
        response = EmbedResponse(dimensions=length, encoding=encoding)
        for index, values in enumerate(floats):
            embedding = _embedding(index, values, encoding)
            if embedding is None:
                return None
            response.embeddings.append(embedding)
        usage = read_usage(said.usage, produced=False, quirks=self._quirks)
        if usage is not None:
            response.usage.CopyFrom(usage)
        response.metadata.model = whole(said.model or "")
        return response


def _encoding(request: EmbedRequest) -> EmbeddingEncoding.ValueType:
    return request.encoding or _FLOAT32


def _floats(said: str | list[float]) -> "array[float]":
    """Return the vector, or an empty one when it is none."""
    if isinstance(said, str):
        try:
            values = array("f", base64.b64decode(said, validate=True))
        except (ValueError, binascii.Error):
            return array("f")
        if sys.byteorder == "big":
            values.byteswap()
    else:
        try:
            values = array("f", said)
        except OverflowError:
            return array("f")
    # Not a number is no coordinate, and would poison every distance silently.
    return values if all(map(math.isfinite, values)) else array("f")


def _embedding(
    index: int, values: "array[float]", encoding: EmbeddingEncoding.ValueType
) -> Embedding | None:
    """Return one vector as it was asked for; None where its numbers do not fit."""
    if encoding == _FLOAT32:
        return Embedding(index=index, values=values)
    code = _PACKED[encoding]
    numbers = values if code in "ef" else [int(v) for v in values if v.is_integer()]
    try:
        packed = struct.pack(f"<{len(values)}{code}", *numbers)
    except (struct.error, OverflowError):
        return None
    return Embedding(index=index, packed_values=packed)


def _not_vectors(said: object) -> WeirError:
    if isinstance(said, dict) and (said.get("error") or said.get("object") == "error"):
        return explain_said(said)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
