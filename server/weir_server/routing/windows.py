"""Is a target's context window large enough? Counted only where a glance cannot tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir_server.core.errors import ContextLengthExceeded
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.core.tokens import PromptCounter

MEDIUM_TOKENS_MAX = 4_096
"""What a medium may cost beyond its bytes: an image that is only named by its address."""
FRAME_TOKENS_MAX = 64
"""What a template may put around a prompt, beyond what it puts around each message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Which targets a request fits."""

    targets: tuple[Target, ...]
    """Those whose window is large enough or not known, in their order."""
    small: tuple[Target, ...] = ()
    """The others."""
    prompt_tokens: int = 0
    """How long the prompt is for the largest of the small ones."""


class Windows:
    """Holds prompts against context windows.

    The window of an embedding model is for each input alone; that is left to its provider.
    """

    def __init__(self, counter: PromptCounter) -> None:
        self._counter = counter

    def surely_fits(self, request: Request, targets: Sequence[Target], media: int) -> bool:
        """Say at a glance whether a request fits every target; False: it has to be counted.

        No text has more tokens than bytes, and a message's frame in the wire format is longer than
        any template's.
        """
        known = [target.context_window_tokens for target in targets if target.context_window_tokens]
        if not known or isinstance(request, EmbedRequest):
            return True
        most = request.ByteSize() + media * MEDIUM_TOKENS_MAX + FRAME_TOKENS_MAX
        return most + output_tokens(request) <= min(known)

    async def fit(
        self, request: Request, targets: Sequence[Target], *, prompt_tokens: int = 0
    ) -> Fit:
        """Count the prompt as each target would, and say which of them it fits.

        prompt_tokens: how long it is, if that is known; 0: count.
        """
        counts: dict[tuple[str, str], int] = {}
        fitting, small = [], []
        longest = (0, 0)
        for target in targets:
            window = target.context_window_tokens
            if not window:
                fitting.append(target)
                continue
            key = (target.tokenizer, target.vendor_model)
            if key not in counts:
                counts[key] = prompt_tokens or await self._counter.count_prompt(target, request)
            if counts[key] + output_tokens(request) <= window:
                fitting.append(target)
            else:
                small.append(target)
                longest = max(longest, (window, counts[key]))
        return Fit(targets=tuple(fitting), small=tuple(small), prompt_tokens=longest[1])


def too_long(fit: Fit, request: Request) -> ContextLengthExceeded:
    """Return the refusal of a prompt that fits nobody."""
    metadata = {
        "promptTokens": str(fit.prompt_tokens),
        "maxTokens": str(max(target.context_window_tokens for target in fit.small)),
    }
    if output := output_tokens(request):
        metadata["maxOutputTokens"] = str(output)
    return ContextLengthExceeded(metadata=metadata)


def output_tokens(request: Request) -> int:
    """Return how long an answer the caller wants room for; 0: as long as it gets."""
    if isinstance(request, EmbedRequest) or not request.HasField("options"):
        return 0
    return request.options.max_output_tokens
