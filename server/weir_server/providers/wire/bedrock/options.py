"""How are options said? In Converse's words, in the maker's own beside them, or as unsupported."""

from typing import Literal

from weir.v1.content_pb2 import MODALITY_TEXT
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_SUMMARY,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    ReasoningOptions,
)
from weir_server.core.errors import OutputSchemaInvalid, UnsupportedModality
from weir_server.providers.wire.bedrock.families import Family
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

_NO_WORD: tuple[Literal["seed", "frequency_penalty", "presence_penalty", "top_logprobs"], ...] = (
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "top_logprobs",
)


def add_options(draft: Draft, options: GenerationOptions, family: Family) -> Json:
    """Write the options; return what has to go into `additionalModelRequestFields`."""
    if config := _inference_config(options):
        draft.body["inferenceConfig"] = config
    _refuse_what_has_no_word(draft, options)
    additional: Json = {}
    if options.HasField("top_k"):
        if family.top_k:
            _put(additional, family.top_k, options.top_k)
        else:
            draft.unsupported("top_k")
    output: Json = {}
    if options.HasField("output_format"):
        _add_format(draft, options.output_format, output)
    if options.HasField("reasoning"):
        _add_reasoning(draft, options.reasoning, family, additional, output)
    if output:
        draft.body["outputConfig"] = output
    return additional


def _inference_config(options: GenerationOptions) -> Json:
    config: Json = {}
    if options.HasField("max_output_tokens"):
        config["maxTokens"] = options.max_output_tokens
    if options.HasField("temperature"):
        config["temperature"] = options.temperature
    if options.HasField("top_p"):
        config["topP"] = options.top_p
    if options.stop_sequences:
        config["stopSequences"] = list(options.stop_sequences)
    return config


def _refuse_what_has_no_word(draft: Draft, options: GenerationOptions) -> None:
    for name in _NO_WORD:
        if options.HasField(name):
            draft.unsupported(name)
    if options.logit_bias:
        draft.unsupported("logit_bias")
    if options.end_user_id:
        draft.unsupported("end_user_id")
    if options.HasField("parallel_tool_calls") and not options.parallel_tool_calls:
        # Several calls at once are what models do here; only one cannot be asked for.
        draft.unsupported("parallel_tool_calls")
    for index, modality in enumerate(options.output_modalities):
        if modality != MODALITY_TEXT:
            draft.refuse(
                f"options.output_modalities[{index}]",
                "The provider is asked for text only; choose another model.",
                UnsupportedModality,
            )


def _put(fields: Json, path: tuple[str, ...], value: object) -> None:
    """Write a value below the names of a path."""
    for name in path[:-1]:
        inner: Json = {}
        fields[name] = inner
        fields = inner
    fields[path[-1]] = value


def _add_format(draft: Draft, said: OutputFormat, output: Json) -> None:
    match said.WhichOneof("format"):
        case "json_schema":
            output["textFormat"] = {
                "type": "json_schema",
                "structure": {"jsonSchema": _schema(draft, said.json_schema)},
            }
        case None | "text":
            pass  # the answer is text anyway
        case kind:
            draft.unsupported(f"output_format.{kind}")


def _schema(draft: Draft, said: JsonSchemaFormat) -> Json:
    """Return a schema, which is always followed exactly here, whatever `strict` says."""
    path = "options.output_format.json_schema.schema_json"
    draft.raw(path, said.schema_json, OutputSchemaInvalid)
    schema: Json = {"schema": said.schema_json, "name": said.name}
    if said.description:
        schema["description"] = said.description
    return schema


def _add_reasoning(
    draft: Draft, reasoning: ReasoningOptions, family: Family, additional: Json, output: Json
) -> None:
    if reasoning.effort:
        thinking = family.efforts.get(reasoning.effort)
        if thinking is None:
            draft.unsupported("reasoning.effort")
        else:
            additional |= thinking.fields
            if thinking.effort:
                output["effort"] = thinking.effort
    if reasoning.HasField("budget_tokens"):
        if family.budget:
            additional["thinking"] = {
                "type": "enabled",
                "budget_tokens": reasoning.budget_tokens,
            }
        else:
            draft.unsupported("reasoning.budget_tokens")
    # Hidden reasoning is left out of the answer; in full is what the vendor gives anyway.
    if reasoning.visibility == REASONING_VISIBILITY_SUMMARY:
        draft.unsupported("reasoning.visibility")
