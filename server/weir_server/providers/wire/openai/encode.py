"""How is a chat asked for? The vendor's reference "Create chat completion", as JSON."""

from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, STREAM_HEADERS, HttpRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.messages import encode_messages
from weir_server.providers.wire.openai.options import add_chat_options, add_sampling
from weir_server.providers.wire.openai.quirks import Quirks

RESERVED = frozenset(
    {"model", "messages", "prompt", "input", "stream", "stream_options", "n", "best_of", "echo"}
)
"""Fields that steer what comes back, so that no extension may set them."""


def encode_chat(
    request: ChatRequest, target: Target, quirks: Quirks, *, stream: bool
) -> HttpRequest:
    """Ask for a chat completion."""
    options = request.options
    draft = draft_of(target, options, quirks)
    draft.body["messages"] = encode_messages(draft, request.messages, quirks)
    if request.HasField("options"):
        add_sampling(draft, options, quirks, max_tokens_field=quirks.max_tokens_field)
        add_chat_options(draft, options, quirks)
    return request_of("/chat/completions", draft, options, quirks, stream=stream)


def draft_of(target: Target, options: GenerationOptions, quirks: Quirks) -> Draft:
    """Begin a request to a target."""
    return Draft(
        {"model": target.vendor_model},
        unsupported=quirks.unsupported_options,
        policy=options.unsupported_option_policy,
    )


def request_of(
    path: str, draft: Draft, options: GenerationOptions, quirks: Quirks, *, stream: bool
) -> HttpRequest:
    """Complete a request with what every request has, and close it."""
    body = draft.body
    if stream:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    if options.extensions:
        draft.extend(options.extensions, provider_kind=quirks.provider_kind, reserved=RESERVED)
    for name, value in quirks.default_options.items():
        body.setdefault(name, value)
    return HttpRequest(
        path=path,
        body=draft.encode(),
        headers=STREAM_HEADERS if stream else JSON_HEADERS,
        warnings=tuple(draft.warnings),
    )
