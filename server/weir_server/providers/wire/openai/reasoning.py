"""How is it said how much a model shall reason? Each vendor has its way; the quirks say which."""

from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_SUMMARY,
    ReasoningEffort,
    ReasoningOptions,
)
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.quirks import Quirks

EFFORTS = {
    ReasoningEffort.REASONING_EFFORT_NONE: "none",
    ReasoningEffort.REASONING_EFFORT_MINIMAL: "minimal",
    ReasoningEffort.REASONING_EFFORT_LOW: "low",
    ReasoningEffort.REASONING_EFFORT_MEDIUM: "medium",
    ReasoningEffort.REASONING_EFFORT_HIGH: "high",
    ReasoningEffort.REASONING_EFFORT_MAX: "max",
}


def add_reasoning(draft: Draft, reasoning: ReasoningOptions, quirks: Quirks) -> None:
    """Write effort and bound, or name what the vendor has no words for."""
    effort = EFFORTS.get(reasoning.effort)
    if effort is not None:
        _add_effort(draft, effort, quirks)
    if reasoning.HasField("budget_tokens"):
        if quirks.reasoning_budget_field:
            put(draft.body, quirks.reasoning_budget_field, reasoning.budget_tokens)
            draft.body |= quirks.reasoning_budget_options
        else:
            draft.unsupported("reasoning.budget_tokens")
    # Hidden reasoning is left out of the answer; in full is what the vendor gives anyway.
    if reasoning.visibility == REASONING_VISIBILITY_SUMMARY:
        draft.unsupported("reasoning.visibility")


def _add_effort(draft: Draft, effort: str, quirks: Quirks) -> None:
    known = quirks.reasoning_efforts
    if effort == "none" and quirks.reasoning_off:
        draft.body |= quirks.reasoning_off
    elif "reasoning.effort" in quirks.unsupported_options or (
        known is not None and effort not in known
    ):
        draft.unsupported("reasoning.effort")
    else:
        put(draft.body, quirks.reasoning_field, effort if known is None else known[effort])


def put(body: dict[str, object], field: str, value: object) -> None:
    """Write a field of the request; `a.b` is the member b of an object a, made where need be."""
    outer, dot, inner = field.partition(".")
    if not dot:
        body[field] = value
        return
    members = body.get(outer)
    body[outer] = {**(members if isinstance(members, dict) else {}), inner: value}
