"""How is a caller told what no model of its choice can do? Every need that is lacked, by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weir.v1.content_pb2 import Modality
from weir.v1.generation_pb2 import GenerationOptions, UnsupportedOptionPolicy
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir_server.core.errors import InvalidRequest, UnsupportedModality, UnsupportedOption
from weir_server.core.needs import Ability, Need
from weir_server.core.target import Target
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.limits import ValidationLimits

DROPPED = "OPTION_DROPPED"
"""The code of the warning about an option that was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How the lack of an ability is told."""

    description: str
    error: type[InvalidRequest] = UnsupportedOption
    rule: Rule = Rule.UNSUPPORTED


_OPTION = Refusal(
    description="The model does not support this option; leave it out, choose another model, or "
    "set unsupported_option_policy."
)
_TOOLS = Refusal(description="The model does not use tools; choose another model.")
_OTHERS: Mapping[Ability, Refusal] = {
    Ability.PREFILL: Refusal(
        description="End with a message of another role; this model does not go on from its own "
        "words.",
        error=InvalidRequest,
        rule=Rule.NOT_ALLOWED,
    ),
    Ability.INPUT: Refusal(
        description="The model does not take this kind of medium.", error=UnsupportedModality
    ),
    Ability.OUTPUT: Refusal(
        description="The model does not make this kind of medium.", error=UnsupportedModality
    ),
    Ability.EXTENSION: Refusal(
        description="The provider is of another kind; choose another model, or let the extension "
        "be ignored."
    ),
    Ability.MORE_THAN_TEXT: Refusal(
        description="A completion answers with text alone; use Chat or StreamChat."
    ),
}


def refusal(
    lacks: Sequence[Need], target: Target, limits: ValidationLimits, prefix: str
) -> InvalidRequest:
    """Return the error that names everything that `target` lacks."""
    findings = Findings(limits, prefix)
    for lack in lacks[: limits.max_violations - 1]:
        how = _how(lack)
        findings.add(lack.field, how.rule, how.description, how.error)
    error = findings.error()
    error.metadata["model"] = target.model
    if isinstance(error, UnsupportedModality):
        error.metadata["modality"] = Modality.Name(lacks[0].modality).removeprefix("MODALITY_")
    return error


def _how(lack: Need) -> Refusal:
    how = _OTHERS.get(lack.ability)
    if how is not None:
        return how
    return _OPTION if lack.option else _TOOLS


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
