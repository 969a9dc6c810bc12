"""How is a chat asked for? The vendor's reference "Generate a chat message", as JSON."""

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, HttpRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.ollama.messages import KIND, encode_messages
from weir_server.providers.wire.ollama.options import add_options

STREAM_HEADERS = {"content-type": "application/json", "accept": "application/x-ndjson"}
RESERVED = frozenset({"model", "messages", "stream", "_debug_render_only"})
"""Fields that steer what comes back, so that no extension may set them."""
NESTED = {"options": frozenset[str]()}
"""What the server's own options are among; an extension may set what no option has set."""


def encode_chat(request: ChatRequest, target: Target, *, stream: bool) -> HttpRequest:
    """Ask for a chat."""
    options = request.options
    draft = Draft({"model": target.vendor_model}, policy=options.unsupported_option_policy)
    draft.body["messages"] = encode_messages(draft, request.messages)
    if request.HasField("options"):
        add_options(draft, options)
    draft.body["stream"] = stream
    if options.extensions:
        draft.extend(options.extensions, provider_kind=KIND, reserved=RESERVED, nested=NESTED)
    return HttpRequest(
        path="/api/chat",
        body=draft.encode(),
        headers=STREAM_HEADERS if stream else JSON_HEADERS,
        warnings=tuple(draft.warnings),
    )
