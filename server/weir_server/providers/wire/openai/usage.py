"""Can the vendor's token counts be believed? Only counts that obey the laws of TokenUsage are."""

from collections.abc import Mapping

from weir.v1.content_pb2 import Modality
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.providers.wire.openai.quirks import Quirks

BELIEVABLE_MAX_TOKENS = 100_000_000
"""More tokens than any model reads or writes in one call, by far."""


class _Unbelievable(Exception):
    """A count is no count, or the counts contradict each other."""


def read_usage(said: object, *, produced: bool, quirks: Quirks) -> TokenUsage | None:
    """Return what the vendor's usage object says, or None when it cannot be believed.

    `produced` tells whether the answer has content: zero tokens for it are then refused, as are
    negative and absurd counts and sums that do not add up. The caller estimates instead.
    """
    try:
        return _read(said, produced=produced, quirks=quirks)
    except _Unbelievable:
        return None


def _read(said: object, *, produced: bool, quirks: Quirks) -> TokenUsage:
    prompt = _count(said, "prompt_tokens")
    completion = _count(said, "completion_tokens")
    inward = _part(said, "prompt_tokens_details")
    outward = _part(said, "completion_tokens_details")
    # DeepSeek counts cached tokens beside, not inside, the details.
    cached = _count(inward, "cached_tokens") or _count(said, "prompt_cache_hit_tokens")
    cache_write = _count(inward, "cache_write_tokens")
    reasoning = _count(outward, "reasoning_tokens")
    hidden = (_count(said, "total_tokens") or prompt + completion) - prompt - completion
    if hidden:
        # xAI counts reasoning beside the completion; others only in the total.
        if hidden < 0 or not (hidden == reasoning or quirks.hidden_tokens_in_total):
            raise _Unbelievable
        completion += hidden
        reasoning = max(reasoning, hidden)
    if not prompt or (produced and not completion):
        raise _Unbelievable
    if max(cached, cache_write) > prompt or reasoning > completion:
        raise _Unbelievable
    usage = TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_prompt_tokens=cached,
        cache_write_prompt_tokens=cache_write,
        reasoning_tokens=reasoning,
        source=UsageSource.USAGE_SOURCE_PROVIDER,
    )
    for name, modality in _MODALITIES:
        within_prompt = _count(inward, name)
        within_completion = _count(outward, name)
        if within_prompt > prompt or within_completion > completion:
            raise _Unbelievable
        if within_prompt or within_completion:
            usage.modality_tokens.add(
                modality=modality,
                prompt_tokens=within_prompt,
                completion_tokens=within_completion,
            )
    return usage


_MODALITIES = (
    ("audio_tokens", Modality.MODALITY_AUDIO),
    ("image_tokens", Modality.MODALITY_IMAGE),
)


def _part(said: object, name: str) -> object:
    return said.get(name) if isinstance(said, Mapping) else None


def _count(said: object, name: str) -> int:
    count = _part(said, name)
    if count is None:
        return 0
    # A bool is an int to Python, not to a bookkeeper.
    if not isinstance(count, int) or isinstance(count, bool):
        raise _Unbelievable
    if not 0 <= count <= BELIEVABLE_MAX_TOKENS:
        raise _Unbelievable
    return count
