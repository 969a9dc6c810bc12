"""How are options said to Gemini? Each in the vendor's word, or named as unsupported.

The vendor's reference "GenerationConfig" and the page "Gemini thinking".
"""

from typing import Literal

from weir.v1 import generation_pb2
from weir.v1.content_pb2 import (
    MODALITY_AUDIO,
    MODALITY_IMAGE,
    MODALITY_TEXT,
    MODALITY_VIDEO,
)
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_FULL,
    REASONING_VISIBILITY_SUMMARY,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    ReasoningOptions,
)
from weir_server.core.errors import OutputSchemaInvalid, UnsupportedModality
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.gemini.dialect import generation
from weir_server.providers.wire.gemini.media import Json

STOP_SEQUENCES_MAX = 5
_INT32_MAX = 2**31 - 1

_SAME: tuple[
    tuple[
        Literal[
            "temperature",
            "top_p",
            "top_k",
            "max_output_tokens",
            "frequency_penalty",
            "presence_penalty",
        ],
        str,
    ],
    ...,
] = (
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("max_output_tokens", "maxOutputTokens"),
    ("frequency_penalty", "frequencyPenalty"),
    ("presence_penalty", "presencePenalty"),
)

_MODALITIES = {
    MODALITY_TEXT: "TEXT",
    MODALITY_IMAGE: "IMAGE",
    MODALITY_AUDIO: "AUDIO",
    MODALITY_VIDEO: "VIDEO",
}

_LEVELS = {
    generation_pb2.REASONING_EFFORT_MINIMAL: "MINIMAL",
    generation_pb2.REASONING_EFFORT_LOW: "LOW",
    generation_pb2.REASONING_EFFORT_MEDIUM: "MEDIUM",
    generation_pb2.REASONING_EFFORT_HIGH: "HIGH",
    # There is a level XHIGH too, which most models refuse; HIGH is the most that all take.
    generation_pb2.REASONING_EFFORT_MAX: "HIGH",
}

_BUDGETS = {
    generation_pb2.REASONING_EFFORT_MINIMAL: 1024,
    generation_pb2.REASONING_EFFORT_LOW: 1024,
    generation_pb2.REASONING_EFFORT_MEDIUM: 8192,
    generation_pb2.REASONING_EFFORT_HIGH: 24_576,
    generation_pb2.REASONING_EFFORT_MAX: 24_576,
}
"""The second generation knows no levels; these are what Google's page "OpenAI compatibility" has
for them."""


def generation_config(draft: Draft, options: GenerationOptions, model: str) -> Json:
    """Return the vendor's `generationConfig`; what cannot be said is named in `draft`."""
    config = _sampling(draft, options)
    if options.HasField("top_logprobs"):
        config["responseLogprobs"] = True
        if options.top_logprobs:
            config["logprobs"] = options.top_logprobs
    if options.output_modalities:
        config["responseModalities"] = _modalities(draft, options)
    if options.HasField("output_format"):
        _add_format(draft, config, options.output_format)
    if options.HasField("reasoning"):
        thinking = _thinking(draft, options.reasoning, model)
        if thinking:
            config["thinkingConfig"] = thinking
    return config


def _sampling(draft: Draft, options: GenerationOptions) -> Json:
    config: Json = {}
    for name, said in _SAME:
        if options.HasField(name):
            config[said] = getattr(options, name)
    if options.stop_sequences:
        if len(options.stop_sequences) > STOP_SEQUENCES_MAX:
            draft.unsupported("stop_sequences")
        else:
            config["stopSequences"] = list(options.stop_sequences)
    if options.HasField("seed"):
        if abs(options.seed) > _INT32_MAX:
            draft.unsupported("seed")
        else:
            config["seed"] = options.seed
    return config


def name_unsupported(draft: Draft, options: GenerationOptions) -> None:
    """Name what the protocol has no words for."""
    if options.logit_bias:
        draft.unsupported("logit_bias")
    if options.HasField("parallel_tool_calls") and not options.parallel_tool_calls:
        draft.unsupported("parallel_tool_calls")  # the model always may
    if options.end_user_id:
        draft.unsupported("end_user_id")


def _modalities(draft: Draft, options: GenerationOptions) -> list[str]:
    for index, modality in enumerate(options.output_modalities):
        if modality not in _MODALITIES:
            draft.refuse(
                f"options.output_modalities[{index}]",
                "The provider makes text, images, sound and video only; leave it out.",
                UnsupportedModality,
            )
    return [_MODALITIES[m] for m in options.output_modalities if m in _MODALITIES]


def _add_format(draft: Draft, config: Json, said: OutputFormat) -> None:
    match said.WhichOneof("format"):
        case "json_object":
            config["responseMimeType"] = "application/json"
        case "json_schema":
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = _schema(draft, said.json_schema)
        case "grammar":
            draft.unsupported("output_format.grammar")
        case _:
            pass  # nothing asked, or text


def _schema(draft: Draft, said: JsonSchemaFormat) -> object:
    """Return the schema. Its name stays here: the vendor has no use for it, nor for `strict`."""
    if said.description:
        draft.unsupported("output_format.json_schema.description")
    path = "options.output_format.json_schema.schema_json"
    return draft.raw(path, said.schema_json, OutputSchemaInvalid)


def _thinking(draft: Draft, said: ReasoningOptions, model: str) -> Json:
    thinking: Json = {}
    if said.HasField("budget_tokens"):
        thinking["thinkingBudget"] = said.budget_tokens
        if said.effort:
            draft.unsupported("reasoning.effort")  # the vendor takes one of the two
    elif said.effort == generation_pb2.REASONING_EFFORT_NONE:
        thinking["thinkingBudget"] = 0
    elif said.effort in _LEVELS:
        if generation(model) == 2:
            thinking["thinkingBudget"] = _BUDGETS[said.effort]
        else:
            thinking["thinkingLevel"] = _LEVELS[said.effort]
        if said.effort == generation_pb2.REASONING_EFFORT_MAX:
            draft.rounded("reasoning.effort")
    # Hidden is the vendor's default; its summaries are all it gives.
    if said.visibility in (REASONING_VISIBILITY_SUMMARY, REASONING_VISIBILITY_FULL):
        thinking["includeThoughts"] = True
    return thinking
