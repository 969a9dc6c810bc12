"""What does a model read besides the words? The texts of a request, and what is put around them.

OpenAI publishes the rule for chats in its cookbook, "How to count tokens with tiktoken": every
message costs 3 tokens and its role, a name 1 more, and every reply is primed with 3. It holds to
the token for the models named there and is a good estimate for others. What media, tools and
schemas cost is published in part or not at all: those are estimates for every model.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from weir.v1.content_pb2 import MediaDetail, MediaPart, Modality, Part, Role
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.accounting.images import UNKNOWN_TOKENS, image_tokens
from weir_server.accounting.pixels import size_of
from weir_server.accounting.toolbox import TOKENS_OF_TOOLS, read_tool, tokens_per_tool
from weir_server.core.handler import Request

TOKENS_PER_NAME = 1
TOKENS_PER_CALL = 4

BYTES_PER_TOKEN = {
    Modality.MODALITY_AUDIO: 4_800,  # 10 tokens a second of 24 kHz, 16 bit
    Modality.MODALITY_VIDEO: 1_000,
    Modality.MODALITY_DOCUMENT: 50,
}

_MODELS_OF_THE_RULE = re.compile(
    r"gpt-(3\.5-turbo|4|4-32k|4o|4o-mini)(-\d{4}|-\d{4}-\d{2}-\d{2})?"
).fullmatch
_PLAIN_ROLES = frozenset({Role.ROLE_SYSTEM, Role.ROLE_USER, Role.ROLE_ASSISTANT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Tokens that a vendor puts around the words of a chat."""

    priming: int
    """Once."""
    message: int
    """Around each message, its role included."""
    system: int
    """Around the system's, which some put elsewhere."""


_OPENAI = _Frame(priming=3, message=4, system=4)
_ANTHROPIC = _Frame(priming=3, message=4, system=0)
"""By the examples of the vendor's page "Token counting"."""
_GOOGLE = _Frame(priming=0, message=1, system=1)
"""By the examples of the vendor's page "Understand and count tokens"."""
_NAMES = re.compile(r"(?P<anthropic>claude)|(?P<google>gemini)", re.IGNORECASE).search


def _frame(vendor_model: str) -> _Frame:
    found = _NAMES(vendor_model)
    if found is None:
        return _OPENAI
    return _ANTHROPIC if found["anthropic"] else _GOOGLE


def rule_is_published(vendor_model: str) -> bool:
    """Say whether the rule for plain chats is published for this very model."""
    return _MODELS_OF_THE_RULE(vendor_model) is not None


@dataclass(slots=True)
class Prompt:
    """What goes in."""

    vendor_model: str
    """By whose rules media count."""
    texts: list[str] = field(default_factory=list)
    """What has to be counted."""
    tokens: int = 0
    """What is known without counting."""
    is_plain: bool = True
    """Whether the published rule speaks of everything in it."""


def prompt_of(request: Request, vendor_model: str) -> Prompt:
    """Return what goes in for any request to a model, by the vendor's name for it."""
    prompt = Prompt(vendor_model=vendor_model)
    if isinstance(request, ChatRequest):
        _add_chat(prompt, request)
    elif isinstance(request, EmbedRequest):
        for item in request.inputs:
            if item.HasField("media"):
                prompt.tokens += _media_tokens(prompt, item.media)
            else:
                prompt.texts.append(item.text)
    else:
        prompt.texts.append(request.prompt)
        _add_options(prompt, request.options)
    return prompt


def _add_chat(prompt: Prompt, request: ChatRequest) -> None:
    frame = _frame(prompt.vendor_model)
    prompt.tokens = frame.priming
    for message in request.messages:
        prompt.tokens += frame.system if message.role == Role.ROLE_SYSTEM else frame.message
        if message.name:
            prompt.tokens += TOKENS_PER_NAME
            prompt.texts.append(message.name)
        if len(message.parts) != 1 or message.role not in _PLAIN_ROLES:
            prompt.is_plain = False
        for part in message.parts:
            if part.HasField("text"):
                prompt.texts.append(part.text)
            else:
                prompt.is_plain = False
                _add_part(prompt, part)
    if request.HasField("options"):
        _add_options(prompt, request.options)


def _add_part(prompt: Prompt, part: Part) -> None:
    kind = part.WhichOneof("kind")
    if kind == "media":
        prompt.tokens += _media_tokens(prompt, part.media)
    elif kind == "tool_result":
        for piece in part.tool_result.content:
            if piece.HasField("text"):
                prompt.texts.append(piece.text)
            elif piece.HasField("media"):
                prompt.tokens += _media_tokens(prompt, piece.media)
    elif kind is not None:
        prompt.tokens += TOKENS_PER_CALL if kind == "tool_call" else 0
        prompt.texts += TEXTS_OF[kind](part)


TEXTS_OF: dict[str, Callable[[Part], tuple[str, ...]]] = {
    "text": lambda part: (part.text,),
    "tool_call": lambda part: (part.tool_call.name, part.tool_call.arguments_json),
    "reasoning": lambda part: (part.reasoning.text,),
    "refusal": lambda part: (part.refusal.text,),
    "server_tool_call": lambda part: (
        part.server_tool_call.name,
        part.server_tool_call.arguments_json,
    ),
    "server_tool_result": lambda part: (part.server_tool_result.result_json,),
    "compaction": lambda part: (part.compaction.summary,),
    "unknown": lambda part: (part.unknown.json,),
}
"""The words in each kind of part."""


def _add_options(prompt: Prompt, options: GenerationOptions) -> None:
    if options.tools:
        prompt.is_plain = False
        prompt.tokens += TOKENS_OF_TOOLS
        for tool in options.tools:
            prompt.tokens += tokens_per_tool(prompt.vendor_model)
            for text, tokens in read_tool(tool.function):
                prompt.texts.append(text)
                prompt.tokens += tokens
    if options.HasField("output_format") and not options.output_format.HasField("text"):
        prompt.is_plain = False
        prompt.texts.append(options.output_format.json_schema.schema_json)


def _media_tokens(prompt: Prompt, media: MediaPart) -> int:
    kind = media.modality or _BY_TYPE.get(
        media.mime_type.partition("/")[0].lower(), Modality.MODALITY_DOCUMENT
    )
    if kind == Modality.MODALITY_IMAGE:
        low = media.detail == MediaDetail.MEDIA_DETAIL_LOW
        return image_tokens(prompt.vendor_model, size_of(media.inline_data), low=low)
    size_bytes = len(media.inline_data)
    # Of what the provider fetches itself nothing is known: as much as an image.
    return size_bytes // BYTES_PER_TOKEN.get(kind, 4) + 1 if size_bytes else UNKNOWN_TOKENS


_BY_TYPE = {
    "image": Modality.MODALITY_IMAGE,
    "audio": Modality.MODALITY_AUDIO,
    "video": Modality.MODALITY_VIDEO,
}
