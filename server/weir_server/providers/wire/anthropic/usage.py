"""Can the vendor's token counts be believed? Only counts that obey the laws of TokenUsage are.

The reference "Messages", `usage`: what went in is the sum of `input_tokens` and of both counters of
the cache; what a `message_delta` tells is cumulative and replaces what `message_start` told.
"""

from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, TokenUsage

BELIEVABLE_MAX_TOKENS = 100_000_000
"""More tokens than any model reads or writes in one call, by far."""

_COUNTS = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
)


class Usage:
    """What an answer took, as far as the vendor has told."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[str, object] = {}

    def take(self, said: object) -> None:
        """Take a usage object; what it leaves open stays as it was."""
        if isinstance(said, dict):
            self._said.update((name, value) for name, value in said.items() if value is not None)

    def text(self, *names: str) -> str:
        """Return a member, however deep, as text; empty: it is not there, or nothing, or 0."""
        said: object = self._said
        for name in names:
            said = said.get(name) if isinstance(said, dict) else None
        if isinstance(said, str):
            return said
        return str(said) if type(said) is int and 0 < said <= BELIEVABLE_MAX_TOKENS else ""

    def write(self, usage: TokenUsage, *, produced: bool) -> None:
        """Write the counts, or nothing if they are not believable; the caller estimates then.

        `produced` tells whether the answer has content: zero tokens for it are then refused.
        """
        counts = [_count(self._said.get(name)) for name in _COUNTS]
        details = self._said.get("output_tokens_details")
        thought = _count(details.get("thinking_tokens") if isinstance(details, dict) else None)
        if thought is None or None in counts:
            return
        creation = self._said.get("cache_creation")
        hour = creation.get("ephemeral_1h_input_tokens") if isinstance(creation, dict) else None
        written_1h = _count(hour)
        fresh, read, written, completion = (count or 0 for count in counts)
        prompt = fresh + read + written
        if not prompt or (produced and not completion) or thought > completion:
            return
        if prompt > BELIEVABLE_MAX_TOKENS:
            return
        usage.prompt_tokens = prompt
        usage.completion_tokens = completion
        usage.total_tokens = prompt + completion
        usage.cached_prompt_tokens = read
        usage.cache_write_prompt_tokens = written
        usage.reasoning_tokens = thought
        if written_1h is not None and written_1h <= written:
            usage.cache_write_1h_prompt_tokens = written_1h
        usage.source = USAGE_SOURCE_PROVIDER


def _count(said: object) -> int | None:
    """Return a count; 0 where the vendor tells none, None where what it tells is no count."""
    if said is None:
        return 0
    # Not isinstance: a bool is an int to Python, not to a bookkeeper.
    if type(said) is not int or not 0 <= said <= BELIEVABLE_MAX_TOKENS:
        return None
    return said
