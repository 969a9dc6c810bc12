"""How many tokens does the server say it were? Only counts that obey the laws of TokenUsage.

The server leaves out a count that is 0, and older ones count only those tokens of a prompt that
were not in their cache: `prompt_eval_count` is missing where all were. Such an answer tells too
little to be believed, and Weir estimates instead.
"""

from weir.v1.usage_pb2 import USAGE_SOURCE_PROVIDER, TokenUsage
from weir_server.providers.wire.believing import BELIEVABLE_MAX_TOKENS


def write_usage(usage: TokenUsage, prompt: object, completion: object, *, produced: bool) -> bool:
    """Write the counts; False, and nothing written, if they cannot be believed.

    `produced` tells whether the answer has content: zero tokens for it are then refused.
    """
    went_in, came_out = _count(prompt), _count(completion)
    if not went_in or came_out is None or (produced and not came_out):
        return False
    usage.prompt_tokens = went_in
    usage.completion_tokens = came_out
    usage.total_tokens = went_in + came_out
    usage.source = USAGE_SOURCE_PROVIDER
    return True


def _count(said: object) -> int | None:
    """Return a count, 0 where there is none, or None for what is no count."""
    if said is None:
        return 0
    # Not isinstance: a bool is an int to Python, not to a bookkeeper.
    return said if type(said) is int and 0 <= said <= BELIEVABLE_MAX_TOKENS else None
