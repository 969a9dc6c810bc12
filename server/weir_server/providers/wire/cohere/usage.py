"""How many tokens does the vendor say it were? Only counts that obey the laws of TokenUsage.

The vendor counts twice: `tokens` is what went through the model, its own template included, and
`billed_units` is what it asks money for, which is less. Tokens are what the contract counts; billed
units stand in only where there are no tokens, and are told beside them as attributes.
"""

from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, TokenUsage
from weir_server.providers.wire.believing import BELIEVABLE_MAX_TOKENS

_Json = dict[str, object]


def write_usage(usage: TokenUsage, said: object, *, produced: bool) -> bool:
    """Write what the vendor's usage says; False, and nothing written, if it cannot be believed.

    `produced` tells whether the answer has content: zero tokens for it are then refused.
    """
    counts = _object(said)
    tokens = _object(counts.get("tokens"))
    believed = _Counts(tokens or _object(counts.get("billed_units")))
    # Of the cache's tokens, those were counted that went through the model.
    cached = _Counts(counts).of("cached_tokens") if tokens else 0
    prompt, completion = believed.of("input_tokens"), believed.of("output_tokens")
    if not prompt or completion is None or cached is None or cached > prompt:
        return False
    if produced and not completion:
        return False
    usage.prompt_tokens = prompt
    usage.completion_tokens = completion
    usage.total_tokens = prompt + completion
    usage.cached_prompt_tokens = cached
    usage.source = USAGE_SOURCE_PROVIDER
    return True


def write_embed_usage(usage: TokenUsage, meta: object) -> None:
    """Write what went into vectors, where it can be believed: texts and images together."""
    counts = _object(meta)
    tokens = _object(counts.get("tokens"))
    billed = _Counts(_object(counts.get("billed_units")))
    prompt = _Counts(tokens).of("input_tokens")
    if not prompt:
        texts, images = billed.of("input_tokens"), billed.of("image_tokens")
        prompt = None if texts is None or images is None else texts + images
    if prompt:
        usage.prompt_tokens = usage.total_tokens = prompt
        usage.source = USAGE_SOURCE_PROVIDER


def billed_attributes(said: object) -> list[tuple[str, str]]:
    """Return what is asked money for, as attributes of the answer."""
    billed = _Counts(_object(_object(said).get("billed_units")))
    named = [(f"cohere.billed_{name}", billed.of(name)) for name in _BILLED]
    return [(name, str(count)) for name, count in named if count]


_BILLED = ("input_tokens", "output_tokens", "search_units")


class _Counts:
    """Numbers of an object, which the vendor writes as whole or as real ones."""

    __slots__ = ("_said",)

    def __init__(self, said: _Json) -> None:
        self._said = said

    def of(self, name: str) -> int | None:
        """Return a count, 0 where there is none, or None for what is no count."""
        count = self._said.get(name)
        if count is None:
            return 0
        # Not isinstance: a bool is an int to Python, not to a bookkeeper.
        if type(count) is float and count.is_integer():
            count = int(count)
        if type(count) is not int or not 0 <= count <= BELIEVABLE_MAX_TOKENS:
            return None
        return count


def _object(said: object) -> _Json:
    """Return a JSON object; what is none counts nothing."""
    return said if isinstance(said, dict) else {}
