"""What may a call cost at most? The amount that is reserved before anybody is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from weir_server.core.prices import Prices
from weir_server.core.target import Target

PROMPT_MARGIN_SHARE = 0.1
"""How far Weir's count of a prompt may be off: what vendors add to it is not all published."""
PROMPT_MARGIN_TOKENS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What may be used, and what that costs at the dearest of the targets that may answer."""

    prompt_tokens: int
    completion_tokens: int
    amount_nanos: int | None
    """None: nobody knows what some target costs."""


def bound_of(
    prices: Prices,
    targets: Sequence[Target],
    *,
    prompt_tokens: int,
    completion_tokens: int,
) -> Bound:
    """Return the bound of a call whose prompt was counted or estimated.

    completion_tokens: how long the answer gets; no target gives more than its model's own maximum.
    """
    prompt = prompt_tokens + int(prompt_tokens * PROMPT_MARGIN_SHARE) + PROMPT_MARGIN_TOKENS
    amount: int | None = 0
    for target in targets:
        completion = completion_tokens
        if target.max_output_tokens:
            completion = min(completion, target.max_output_tokens)
        costs = prices.bound_nanos(target, prompt_tokens=prompt, completion_tokens=completion)
        if costs is None:
            amount = None
            break
        amount = max(amount or 0, costs)
    return Bound(prompt_tokens=prompt, completion_tokens=completion_tokens, amount_nanos=amount)
