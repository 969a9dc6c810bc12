"""What is the far Weir asked? The caller's own request, as the far side has to name things.

Pure: a request and a target in, a method and bytes out. What belongs to the near Weir alone is left
out; docs/providers/weir.md lists it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import StreamOptions
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    CompleteRequest,
    CountTokensRequest,
    StreamChatRequest,
    StreamCompleteRequest,
)
from weir_server.core.call import Call
from weir_server.core.handler import Request
from weir_server.core.priority import Priority
from weir_server.core.target import Target

LLM = "/weir.v1.LLMProviderService/"
EMBED = "/weir.v1.EmbeddingService/Embed"
COUNT_TOKENS = LLM + "CountTokens"
SERVER_INFO = "/weir.v1.ModelService/GetServerInfo"
CLIENT = f"weir/{version('weir-server')}"
"""How this Weir calls itself."""

_OWN_ROUTING = ("fallback_models", "attempt_timeout", "first_token_timeout")
"""Routing options that this side sees to: names of its own models, and clocks that it holds."""
_RETRY = AttemptKind.ATTEMPT_KIND_RETRY
_RequestT = TypeVar("_RequestT", ChatRequest, CompleteRequest)

Pairs = tuple[tuple[str, str], ...]
"""Metadata of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One RPC to the far Weir."""

    method: str
    """Path of the RPC."""
    message: bytes


def ask(request: Request, target: Target, *, streaming: bool, heartbeat_s: float) -> Ask:
    """Return the RPC that asks the same of the far Weir.

    heartbeat_s: how long its stream may be silent before it says that it is still there.
    """
    if isinstance(request, EmbedRequest):
        embed = EmbedRequest()
        embed.CopyFrom(request)
        embed.model = target.vendor_model
        embed.ClearField("provider")
        embed.ClearField("labels")
        return Ask(method=EMBED, message=embed.SerializeToString())
    options = StreamOptions(heartbeat_interval=Duration(seconds=round(heartbeat_s)))
    if isinstance(request, ChatRequest):
        chat = _aimed(ChatRequest(), request, target)
        if not streaming:
            return Ask(method=LLM + "Chat", message=chat.SerializeToString())
        stream_chat = StreamChatRequest(request=chat, stream_options=options)
        return Ask(method=LLM + "StreamChat", message=stream_chat.SerializeToString())
    complete = _aimed(CompleteRequest(), request, target)
    if not streaming:
        return Ask(method=LLM + "Complete", message=complete.SerializeToString())
    stream = StreamCompleteRequest(request=complete, stream_options=options)
    return Ask(method=LLM + "StreamComplete", message=stream.SerializeToString())


def ask_count(counted: str | ChatRequest, target: Target) -> Ask:
    """Return the RPC that counts a text, or a whole chat request."""
    request = CountTokensRequest(model=target.vendor_model)
    if isinstance(counted, str):
        request.text = counted
    else:
        request.chat.CopyFrom(_aimed(ChatRequest(), counted, target))
    return Ask(method=COUNT_TOKENS, message=request.SerializeToString())


def pairs_of(call: Call, fixed: Sequence[tuple[str, str]]) -> Pairs:
    """Return the metadata of an attempt. `fixed`: what every call to the provider carries."""
    pairs = [
        *fixed,
        ("weir-client", CLIENT),
        ("weir-request-id", call.request_id),
        ("weir-hops", str(call.hops + 1)),
    ]
    if call.priority is not Priority.STANDARD:
        pairs.append(("weir-priority", call.priority.name.lower()))
    if call.trace.traceparent:
        pairs.append(("traceparent", call.trace.traceparent))
        if call.trace.tracestate:
            pairs.append(("tracestate", call.trace.tracestate))
    if call.retried or call.kind is _RETRY:
        # First attempts go first there too.
        pairs.append(("grpc-previous-rpc-attempts", "1"))
    return tuple(pairs)


def _aimed(copy: _RequestT, request: _RequestT, target: Target) -> _RequestT:
    """Fill `copy` with the request, named and bounded as the far side has to take it."""
    copy.CopyFrom(request)
    copy.model = target.vendor_model
    copy.ClearField("provider")
    if isinstance(copy, ChatRequest):
        for message in copy.messages:
            message.ClearField("id")
    if copy.HasField("options"):
        copy.options.ClearField("labels")
        if copy.options.HasField("routing"):
            routing = copy.options.routing
            for name in _OWN_ROUTING:
                routing.ClearField(name)  # type: ignore[arg-type]  # names from the contract
    return copy
