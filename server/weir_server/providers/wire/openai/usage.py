"""Can the vendor's token counts be believed? Only counts that obey the laws of TokenUsage are."""

from functools import partial

from weir.v1.content_pb2 import MODALITY_AUDIO, MODALITY_IMAGE
from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, ModalityTokens, TokenUsage
from weir_server.providers.wire.believing import BELIEVABLE_MAX_TOKENS
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.reported import write_reported

_Json = dict[str, object]

_CACHED = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")


class _Unbelievable(Exception):
    """A count is no count, or the counts contradict each other."""


def read_usage(said: object, *, produced: bool, quirks: Quirks) -> TokenUsage | None:
    """Return what the vendor's usage object says, or None when it cannot be believed."""
    usage = TokenUsage()
    return usage if write_usage(usage, said, produced=produced, quirks=quirks) else None


def write_usage(usage: TokenUsage, said: object, *, produced: bool, quirks: Quirks) -> bool:
    """Write what the vendor's usage object says; False, and nothing written, if unbelievable.

    `produced` tells whether the answer has content: zero tokens for it are then refused, as are
    negative and absurd counts and sums that do not add up. The caller estimates instead.
    """
    try:
        _write(usage, said, produced=produced, quirks=quirks)
    except _Unbelievable:
        return False
    if quirks.reported_cost is not None:
        write_reported(usage, said, quirks.reported_cost)
    return True


def _write(usage: TokenUsage, said: object, *, produced: bool, quirks: Quirks) -> None:
    counts = _object(said)
    prompt = _count(counts, "prompt_tokens")
    completion = _count(counts, "completion_tokens")
    inward = _object(counts.get("prompt_tokens_details"))
    outward = _object(counts.get("completion_tokens_details"))
    cached = _count(inward, "cached_tokens")
    if not cached:
        # DeepSeek, Mistral and Moonshot count cached tokens beside, not inside, the details.
        cached = next((n for n in map(partial(_count, counts), _CACHED) if n), 0)
    cache_write = _count(inward, "cache_write_tokens") if inward else 0
    reasoning = _count(outward, "reasoning_tokens") if outward else 0
    if not reasoning and (beside := _count(counts, "reasoning_tokens")) <= completion:
        reasoning = beside  # SGLang; where it is more, it was not counted among the completion
    hidden = (_count(counts, "total_tokens") or prompt + completion) - prompt - completion
    if hidden:
        # xAI counts reasoning beside the completion; others only in the total.
        if hidden < 0 or not (hidden == reasoning or quirks.hidden_tokens_in_total):
            raise _Unbelievable
        completion += hidden
        reasoning = max(reasoning, hidden)
    if not prompt or (produced and not completion):
        raise _Unbelievable
    if cached > prompt or cache_write > prompt or reasoning > completion:
        raise _Unbelievable
    # Looked at before the first count is written, as they too may be beyond belief.
    modalities = _modalities(inward, outward, prompt, completion) if inward or outward else ()
    usage.prompt_tokens = prompt
    usage.completion_tokens = completion
    usage.total_tokens = prompt + completion
    usage.cached_prompt_tokens = cached
    usage.cache_write_prompt_tokens = cache_write
    usage.reasoning_tokens = reasoning
    usage.source = USAGE_SOURCE_PROVIDER
    if modalities:
        usage.modality_tokens.extend(modalities)


def _modalities(
    inward: _Json, outward: _Json, prompt: int, completion: int
) -> list[ModalityTokens]:
    modalities = []
    for name, modality in _MODALITIES:
        within_prompt = _count(inward, name)
        within_completion = _count(outward, name)
        if within_prompt > prompt or within_completion > completion:
            raise _Unbelievable
        if within_prompt or within_completion:
            tokens = ModalityTokens(modality=modality)
            tokens.prompt_tokens = within_prompt
            tokens.completion_tokens = within_completion
            modalities.append(tokens)
    return modalities


_MODALITIES = (("audio_tokens", MODALITY_AUDIO), ("image_tokens", MODALITY_IMAGE))


def _object(said: object) -> _Json:
    """Return a JSON object; what is none counts nothing."""
    return said if isinstance(said, dict) else {}


def _count(said: _Json, name: str) -> int:
    count = said.get(name)
    if count is None:
        return 0
    # Not isinstance: a bool is an int to Python, not to a bookkeeper.
    if type(count) is not int or not 0 <= count <= BELIEVABLE_MAX_TOKENS:
        raise _Unbelievable
    return count
