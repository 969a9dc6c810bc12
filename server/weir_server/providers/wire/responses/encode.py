"""How is a chat asked for? The vendor's reference "Create a model response", as JSON."""

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, STREAM_HEADERS, HttpRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.responses.messages import encode_messages
from weir_server.providers.wire.responses.options import add_options, included
from weir_server.providers.wire.responses.state import KIND
from weir_server.providers.wire.responses.tools import add_tools

RESERVED = frozenset(
    {"model", "input", "stream", "store", "background", "previous_response_id", "conversation"}
)
"""Fields that steer what comes back or what is left there, so that no extension may set them."""
NESTED = {"reasoning": frozenset[str](), "text": frozenset[str]()}
"""Fields of which an extension may set what no option has set."""
LISTS = frozenset({"include"})


def encode_chat(request: ChatRequest, target: Target, *, stream: bool) -> HttpRequest:
    """Ask for an answer that the vendor does not keep."""
    options = request.options
    draft = Draft({"model": target.vendor_model}, policy=options.unsupported_option_policy)
    body = draft.body
    items, has_reasoning = encode_messages(draft, request.messages)
    body["input"] = items
    body["store"] = False
    if request.HasField("options"):
        add_options(draft, options)
        add_tools(draft, options)
    if names := included(options, has_reasoning=has_reasoning):
        body["include"] = names
    if stream:
        body["stream"] = True
    if options.extensions:
        draft.extend(
            options.extensions,
            provider_kind=KIND,
            reserved=RESERVED,
            nested=NESTED,
            lists=LISTS,
        )
    return HttpRequest(
        path="/responses",
        body=draft.encode(),
        headers=STREAM_HEADERS if stream else JSON_HEADERS,
        warnings=tuple(draft.warnings),
    )
