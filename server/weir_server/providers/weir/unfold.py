"""Which events say the same as a whole answer? Those whose fold it is again.

A far Weir answers unary calls with a message; inside the seam an answer is always events.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from weir.v1.content_pb2 import Part
from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir.v1.generation_pb2 import (
    GenerationEvent,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEnd,
    TokenLogprob,
)
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse, CompleteResponse
from weir_server.core.errors import UpstreamProtocolError
from weir_server.core.handler import Batch, Request

_TEXTS = frozenset({"reasoning", "refusal"})
_CALLS = frozenset({"tool_call", "server_tool_call"})
_MessageT = TypeVar("_MessageT", bound=Message)


def unfolded(request: Request, message: bytes) -> Batch:
    """Return the batch that a unary reply stands for, its `end` included.

    Raises UpstreamProtocolError for bytes that are no such reply.
    """
    if isinstance(request, EmbedRequest):
        return read(EmbedResponse(), message)
    if isinstance(request, ChatRequest):
        chat = read(ChatResponse(), message)
        return [*_of_parts(chat.message.parts, chat.logprobs), _end(chat)]
    complete = read(CompleteResponse(), message)
    parts = [Part(text=complete.text)] if complete.text or complete.logprobs else []
    return [*_of_parts(parts, complete.logprobs), _end(complete)]


def read(reply: _MessageT, message: bytes) -> _MessageT:
    """Fill `reply` from bytes. Raises UpstreamProtocolError for bytes that are no such message."""
    try:
        reply.ParseFromString(message)
    except DecodeError as failure:
        raise UpstreamProtocolError(metadata={"cause": "malformed"}) from failure
    return reply


def _of_parts(parts: Sequence[Part], logprobs: Sequence[TokenLogprob]) -> Iterator[GenerationEvent]:
    """Open, fill and close each part; the log probabilities go with the first text.

    Raises UpstreamProtocolError for a part that is nothing, not even of a kind of later.
    """
    for index, part in enumerate(parts):
        if part.WhichOneof("kind") is None and not len(UnknownFieldSet(part)):
            raise UpstreamProtocolError(metadata={"cause": "malformed"})
        opened, deltas, whole = _pieces(part)
        yield GenerationEvent(part_start=PartStart(index=index, part=opened))
        for delta in deltas:
            delta.index = index
            if logprobs and part.HasField("text"):
                delta.logprobs.extend(logprobs)
                logprobs = ()
            yield GenerationEvent(part_delta=delta)
        yield GenerationEvent(part_end=PartEnd(index=index, part=whole))


def _pieces(part: Part) -> tuple[Part, list[PartDelta], Part | None]:
    """Return a part as it begins, what fills it, and what repeats it whole, if anything does."""
    opened = Part()
    opened.CopyFrom(part)
    kind = part.WhichOneof("kind")
    if kind == "text":
        opened.text = ""
        return opened, [PartDelta(text=part.text)], None
    if kind in _TEXTS:
        inner = getattr(opened, kind)
        text = inner.text
        inner.ClearField("text")
        return opened, [PartDelta(text=text)] if text else [], None
    if kind in _CALLS:
        inner = getattr(opened, kind)
        arguments = inner.arguments_json
        inner.ClearField("arguments_json")
        return opened, [PartDelta(arguments_json=arguments)] if arguments else [], part
    if kind == "media" and part.media.HasField("inline_data"):
        opened.media.inline_data = b""
        return opened, [PartDelta(inline_data=part.media.inline_data)], part
    return opened, [], None  # it comes whole, one that these stubs do not know too


def _end(reply: ChatResponse | CompleteResponse) -> GenerationEvent:
    end = StreamEnd(finish_reason=reply.finish_reason)
    if reply.HasField("usage"):
        end.usage.CopyFrom(reply.usage)
    if reply.HasField("metadata"):
        end.metadata.CopyFrom(reply.metadata)
    return GenerationEvent(end=end)
