"""How are options said? Each in the vendor's word, or named as unsupported."""

from typing import Literal

from weir.v1.content_pb2 import MODALITY_TEXT
from weir.v1.generation_pb2 import (
    REASONING_EFFORT_MINIMAL,
    REASONING_EFFORT_NONE,
    REASONING_VISIBILITY_FULL,
    REASONING_VISIBILITY_HIDDEN,
    REASONING_VISIBILITY_SUMMARY,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    ReasoningEffort,
    ReasoningOptions,
)
from weir_server.core.errors import InvalidRequest, OutputSchemaInvalid, UnsupportedModality
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

DEFAULT_MAX_TOKENS = 8192
"""What an answer may take where neither caller nor configuration says: the vendor wants a number.
All its models write that much. Reasoning of so many tokens comes on top."""
MIN_BUDGET_TOKENS = 1024
"""The vendor thinks for at least so long, or not at all."""

_EFFORTS = {
    # It has no less than `low`.
    ReasoningEffort.REASONING_EFFORT_MINIMAL: "low",
    ReasoningEffort.REASONING_EFFORT_LOW: "low",
    ReasoningEffort.REASONING_EFFORT_MEDIUM: "medium",
    ReasoningEffort.REASONING_EFFORT_HIGH: "high",
    ReasoningEffort.REASONING_EFFORT_MAX: "max",
}
_DISPLAYS = {
    REASONING_VISIBILITY_HIDDEN: "omitted",
    REASONING_VISIBILITY_SUMMARY: "summarized",
    # All that the vendor gives.
    REASONING_VISIBILITY_FULL: "summarized",
}

_UNKNOWN: tuple[Literal["seed", "frequency_penalty", "presence_penalty", "top_logprobs"], ...] = (
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "top_logprobs",
)


def add_options(draft: Draft, options: GenerationOptions, *, max_output_tokens: int) -> None:
    """Write what only a generation needs. `max_output_tokens`: the target's own bound; 0: none."""
    draft.body["max_tokens"] = _max_tokens(options, max_output_tokens)
    if options.HasField("temperature"):
        if options.temperature > 1:
            draft.unsupported("temperature")  # the scale ends there
        else:
            draft.set("temperature", "temperature", options.temperature)
    if options.HasField("top_p"):
        draft.set("top_p", "top_p", options.top_p)
    if options.HasField("top_k"):
        draft.set("top_k", "top_k", options.top_k)
    if options.stop_sequences:
        draft.set("stop_sequences", "stop_sequences", list(options.stop_sequences))
    if options.end_user_id:
        draft.set("end_user_id", "metadata", {"user_id": options.end_user_id})
    for name in _UNKNOWN:
        if options.HasField(name):
            draft.unsupported(name)
    if options.logit_bias:
        draft.unsupported("logit_bias")
    for index, modality in enumerate(options.output_modalities):
        if modality != MODALITY_TEXT:
            draft.refuse(
                f"options.output_modalities[{index}]",
                "The provider is asked for text only; choose another model.",
                UnsupportedModality,
            )


def add_output(draft: Draft, options: GenerationOptions) -> None:
    """Write how the model should think, and in what shape it should answer."""
    output: Json = {}
    if options.HasField("reasoning"):
        _add_reasoning(draft, options.reasoning, output)
    if options.HasField("output_format"):
        _add_format(draft, options.output_format, output)
    if output:
        draft.body["output_config"] = output


def _max_tokens(options: GenerationOptions, bound: int) -> int:
    if options.HasField("max_output_tokens"):
        return options.max_output_tokens
    # What is thought counts too: without room beyond its budget there would be no answer.
    return bound or DEFAULT_MAX_TOKENS + options.reasoning.budget_tokens


def _add_reasoning(draft: Draft, reasoning: ReasoningOptions, output: Json) -> None:
    if reasoning.effort == REASONING_EFFORT_NONE:
        draft.set("reasoning.effort", "thinking", {"type": "disabled"})
        if reasoning.HasField("budget_tokens"):
            draft.unsupported("reasoning.budget_tokens")
        return
    thinking: Json = {"type": "adaptive"}
    if reasoning.HasField("budget_tokens"):
        if reasoning.budget_tokens < MIN_BUDGET_TOKENS:
            what = f"Give at least {MIN_BUDGET_TOKENS} tokens, or an effort instead."
            draft.refuse("options.reasoning.budget_tokens", what, InvalidRequest, "TOO_SMALL")
        thinking = {"type": "enabled", "budget_tokens": reasoning.budget_tokens}
    if reasoning.effort in _EFFORTS:
        output["effort"] = _EFFORTS[reasoning.effort]
        if reasoning.effort == REASONING_EFFORT_MINIMAL:
            draft.rounded("reasoning.effort")
    display = _DISPLAYS.get(reasoning.visibility)
    # To hide what nobody asked the model to think, it need not be told to think.
    if display is not None and (display != "omitted" or output or len(thinking) > 1):
        thinking["display"] = display
    if output or len(thinking) > 1:
        draft.body["thinking"] = thinking


def _add_format(draft: Draft, said: OutputFormat, output: Json) -> None:
    match said.WhichOneof("format"):
        case "json_schema":
            output["format"] = _schema(draft, said.json_schema)
        case "text" | None:
            pass  # what it answers anyway
        case kind:
            draft.unsupported(f"output_format.{kind}")


def _schema(draft: Draft, said: JsonSchemaFormat) -> Json:
    """Say a schema. Its name is for the caller's eyes alone, and every schema is kept strictly."""
    path = "options.output_format.json_schema.schema_json"
    if said.description:
        draft.unsupported("output_format.json_schema.description")
    schema = draft.raw(path, said.schema_json, OutputSchemaInvalid)
    return {"type": "json_schema", "schema": schema}
