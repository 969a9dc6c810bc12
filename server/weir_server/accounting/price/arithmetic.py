"""How much is that? Counts times rates, in whole nanos, as lines that sum to the total.

Each line is rounded once, half up. What is a part of something else is taken out of it where it
has a rate of its own: cached and written tokens out of the prompt, reasoning out of the completion.
"""

from typing import Final

from weir.v1.content_pb2 import Modality
from weir.v1.usage_pb2 import Cost, TokenUsage
from weir_server.accounting.price.rates import MILLION, Rates, Tariff, dearest

CURRENCY: Final = "USD"
_HALF: Final = MILLION // 2

# Looking an enum's value up by name costs nearly a microsecond.
_NAMES: Final = {
    Modality.MODALITY_AUDIO: "audio",
    Modality.MODALITY_IMAGE: "image",
    Modality.MODALITY_VIDEO: "video",
}
_PROMPT_SKUS: Final = (
    "prompt_tokens",
    "cached_prompt_tokens",
    "cache_write_prompt_tokens",
    "cache_write_1h_prompt_tokens",
    "prompt_audio_tokens",
    "prompt_image_tokens",
    "prompt_video_tokens",
)
_COMPLETION_SKUS: Final = (
    "completion_tokens",
    "reasoning_tokens",
    "completion_audio_tokens",
    "completion_image_tokens",
    "completion_video_tokens",
)


def amount(quantity: int, rate: int) -> int:
    """Return the price of so many at a rate, in nanos, rounded half up."""
    return (quantity * rate + _HALF) // MILLION


def cost_of(rates: Rates, usage: TokenUsage, version: str) -> Cost | None:
    """Return what a usage costs; None: something was used that has no rate."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if (prompt and rates.prompt_tokens is None) or (completion and rates.completion_tokens is None):
        return None
    cost = Cost(currency_code=CURRENCY, price_book_version=version)
    total = 0
    for sku, quantity, rate in _lines(rates, usage):
        if quantity:
            price = (quantity * rate + _HALF) // MILLION
            # One by one: by name in one call takes longer.
            line = cost.lines.add()
            line.sku, line.quantity, line.amount_nanos = sku, quantity, price
            total += price
    cost.total_nanos = total
    return cost


def _lines(rates: Rates, usage: TokenUsage) -> list[tuple[str, int, int]]:
    """Return what is to be paid: sku, quantity and rate."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    lines: list[tuple[str, int, int]] = []
    if usage.modality_tokens:
        prompt, completion = _add_modalities(lines, rates, usage)
    cached = written = reasoning = 0
    # A modality's tokens may be cached ones too, which no vendor's usage tells apart in the
    # contract: whatever is left of the prompt beside them is at most what can be cached.
    if (rate := rates.cached_prompt_tokens) is not None:
        cached = min(usage.cached_prompt_tokens, prompt)
        lines.append(("cached_prompt_tokens", cached, rate))
    if (rate := rates.cache_write_prompt_tokens) is not None:
        written = min(usage.cache_write_prompt_tokens, prompt - cached)
        hour = 0
        if usage.cache_write_1h_prompt_tokens and (
            (rate_1h := rates.cache_write_1h_prompt_tokens) is not None
        ):
            hour = min(usage.cache_write_1h_prompt_tokens, written)
            lines.append(("cache_write_1h_prompt_tokens", hour, rate_1h))
        lines.append(("cache_write_prompt_tokens", written - hour, rate))
    if (rate := rates.reasoning_tokens) is not None:
        reasoning = min(usage.reasoning_tokens, completion)
        lines.append(("reasoning_tokens", reasoning, rate))
    lines.insert(0, ("prompt_tokens", prompt - cached - written, rates.prompt_tokens or 0))
    lines.append(("completion_tokens", completion - reasoning, rates.completion_tokens or 0))
    if rates.requests is not None and usage.total_tokens:
        lines.append(("requests", 1, rates.requests))
    return lines


def _add_modalities(
    lines: list[tuple[str, int, int]], rates: Rates, usage: TokenUsage
) -> tuple[int, int]:
    """Add the lines of what is sold apart, and return what is left of prompt and completion."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    for part in usage.modality_tokens:
        name = _NAMES.get(part.modality)
        if name is None:
            continue
        inward = getattr(rates, f"prompt_{name}_tokens")
        if inward is not None:
            quantity = min(part.prompt_tokens, prompt)
            prompt -= quantity
            lines.append((f"prompt_{name}_tokens", quantity, inward))
        outward = getattr(rates, f"completion_{name}_tokens")
        if outward is not None:
            quantity = min(part.completion_tokens, completion)
            completion -= quantity
            lines.append((f"completion_{name}_tokens", quantity, outward))
    return prompt, completion


def bound_of(tariff: Tariff, *, prompt_tokens: int, completion_tokens: int) -> int | None:
    """Return what a call with at most so many tokens costs at most; None: it has no rate."""
    reached = tariff.up_to(prompt_tokens)
    inward, outward = dearest(reached, _PROMPT_SKUS), dearest(reached, _COMPLETION_SKUS)
    request = dearest(reached, ("requests",)) or 0
    if inward is None or (outward is None and completion_tokens):
        return None
    rest = MILLION - 1
    return -(-prompt_tokens * inward // MILLION) + (
        (completion_tokens * (outward or 0) + rest) // MILLION + (request + rest) // MILLION
    )
