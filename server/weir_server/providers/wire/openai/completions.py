"""How is a legacy completion asked for? The vendor's reference "Create completion", as JSON."""

from typing import Literal

from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import CompleteRequest
from weir_server.core.target import Target
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.encode import draft_of, request_of
from weir_server.providers.wire.openai.options import add_grammar, add_sampling
from weir_server.providers.wire.openai.quirks import Quirks

_CHAT_ONLY: tuple[Literal["tool_choice", "parallel_tool_calls", "reasoning"], ...] = (
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
)


def encode_completion(
    request: CompleteRequest, target: Target, quirks: Quirks, *, stream: bool
) -> HttpRequest:
    """Ask for a legacy completion."""
    options = request.options
    draft = draft_of(target, options, quirks)
    draft.body["prompt"] = request.prompt
    # Completions never took the newer names.
    add_sampling(draft, options, quirks, max_tokens_field="max_tokens")
    if options.HasField("top_logprobs"):
        draft.set("top_logprobs", "logprobs", options.top_logprobs)
    if options.end_user_id:
        draft.set("end_user_id", "user", options.end_user_id)
    _refuse_chat_options(draft, options, quirks)
    return request_of("/completions", draft, options, quirks, stream=stream)


def _refuse_chat_options(draft: Draft, options: GenerationOptions, quirks: Quirks) -> None:
    if options.tools:
        draft.unsupported("tools")
    for name in _CHAT_ONLY:
        if options.HasField(name):
            draft.unsupported(name)
    match options.output_format.WhichOneof("format"):
        case None | "text":
            pass
        case "grammar":
            add_grammar(draft, options.output_format.grammar, quirks)
        case kind:
            draft.unsupported(f"output_format.{kind}")
