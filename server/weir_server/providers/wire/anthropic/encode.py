"""How is a chat asked for, and how is it counted?

The vendor's references "Create a Message" and "Count tokens in a Message":
https://platform.claude.com/docs/en/api/messages
"""

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.target import Target
from weir_server.providers.wire.anthropic.messages import Conversation
from weir_server.providers.wire.anthropic.options import add_options, add_output
from weir_server.providers.wire.anthropic.state import KIND
from weir_server.providers.wire.anthropic.tools import add_tools
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.draft import Draft

VERSION = {"anthropic-version": "2023-06-01"}
"""The version of the API in which all of its models are spoken to, and whose requests may have a
temperature, `top_p` and `top_k`; the next one, of 2026-10-21, knows none of these."""
MODELS = HttpRequest(path="/v1/models", method="GET", headers=VERSION)
"""Lists models, which costs nothing and needs the credential."""

RESERVED = frozenset({"model", "messages", "stream"})
"""Fields that steer what comes back, so that no extension may set them."""

_JSON_HEADERS = {**VERSION, "content-type": "application/json", "accept": "application/json"}
_STREAM_HEADERS = {**VERSION, "content-type": "application/json", "accept": "text/event-stream"}


def encode_chat(request: ChatRequest, target: Target, *, stream: bool) -> HttpRequest:
    """Ask for an answer."""
    options = request.options
    draft = _draft(request, target)
    add_options(draft, options, max_output_tokens=target.max_output_tokens)
    if stream:
        draft.body["stream"] = True
    if options.extensions:
        draft.extend(options.extensions, provider_kind=KIND, reserved=RESERVED)
    return HttpRequest(
        path="/v1/messages",
        body=draft.encode(),
        headers=_STREAM_HEADERS if stream else _JSON_HEADERS,
        warnings=tuple(draft.warnings),
    )


def encode_count(request: ChatRequest, target: Target) -> HttpRequest:
    """Ask how many tokens a chat is; what changes only the answer has no place in the question."""
    draft = _draft(request, target)
    return HttpRequest(
        path="/v1/messages/count_tokens",
        body=draft.encode(),
        headers=_JSON_HEADERS,
        warnings=tuple(draft.warnings),
    )


def _draft(request: ChatRequest, target: Target) -> Draft:
    """Begin a request with all that counts as a prompt."""
    options = request.options
    draft = Draft({"model": target.vendor_model}, policy=options.unsupported_option_policy)
    conversation = Conversation(draft, request.messages)
    if system := conversation.system:
        draft.body["system"] = system
    draft.body["messages"] = conversation.messages
    if request.HasField("options"):
        add_tools(draft, options)
        add_output(draft, options)
    return draft
