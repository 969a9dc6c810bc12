"""Can the vendor's token counts be believed? Only counts that obey the laws of TokenUsage are.

The reference "Messages", `usage`: what went in is the sum of `input_tokens` and of both counters of
the cache; what a `message_delta` tells is cumulative and replaces what `message_start` told.
"""

from collections.abc import Mapping, Sequence

from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, TokenUsage

BELIEVABLE_MAX_TOKENS = 100_000_000
"""More tokens than any model reads or writes in one call, by far."""

_COUNTS = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
)
_KNOWN: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(_COUNTS, ()),
    "output_tokens_details": ("thinking_tokens",),
    "cache_creation": ("ephemeral_1h_input_tokens",),
    "server_tool_use": ("web_search_requests", "web_fetch_requests"),
    "service_tier": (),
}
"""The members that Weir reads, each with those within it. Others are not kept: a vendor can think
of ever new ones."""
_NAME_MAX_CHARS = 256
"""Of a text that names something; what is longer names nothing."""
_ODD = False
"""In the place of what is neither a number nor a name: no count, and no text."""


class Usage:
    """What an answer took, as far as the vendor has told."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[tuple[str, ...], int | str] = {}

    def take(self, said: object) -> None:
        """Take a usage object; what it leaves open stays as it was."""
        if not isinstance(said, dict):
            return
        for name, inner in _KNOWN.items():
            value = said.get(name)
            if not inner:
                self._keep((name,), value)
            elif isinstance(value, dict):
                for member in inner:
                    self._keep((name, member), value.get(member))

    def text(self, *names: str) -> str:
        """Return a member, however deep, as text; empty: it is not there, or nothing, or 0."""
        said = self._said.get(names)
        if isinstance(said, str):
            return said
        return str(said) if type(said) is int and 0 < said <= BELIEVABLE_MAX_TOKENS else ""

    def write(self, usage: TokenUsage, *, produced: bool) -> None:
        """Write the counts, or nothing if they are not believable; the caller estimates then.

        `produced` tells whether the answer has content: zero tokens for it are then refused.
        """
        counts = [_count(self._said.get((name,))) for name in _COUNTS]
        thought = _count(self._said.get(("output_tokens_details", "thinking_tokens")))
        if thought is None or None in counts:
            return
        written_1h = _count(self._said.get(("cache_creation", "ephemeral_1h_input_tokens")))
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

    def _keep(self, path: tuple[str, ...], value: object) -> None:
        if value is None:
            return
        if isinstance(value, str):
            self._said[path] = value if len(value) <= _NAME_MAX_CHARS else _ODD
        else:
            # Not isinstance: a bool is an int to Python, not to a bookkeeper.
            self._said[path] = value if type(value) is int else _ODD


def _count(said: object) -> int | None:
    """Return a count; 0 where the vendor tells none, None where what it tells is no count."""
    if said is None:
        return 0
    # Not isinstance: a bool is an int to Python, not to a bookkeeper.
    if type(said) is not int or not 0 <= said <= BELIEVABLE_MAX_TOKENS:
        return None
    return said
