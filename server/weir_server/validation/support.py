"""Can the model do what is asked? Options and media against what its target says it can."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from weir.v1.content_pb2 import Modality
from weir.v1.generation_pb2 import GenerationOptions, OutputFormat, UnsupportedOptionPolicy
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.errors import InvalidRequest, UnsupportedModality, UnsupportedOption
from weir_server.core.target import Target
from weir_server.validation.findings import Rule
from weir_server.validation.messages import Conversation

DROPPED = "OPTION_DROPPED"
"""The code of the warning about an option that was left out."""

_TEXT = Modality.MODALITY_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something asked for that the model cannot do."""

    field: str
    description: str
    error: type[InvalidRequest]
    rule: Rule = Rule.UNSUPPORTED
    option: str = ""
    """The option that could be left out; empty: nothing can be, the call has to be refused."""
    modality: Modality.ValueType = Modality.MODALITY_UNSPECIFIED
    """The kind of medium that the model does not take or make."""


def _can_format(capabilities: ModelCapabilities, value: OutputFormat) -> bool:
    if value.HasField("json_schema"):
        return capabilities.json_schema
    if value.HasField("json_object"):
        return capabilities.json_object
    # Grammars have no capability of their own: the wire format knows whether it can send one.
    return True


# What an option needs of a model. The value is what `ListFields` gives; see `checks.Check`.
NEEDS: dict[str, Callable[[ModelCapabilities, Any], bool]] = {
    "seed": lambda can, _: can.seed,
    "tools": lambda can, _: can.tools,
    "tool_choice": lambda can, _: can.tools,
    "parallel_tool_calls": lambda can, _: can.tools and can.parallel_tool_calls,
    "output_format": _can_format,
    "reasoning": lambda can, _: can.reasoning,
    "top_logprobs": lambda can, _: can.logprobs,
}


# What a completion answers with is one text: tool calls would be paid for and then lost.
_TOOL_OPTIONS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
_CHAT_ONLY = "A completion answers with text alone; use Chat or StreamChat."


def lacks_of_options(
    options: GenerationOptions, target: Target, *, completes: bool = False
) -> Iterator[Lack]:
    """Give what the model lacks for the options that are set.

    completes: for a completion, which has no place for what is not text, whatever the model can.
    """
    can = target.capabilities
    for descriptor, value in options.ListFields():
        name = descriptor.name
        if completes and name in _TOOL_OPTIONS:
            yield _not_in_completions(f"options.{name}", name)
            continue
        if completes and name == "output_modalities":
            for index, modality in enumerate(value):
                if modality != _TEXT:
                    yield _not_in_completions(f"options.{name}[{index}]", name)
            continue
        if name == "output_modalities":
            makes = set(can.output_modalities) | {_TEXT}
            for index, modality in enumerate(value):
                if modality not in makes:
                    yield Lack(
                        field=f"options.{name}[{index}]",
                        description="The model does not make this kind of medium.",
                        error=UnsupportedModality,
                        option=name,
                        modality=modality,
                    )
            continue
        need = NEEDS.get(name)
        if need is not None and not need(can, value):
            yield Lack(
                field=f"options.{name}",
                description="The model does not support this option; leave it out, choose "
                "another model, or set unsupported_option_policy.",
                error=UnsupportedOption,
                option=name,
            )


def _not_in_completions(field: str, option: str) -> Lack:
    return Lack(field=field, description=_CHAT_ONLY, error=UnsupportedOption, option=option)


def lacks_of_conversation(conversation: Conversation, target: Target) -> Iterator[Lack]:
    """Give what the model lacks for the messages or inputs themselves."""
    can = target.capabilities
    if conversation.last_path is not None and not can.assistant_prefill:
        yield Lack(
            field=conversation.last_path,
            description="End with a message of another role; this model does not go on from "
            "its own words.",
            error=InvalidRequest,
            rule=Rule.NOT_ALLOWED,
        )
    if conversation.tool_parts and not can.tools:
        yield Lack(
            field=conversation.tool_parts[0],
            description="The model does not use tools; choose another model.",
            error=UnsupportedOption,
        )
    if conversation.media:
        takes = set(can.input_modalities) | {_TEXT}
        for path, modality in conversation.media:
            if modality not in takes:
                yield Lack(
                    field=path,
                    description="The model does not take this kind of medium.",
                    error=UnsupportedModality,
                    modality=modality,
                )


def may_drop(options: GenerationOptions) -> bool:
    """Say whether the caller prefers a warning to a refusal."""
    return (
        options.unsupported_option_policy
        == UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )


def warning_of(option: str) -> WarningEvent:
    """Return the warning that an option was left out."""
    return WarningEvent(
        code=DROPPED,
        message="The model does not support this option; it was left out.",
        field=f"options.{option}",
    )
