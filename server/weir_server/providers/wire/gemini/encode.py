"""How is a chat asked for, and how its tokens counted? `generateContent` and `countTokens`."""

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.target import Target
from weir_server.providers.wire.base import JSON_HEADERS, STREAM_HEADERS, HttpRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.gemini.contents import Conversation
from weir_server.providers.wire.gemini.dialect import Dialect
from weir_server.providers.wire.gemini.options import generation_config, name_unsupported
from weir_server.providers.wire.gemini.tools import add_tools

RESERVED = frozenset(
    {"model", "contents", "systemInstruction", "system_instruction", "generation_config"}
    | {"tool_config"}
)
"""Members that steer what is said or comes back, and other spellings of what Weir writes: no
extension may set them."""
NESTED = {
    "generationConfig": frozenset({"candidateCount", "candidate_count"}),
    "toolConfig": frozenset({"function_calling_config"}),
}
"""Members that extensions may add to, each with what stays reserved within."""


def encode_chat(
    request: ChatRequest, target: Target, dialect: Dialect, *, stream: bool
) -> HttpRequest:
    """Ask for an answer."""
    options, model = request.options, target.vendor_model
    draft = Draft({}, policy=options.unsupported_option_policy)
    _add_conversation(draft, request, dialect, model)
    if request.HasField("options"):
        add_tools(draft, options)
        if config := generation_config(draft, options, model):
            draft.body["generationConfig"] = config
        name_unsupported(draft, options)
        if options.extensions:
            draft.extend(
                options.extensions, provider_kind=dialect.kind, reserved=RESERVED, nested=NESTED
            )
    path = dialect.path(model, "streamGenerateContent" if stream else "generateContent")
    return HttpRequest(
        path=f"{path}?alt=sse" if stream else path,
        body=draft.encode(),
        headers=STREAM_HEADERS if stream else JSON_HEADERS,
        warnings=tuple(draft.warnings),
    )


def encode_count(request: ChatRequest, target: Target, dialect: Dialect) -> HttpRequest:
    """Ask how many tokens a chat is, its instructions and tools included."""
    draft = Draft({})
    _add_conversation(draft, request, dialect, target.vendor_model)
    add_tools(draft, request.options)
    draft.body.pop("toolConfig", None)
    if not dialect.vertex and draft.body.keys() - {"contents"}:
        # AI Studio counts more than the contents only within a whole request.
        model = dialect.model_name(target.vendor_model)
        draft.body = {"generateContentRequest": {"model": model, **draft.body}}
    return HttpRequest(
        path=dialect.path(target.vendor_model, "countTokens"),
        body=draft.encode(),
        headers=JSON_HEADERS,
    )


def _add_conversation(draft: Draft, request: ChatRequest, dialect: Dialect, model: str) -> None:
    conversation = Conversation(draft, dialect, model)
    conversation.say(request.messages)
    draft.body["contents"] = conversation.contents
    if conversation.instructions:
        draft.body["systemInstruction"] = {"parts": conversation.instructions}
