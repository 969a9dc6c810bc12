"""Can the vendor's token counts be believed? Only counts that obey the laws of TokenUsage are.

By the guide "Prompt caching", `inputTokens` leaves out what was read from or written to a cache:
the prompt is the sum of the three. `totalTokens` counts the cached ones with some models only.
"""

from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, TokenUsage
from weir_server.providers.wire.believing import BELIEVABLE_MAX_TOKENS


def write_usage(usage: TokenUsage, said: object, *, produced: bool, withheld: bool) -> bool:
    """Write what the vendor's usage object says; False, and nothing written, if unbelievable.

    produced: whether the answer has content; zero tokens for it are then refused. withheld:
    whether a guardrail stepped in, whose own words the model is not asked for and cost nothing.
    """
    if not isinstance(said, dict):
        return False
    counts = [_count(said.get(name)) for name in _NAMES]
    total = said.get("totalTokens")
    if None in counts or (total is not None and _count(total) is None):
        return False
    fresh, completion, read, written = (count or 0 for count in counts)
    prompt = fresh + read + written
    if not withheld and (not prompt or (produced and not completion)):
        return False
    if total is not None and total not in (fresh + completion, prompt + completion):
        return False
    usage.prompt_tokens = prompt
    usage.completion_tokens = completion
    usage.total_tokens = prompt + completion
    usage.cached_prompt_tokens = read
    usage.cache_write_prompt_tokens = written
    details = said.get("cacheDetails")
    hour = sum(map(_written_1h, details if isinstance(details, list) else ()))
    if hour <= written:
        usage.cache_write_1h_prompt_tokens = hour
    usage.source = USAGE_SOURCE_PROVIDER
    return True


def _written_1h(detail: object) -> int:
    """Return how many tokens of a cache's details are to be kept for an hour."""
    if not isinstance(detail, dict) or detail.get("ttl") != "1h":
        return 0
    return _count(detail.get("inputTokens")) or 0


_NAMES = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")


def _count(said: object) -> int | None:
    """Return a count; 0 where none is said, None for what is no count."""
    if said is None:
        return 0
    # Not isinstance: a bool is an int to Python, not to a bookkeeper.
    if type(said) is not int or not 0 <= said <= BELIEVABLE_MAX_TOKENS:
        return None
    return said
