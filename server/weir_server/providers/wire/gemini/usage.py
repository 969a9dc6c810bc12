"""Can the vendor's token counts be believed? Only counts that obey the laws of TokenUsage are.

The vendor's reference "UsageMetadata": the total is the sum of prompt, candidates, thoughts and
what tools of the vendor's own put into the prompt; cached tokens are within the prompt.
"""

from collections.abc import Mapping

from msgspec import Raw
from msgspec.json import Decoder

from weir.v1 import content_pb2
from weir.v1.content_pb2 import Modality
from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, ModalityTokens, TokenUsage
from weir_server.providers.wire.believing import BELIEVABLE_MAX_TOKENS

_MODALITIES: Mapping[object, Modality.ValueType] = {
    "TEXT": content_pb2.MODALITY_TEXT,
    "IMAGE": content_pb2.MODALITY_IMAGE,
    "AUDIO": content_pb2.MODALITY_AUDIO,
    "VIDEO": content_pb2.MODALITY_VIDEO,
    "DOCUMENT": content_pb2.MODALITY_DOCUMENT,
}

_Json = Mapping[str, object]
_ANYTHING: Decoder[object] = Decoder()


class _Unbelievable(Exception):
    """A count is no count, or the counts contradict each other."""


def counts_prompt(said: Raw) -> bool:
    """Tell whether usage counts anything: in the middle of a stream it may name but a tier."""
    return b'"promptTokenCount"' in bytes(said)


def read_usage(said: Raw) -> object:
    """Return what usage says that was left as it came, or None when it is no JSON."""
    try:
        return _ANYTHING.decode(said)
    except (ValueError, RecursionError):
        return None


def write_usage(usage: TokenUsage, said: object, *, produced: bool) -> bool:
    """Write what the vendor's usage object says; False, and nothing written, if unbelievable.

    `produced` tells whether the answer has content: zero tokens for it are then refused. The
    caller estimates instead.
    """
    try:
        read = _read(said, produced=produced)
    except _Unbelievable:
        return False
    usage.CopyFrom(read)
    return True


def _read(said: object, *, produced: bool) -> TokenUsage:
    counts = said if isinstance(said, dict) else {}
    tools = _count(counts, "toolUsePromptTokenCount")
    prompt = _count(counts, "promptTokenCount") + tools
    reasoning = _count(counts, "thoughtsTokenCount")
    completion = _count(counts, "candidatesTokenCount") + reasoning
    cached = _count(counts, "cachedContentTokenCount")
    total = _count(counts, "totalTokenCount")
    # Vertex has been seen to leave its tools out of the total.
    if total and total not in (prompt + completion, prompt + completion - tools):
        raise _Unbelievable
    if not prompt or cached > prompt or (produced and not completion):
        raise _Unbelievable
    usage = TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_prompt_tokens=cached,
        reasoning_tokens=reasoning,
        source=USAGE_SOURCE_PROVIDER,
    )
    inward = _split(counts, "promptTokensDetails", "toolUsePromptTokensDetails")
    outward = _split(counts, "candidatesTokensDetails")
    if sum(inward.values()) <= prompt and sum(outward.values()) <= completion:
        for modality in sorted({*inward, *outward}):
            usage.modality_tokens.append(
                ModalityTokens(
                    modality=modality,
                    prompt_tokens=inward.get(modality, 0),
                    completion_tokens=outward.get(modality, 0),
                )
            )
    return usage


def _split(counts: _Json, *names: str) -> dict[Modality.ValueType, int]:
    """Return the tokens of each modality that these members tell."""
    split: dict[Modality.ValueType, int] = {}
    for name in names:
        details = counts.get(name)
        for detail in details if isinstance(details, list) else ():
            if not isinstance(detail, dict):
                continue
            modality = detail.get("modality")
            if isinstance(modality, str) and modality in _MODALITIES:
                kind = _MODALITIES[modality]
                split[kind] = split.get(kind, 0) + _count(detail, "tokenCount")
    return split


def _count(said: _Json, name: str) -> int:
    count = said.get(name)
    if count is None:
        return 0
    # Not isinstance: a bool is an int to Python, not to a bookkeeper.
    if type(count) is not int or not 0 <= count <= BELIEVABLE_MAX_TOKENS:
        raise _Unbelievable
    return count
