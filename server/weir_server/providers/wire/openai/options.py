"""How are options said to a chat model? Each in the vendor's word, or named as unsupported."""

from typing import Literal

from weir.v1.content_pb2 import MODALITY_TEXT
from weir.v1.generation_pb2 import (
    TOOL_CHOICE_MODE_NONE,
    FunctionTool,
    GenerationOptions,
    GrammarFormat,
    JsonSchemaFormat,
    OutputFormat,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from weir_server.core.errors import OutputSchemaInvalid, ToolSchemaInvalid, UnsupportedModality
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.reasoning import add_reasoning, put

Json = dict[str, object]

_MODES = {
    ToolChoiceMode.TOOL_CHOICE_MODE_AUTO: "auto",
    ToolChoiceMode.TOOL_CHOICE_MODE_NONE: "none",
    ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED: "required",
}

_SAME_NAME: tuple[Literal["temperature", "top_p", "frequency_penalty", "presence_penalty"], ...] = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
)

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def add_sampling(
    draft: Draft, options: GenerationOptions, quirks: Quirks, *, max_tokens_field: str
) -> None:
    """Write the options that chats and completions share."""
    for name in _SAME_NAME:
        if options.HasField(name):
            draft.set(name, name, getattr(options, name))
    if options.HasField("seed"):
        draft.set("seed", quirks.seed_field, options.seed)
    if options.HasField("max_output_tokens"):
        draft.set("max_output_tokens", max_tokens_field, options.max_output_tokens)
    if options.stop_sequences:
        bound = quirks.max_stop_sequences
        if bound is not None and len(options.stop_sequences) > bound:
            draft.unsupported("stop_sequences")
        else:
            draft.set("stop_sequences", "stop", list(options.stop_sequences))
    if options.logit_bias:
        # Whole numbers as such: the vendor's reference has integers here.
        bias = {
            str(token): int(value) if value.is_integer() else value
            for token, value in options.logit_bias.items()
        }
        draft.set("logit_bias", "logit_bias", bias)
    if options.HasField("top_k"):
        if quirks.top_k_field:
            draft.set("top_k", quirks.top_k_field, options.top_k)
        else:
            draft.unsupported("top_k")
    if options.output_modalities:
        _refuse_other_modalities(draft, options)


def add_chat_options(draft: Draft, options: GenerationOptions, quirks: Quirks) -> None:
    """Write the options that only chats have."""
    if options.tools:
        _add_tools(draft, list(options.tools), quirks)
    if options.HasField("tool_choice"):
        _add_tool_choice(draft, options.tool_choice, quirks)
    if options.HasField("parallel_tool_calls"):
        draft.set("parallel_tool_calls", "parallel_tool_calls", options.parallel_tool_calls)
    if options.HasField("output_format"):
        _add_format(draft, options.output_format, quirks)
    if options.HasField("reasoning"):
        add_reasoning(draft, options.reasoning, quirks)
    if options.HasField("top_logprobs"):
        _add_logprobs(draft, options.top_logprobs, quirks)
    if options.end_user_id:
        draft.set("end_user_id", quirks.end_user_field, options.end_user_id)


def _add_logprobs(draft: Draft, alternatives: int, quirks: Quirks) -> None:
    if quirks.logprobs_as_count:
        draft.set("top_logprobs", "logprobs", max(alternatives, 1))
        return
    draft.set("top_logprobs", "logprobs", value=True)
    if alternatives and "logprobs" in draft.body:
        draft.body["top_logprobs"] = alternatives


def _refuse_other_modalities(draft: Draft, options: GenerationOptions) -> None:
    for index, modality in enumerate(options.output_modalities):
        if modality != MODALITY_TEXT:
            draft.refuse(
                f"options.output_modalities[{index}]",
                "The provider is asked for text only; choose another model.",
                UnsupportedModality,
            )


def _add_tools(draft: Draft, tools: list[Tool], quirks: Quirks) -> None:
    encoded: list[Json] = []
    for index, tool in enumerate(tools):
        if tool.WhichOneof("kind") == "function":
            path = f"options.tools[{index}].function"
            encoded.append(_function_tool(draft, path, tool.function, quirks))
        else:
            draft.unsupported(f"tools[{index}].server")
    if encoded:
        draft.set("tools", "tools", encoded)


def _function_tool(draft: Draft, path: str, said: FunctionTool, quirks: Quirks) -> Json:
    function: Json = {"name": said.name}
    if said.description:
        function["description"] = said.description
    if said.parameters_json_schema:
        path = f"{path}.parameters_json_schema"
        function["parameters"] = draft.raw(path, said.parameters_json_schema, ToolSchemaInvalid)
    elif quirks.tool_parameters_required:
        function["parameters"] = _NO_PARAMETERS
    if said.HasField("strict"):
        function["strict"] = said.strict
    return {"type": "function", "function": function}


def _add_tool_choice(draft: Draft, choice: ToolChoice, quirks: Quirks) -> None:
    match choice.WhichOneof("choice"):
        case "mode" if choice.mode in _MODES:
            _choose(draft, _MODES[choice.mode], quirks)
        case "function_name":
            said = _function(choice.function_name)
            _set_choice(draft, "function", said, quirks)
        case "allowed" if choice.allowed.mode == TOOL_CHOICE_MODE_NONE:
            _choose(draft, "none", quirks)
        case "allowed":
            allowed = {
                "mode": _MODES.get(choice.allowed.mode, "auto"),
                "tools": [_function(name) for name in choice.allowed.names],
            }
            said = {"type": "allowed_tools", "allowed_tools": allowed}
            _set_choice(draft, "allowed", said, quirks)
        case _:
            pass  # unspecified: the model decides, as without a choice


def _choose(draft: Draft, mode: str, quirks: Quirks) -> None:
    word = quirks.required_tool_choice if mode == "required" else mode
    _set_choice(draft, mode, word, quirks)


def _set_choice(draft: Draft, choice: str, said: object, quirks: Quirks) -> None:
    """Write a choice, unless the vendor knows this one, or any, not."""
    if "tool_choice" in quirks.unsupported_options:
        draft.unsupported("tool_choice")
    else:
        draft.set(f"tool_choice.{choice}", "tool_choice", said)


def _function(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def _add_format(draft: Draft, said: OutputFormat, quirks: Quirks) -> None:
    match said.WhichOneof("format"):
        case "json_schema":
            schema = _schema(draft, said.json_schema)
            response_format = {"type": "json_schema", quirks.schema_field: schema}
            draft.set("output_format.json_schema", "response_format", response_format)
        case "grammar":
            add_grammar(draft, said.grammar, quirks)
        case None:
            pass  # nothing asked: text
        case kind:
            draft.set(f"output_format.{kind}", "response_format", {"type": kind})


def add_grammar(draft: Draft, grammar: GrammarFormat, quirks: Quirks) -> None:
    """Write a grammar, where the vendor takes its syntax."""
    field = quirks.grammar_fields.get(grammar.syntax)
    if field is None:
        draft.unsupported("output_format.grammar")
    else:
        put(draft.body, field, grammar.definition)


def _schema(draft: Draft, said: JsonSchemaFormat) -> Json:
    schema: Json = {"name": said.name}
    if said.description:
        schema["description"] = said.description
    path = "options.output_format.json_schema.schema_json"
    schema["schema"] = draft.raw(path, said.schema_json, OutputSchemaInvalid)
    if said.HasField("strict"):
        schema["strict"] = said.strict
    return schema
