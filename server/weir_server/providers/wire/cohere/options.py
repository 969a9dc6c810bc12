"""How are options said to Cohere? Each in the vendor's word, or named as unsupported.

Bounds are those of the vendor's reference "Chat": what lies outside would be refused there.
"""

from typing import Literal

from weir.v1.content_pb2 import MODALITY_TEXT
from weir.v1.generation_pb2 import (
    REASONING_EFFORT_NONE,
    REASONING_EFFORT_UNSPECIFIED,
    REASONING_VISIBILITY_SUMMARY,
    FunctionTool,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    ReasoningOptions,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from weir_server.core.errors import OutputSchemaInvalid, ToolSchemaInvalid, UnsupportedModality
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]

_Number = Literal["temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"]
_NUMBERS: tuple[tuple[_Number, str, float | None, float | None], ...] = (
    ("temperature", "temperature", 0, None),
    ("top_p", "p", 0.01, 0.99),
    ("top_k", "k", 0, 500),
    ("seed", "seed", 0, 2**64 - 1),
    ("frequency_penalty", "frequency_penalty", 0, 1),
    ("presence_penalty", "presence_penalty", 0, 1),
)
"""Option, the vendor's field, and between what it has to be."""

MAX_STOP_SEQUENCES = 5


def add_options(draft: Draft, options: GenerationOptions) -> None:
    """Write the options of a chat."""
    for name, field, least, most in _NUMBERS:
        if options.HasField(name):
            value = getattr(options, name)
            if (least is not None and value < least) or (most is not None and value > most):
                draft.unsupported(name)
            else:
                draft.set(name, field, value)
    if options.HasField("max_output_tokens"):
        draft.set("max_output_tokens", "max_tokens", options.max_output_tokens)
    if len(options.stop_sequences) > MAX_STOP_SEQUENCES:
        draft.unsupported("stop_sequences")
    elif options.stop_sequences:
        draft.set("stop_sequences", "stop_sequences", list(options.stop_sequences))
    if options.tools:
        _add_tools(draft, list(options.tools))
    if options.HasField("tool_choice"):
        _add_tool_choice(draft, options.tool_choice)
    if options.HasField("output_format"):
        _add_format(draft, options.output_format)
    if options.HasField("reasoning"):
        _add_reasoning(draft, options.reasoning)
    _add_rest(draft, options)


def _add_rest(draft: Draft, options: GenerationOptions) -> None:
    """Write, or refuse, what is asked for rarely."""
    if options.HasField("parallel_tool_calls") and not options.parallel_tool_calls:
        draft.unsupported("parallel_tool_calls")  # Several at once is all that the vendor does.
    if options.HasField("top_logprobs"):
        if options.top_logprobs:
            draft.unsupported("top_logprobs")  # Those of the chosen tokens only.
        else:
            draft.set("top_logprobs", "logprobs", value=True)
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
        if tool.WhichOneof("kind") == "function":
            encoded.append(_function_tool(draft, f"options.tools[{index}].function", tool.function))
        else:
            draft.unsupported(f"tools[{index}].server")
    if encoded:
        draft.set("tools", "tools", encoded)
        _add_strictness(draft, tools)


def _add_strictness(draft: Draft, tools: list[Tool]) -> None:
    """Say whether arguments follow their schemas exactly, which holds for all tools or none."""
    asked = {tool.function.strict for tool in tools if tool.function.HasField("strict")}
    if asked == {True, False}:
        for index, tool in enumerate(tools):
            if tool.function.strict:
                draft.unsupported(f"tools[{index}].function.strict")
    elif asked:
        draft.set("tools", "strict_tools", asked.pop())


def _function_tool(draft: Draft, path: str, said: FunctionTool) -> Json:
    function: Json = {"name": said.name}
    if said.description:
        function["description"] = said.description
    if said.parameters_json_schema:
        path = f"{path}.parameters_json_schema"
        function["parameters"] = draft.raw(path, said.parameters_json_schema, ToolSchemaInvalid)
    else:  # The vendor requires them.
        function["parameters"] = {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _add_tool_choice(draft: Draft, choice: ToolChoice) -> None:
    match choice.WhichOneof("choice"):
        case "mode" if choice.mode == ToolChoiceMode.TOOL_CHOICE_MODE_NONE:
            draft.set("tool_choice", "tool_choice", "NONE")
        case "mode" if choice.mode == ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED:
            draft.set("tool_choice", "tool_choice", "REQUIRED")
        case "allowed" if choice.allowed.mode == ToolChoiceMode.TOOL_CHOICE_MODE_NONE:
            draft.set("tool_choice", "tool_choice", "NONE")
        case "function_name" | "allowed" as kind:
            draft.unsupported(f"tool_choice.{kind}")
        case _:
            pass  # The model decides, as without a choice.


def _add_format(draft: Draft, said: OutputFormat) -> None:
    match said.WhichOneof("format"):
        case "json_schema":
            schema = _schema(draft, said.json_schema)
            draft.set(
                "output_format.json_schema",
                "response_format",
                {"type": "json_object", "json_schema": schema},
            )
        case "json_object":
            draft.set("output_format.json_object", "response_format", {"type": "json_object"})
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
    if reasoning.effort == REASONING_EFFORT_NONE:
        draft.set("reasoning.effort", "thinking", {"type": "disabled"})
        return
    if reasoning.effort != REASONING_EFFORT_UNSPECIFIED:
        draft.unsupported("reasoning.effort")  # On, off, or up to a number of tokens.
    if reasoning.HasField("budget_tokens"):
        thinking: Json = {"type": "enabled", "token_budget": reasoning.budget_tokens}
        draft.set("reasoning.budget_tokens", "thinking", thinking)
    # Hidden reasoning is left out of the answer; in full is what the vendor gives anyway.
    if reasoning.visibility == REASONING_VISIBILITY_SUMMARY:
        draft.unsupported("reasoning.visibility")
