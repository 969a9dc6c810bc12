"""How are options said? Each in the vendor's word, or named as unsupported."""

from collections.abc import Callable

from weir.v1.content_pb2 import MODALITY_TEXT
from weir.v1.generation_pb2 import (
    REASONING_EFFORT_NONE,
    REASONING_VISIBILITY_FULL,
    REASONING_VISIBILITY_SUMMARY,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    ReasoningOptions,
)
from weir_server.core.errors import OutputSchemaInvalid, UnsupportedModality
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.reasoning import EFFORTS
from weir_server.providers.wire.responses.content import Json

_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"

_NEVER: tuple[tuple[str, Callable[[GenerationOptions], bool]], ...] = (
    ("top_k", lambda options: options.HasField("top_k")),
    ("stop_sequences", lambda options: bool(options.stop_sequences)),
    ("seed", lambda options: options.HasField("seed")),
    ("frequency_penalty", lambda options: options.HasField("frequency_penalty")),
    ("presence_penalty", lambda options: options.HasField("presence_penalty")),
    ("logit_bias", lambda options: bool(options.logit_bias)),
)
"""Options that this API does not have, with how to tell that they are set."""


def add_options(draft: Draft, options: GenerationOptions) -> None:
    """Write all options but tools."""
    body = draft.body
    for name, is_set in _NEVER:
        if is_set(options):
            draft.unsupported(name)
    if options.HasField("temperature"):
        body["temperature"] = options.temperature
    if options.HasField("top_p"):
        body["top_p"] = options.top_p
    if options.HasField("max_output_tokens"):
        body["max_output_tokens"] = options.max_output_tokens
    if options.HasField("output_format"):
        _add_format(draft, options.output_format)
    if options.HasField("reasoning"):
        _add_reasoning(draft, options.reasoning)
    if options.top_logprobs:
        body["top_logprobs"] = options.top_logprobs
    if options.end_user_id:
        body["safety_identifier"] = options.end_user_id
    for index, modality in enumerate(options.output_modalities):
        if modality != MODALITY_TEXT:
            draft.refuse(
                f"options.output_modalities[{index}]",
                "The provider is asked for text only; choose another model.",
                UnsupportedModality,
            )


def included(options: GenerationOptions, *, has_reasoning: bool) -> list[str]:
    """Return what an answer has to hold that it does not hold by itself.

    Encrypted reasoning is asked for where the caller speaks of reasoning, or sends some back: a
    model that does not reason refuses the question. has_reasoning: some is sent back.
    """
    names = []
    reasons = options.HasField("reasoning") and options.reasoning.effort != REASONING_EFFORT_NONE
    if reasons or has_reasoning:
        names.append(_ENCRYPTED)
    if options.HasField("top_logprobs"):
        names.append(_LOGPROBS)
    return names


def _add_format(draft: Draft, said: OutputFormat) -> None:
    match said.WhichOneof("format"):
        case "json_schema":
            draft.body["text"] = {"format": _schema(draft, said.json_schema)}
        case "grammar":
            draft.unsupported("output_format.grammar")
        case None:
            pass  # nothing asked: text
        case kind:
            draft.body["text"] = {"format": {"type": kind}}


def _schema(draft: Draft, said: JsonSchemaFormat) -> Json:
    schema: Json = {"type": "json_schema", "name": said.name}
    if said.description:
        schema["description"] = said.description
    path = "options.output_format.json_schema.schema_json"
    schema["schema"] = draft.raw(path, said.schema_json, OutputSchemaInvalid)
    if said.HasField("strict"):
        schema["strict"] = said.strict
    return schema


def _add_reasoning(draft: Draft, reasoning: ReasoningOptions) -> None:
    said: Json = {}
    if reasoning.effort in EFFORTS:
        said["effort"] = EFFORTS[reasoning.effort]
    if reasoning.HasField("budget_tokens"):
        draft.unsupported("reasoning.budget_tokens")
    # The vendor shows no more of its reasoning than a summary; auto is its fullest.
    if reasoning.visibility in (REASONING_VISIBILITY_SUMMARY, REASONING_VISIBILITY_FULL):
        said["summary"] = "auto"
    if said:
        draft.body["reasoning"] = said
