"""How are options said to Ollama? Each in the vendor's word, or named as unsupported.

What steers the sampling goes into an object `options`; the rest stands beside it.
"""

from typing import Literal

from weir.v1.content_pb2 import MODALITY_TEXT
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_SUMMARY,
    FunctionTool,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    ReasoningEffort,
    ReasoningOptions,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from weir_server.core.errors import OutputSchemaInvalid, ToolSchemaInvalid, UnsupportedModality
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

_SAMPLING: tuple[
    tuple[
        Literal[
            "temperature",
            "top_p",
            "top_k",
            "max_output_tokens",
            "seed",
            "frequency_penalty",
            "presence_penalty",
        ],
        str,
    ],
    ...,
] = (
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("max_output_tokens", "num_predict"),
    ("seed", "seed"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
)
"""Option, and the vendor's name of it within `options`."""

_EFFORTS: dict[ReasoningEffort.ValueType, str | bool] = {
    ReasoningEffort.REASONING_EFFORT_NONE: False,
    ReasoningEffort.REASONING_EFFORT_LOW: "low",
    ReasoningEffort.REASONING_EFFORT_MEDIUM: "medium",
    ReasoningEffort.REASONING_EFFORT_HIGH: "high",
    ReasoningEffort.REASONING_EFFORT_MAX: "max",
}


def add_options(draft: Draft, options: GenerationOptions) -> None:
    """Write the options of a chat."""
    sampling: Json = {
        field: getattr(options, name) for name, field in _SAMPLING if options.HasField(name)
    }
    if options.stop_sequences:
        sampling["stop"] = list(options.stop_sequences)
    if sampling:
        draft.body["options"] = sampling
    if options.tools and not _forbids_tools(options.tool_choice):
        _add_tools(draft, list(options.tools))
    if options.HasField("tool_choice"):
        _check_tool_choice(draft, options.tool_choice)
    if options.HasField("output_format"):
        _add_format(draft, options.output_format)
    if options.HasField("reasoning"):
        _add_reasoning(draft, options.reasoning)
    if options.HasField("top_logprobs"):
        draft.set("top_logprobs", "logprobs", value=True)
        if options.top_logprobs:
            draft.set("top_logprobs", "top_logprobs", options.top_logprobs)
    _refuse_rest(draft, options)


def _refuse_rest(draft: Draft, options: GenerationOptions) -> None:
    """Name what the protocol has no words for."""
    if options.HasField("parallel_tool_calls") and not options.parallel_tool_calls:
        draft.unsupported("parallel_tool_calls")
    if options.logit_bias:
        draft.unsupported("logit_bias")
    if options.end_user_id:
        draft.unsupported("end_user_id")
    for index, modality in enumerate(options.output_modalities):
        if modality != MODALITY_TEXT:
            draft.refuse(
                f"options.output_modalities[{index}]",
                "The provider is asked for text only; choose another model.",
                UnsupportedModality,
            )


def _add_tools(draft: Draft, tools: list[Tool]) -> None:
    encoded: list[Json] = []
    for index, tool in enumerate(tools):
        if tool.WhichOneof("kind") != "function":
            draft.unsupported(f"tools[{index}].server")
            continue
        if tool.function.strict:
            draft.unsupported(f"tools[{index}].function.strict")
        encoded.append(_function_tool(draft, f"options.tools[{index}].function", tool.function))
    if encoded:
        draft.set("tools", "tools", encoded)


def _function_tool(draft: Draft, path: str, said: FunctionTool) -> Json:
    function: Json = {"name": said.name}
    if said.description:
        function["description"] = said.description
    if said.parameters_json_schema:
        path = f"{path}.parameters_json_schema"
        function["parameters"] = draft.raw(path, said.parameters_json_schema, ToolSchemaInvalid)
    else:  # Without them the server's templates show the model a tool of type "".
        function["parameters"] = {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _forbids_tools(choice: ToolChoice) -> bool:
    """Tell whether no tool may be called. A model that hears of none calls none."""
    rule = choice.allowed.mode if choice.HasField("allowed") else choice.mode
    return rule == ToolChoiceMode.TOOL_CHOICE_MODE_NONE


def _check_tool_choice(draft: Draft, choice: ToolChoice) -> None:
    """Name a choice that the model would have to be forced to: the protocol forces nothing."""
    if choice.mode == ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED:
        draft.unsupported("tool_choice.mode")
    elif choice.WhichOneof("choice") in ("function_name", "allowed") and not _forbids_tools(choice):
        draft.unsupported(f"tool_choice.{choice.WhichOneof('choice')}")


def _add_format(draft: Draft, said: OutputFormat) -> None:
    match said.WhichOneof("format"):
        case "json_schema":
            schema = _schema(draft, said.json_schema)
            draft.set("output_format.json_schema", "format", schema)
        case "json_object":
            draft.set("output_format.json_object", "format", "json")
        case "grammar":
            draft.unsupported("output_format.grammar")
        case _:
            pass  # Text, as without a format.


def _schema(draft: Draft, said: JsonSchemaFormat) -> object:
    """Return the schema. Its name is a label and has no place; it is always followed exactly."""
    if said.description:
        draft.unsupported("output_format.json_schema.description")
    path = "options.output_format.json_schema.schema_json"
    return draft.raw(path, said.schema_json, OutputSchemaInvalid)


def _add_reasoning(draft: Draft, reasoning: ReasoningOptions) -> None:
    if reasoning.effort in _EFFORTS:
        draft.set("reasoning.effort", "think", _EFFORTS[reasoning.effort])
    elif reasoning.effort:
        draft.unsupported("reasoning.effort")  # Low is the least there is.
    if reasoning.HasField("budget_tokens"):
        draft.unsupported("reasoning.budget_tokens")
    # Hidden reasoning is left out of the answer; in full is what the vendor gives anyway.
    if reasoning.visibility == REASONING_VISIBILITY_SUMMARY:
        draft.unsupported("reasoning.visibility")
