"""Can a usage be believed, and what stands in for one that cannot?"""

from weir.v1.usage_pb2 import TokenUsage, UsageSource

BELIEVABLE_MAX_TOKENS = 100_000_000
"""More than any model reads or writes in one call, by far."""


def believable(usage: TokenUsage, *, produced: bool) -> bool:
    """Say whether counts obey the laws of TokenUsage.

    produced: whether the answer holds words; a completion of no tokens is then refused.
    """
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    return (
        0 < prompt <= BELIEVABLE_MAX_TOKENS
        and 0 <= completion <= BELIEVABLE_MAX_TOKENS
        and (completion > 0 or not produced)
        and usage.total_tokens == prompt + completion
        and 0 <= usage.cached_prompt_tokens <= prompt
        and 0 <= usage.cache_write_prompt_tokens <= prompt
        and 0 <= usage.cache_write_1h_prompt_tokens <= usage.cache_write_prompt_tokens
        and 0 <= usage.reasoning_tokens <= completion
        and (not usage.modality_tokens or _within(usage))
    )


def _within(usage: TokenUsage) -> bool:
    """Say whether each modality's part is no more than the whole."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    return all(
        0 <= part.prompt_tokens <= prompt and 0 <= part.completion_tokens <= completion
        for part in usage.modality_tokens
    )


def counted(
    prompt: int, completion: int, reasoning: int, source: UsageSource.ValueType
) -> TokenUsage:
    """Make a usage of Weir's own counts; reasoning lies within the completion."""
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        reasoning_tokens=reasoning,
        source=source,
    )
