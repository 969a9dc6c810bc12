"""How is a chat asked for? The vendor's reference "Chat" of API v2, as JSON."""

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, STREAM_HEADERS, HttpRequest
from weir_server.providers.wire.cohere.answer import KIND
from weir_server.providers.wire.cohere.messages import encode_messages
from weir_server.providers.wire.cohere.options import add_options
from weir_server.providers.wire.draft import Draft

RESERVED = frozenset({"model", "messages", "stream"})
"""Fields that steer what comes back, so that no extension may set them."""


def encode_chat(request: ChatRequest, target: Target, *, stream: bool) -> HttpRequest:
    """Ask for a chat."""
    options = request.options
    draft = Draft({"model": target.vendor_model}, policy=options.unsupported_option_policy)
    draft.body["messages"] = encode_messages(draft, request.messages)
    if request.HasField("options"):
        add_options(draft, options)
    draft.body["stream"] = stream
    if options.extensions:
        draft.extend(options.extensions, provider_kind=KIND, reserved=RESERVED)
    return HttpRequest(
        path="/v2/chat",
        body=draft.encode(),
        headers=STREAM_HEADERS if stream else JSON_HEADERS,
        warnings=tuple(draft.warnings),
    )
