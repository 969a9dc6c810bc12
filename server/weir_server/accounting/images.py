"""How many tokens is an image? By the rule that its vendor publishes, from its pixels alone.

OpenAI, "Images and vision": tiles of 512 pixels after shrinking, or patches of 32 for smaller
models. Anthropic, "Vision": width times height over 750, after shrinking to 1,568 pixels. Google,
"Understand and count tokens": 258 for a small image or each tile of a larger one.
"""

import re
from collections.abc import Callable
from math import ceil, sqrt
from typing import Final

UNKNOWN_TOKENS: Final = 765
"""Where nothing is known of an image: OpenAI's for a square of 1,024 pixels in high detail."""
UNKNOWN_LOW_TOKENS: Final = 85

Rule = Callable[[int, int, bool], int]
"""Tokens of an image of a width and a height in pixels, in low detail or not."""


def image_tokens(vendor_model: str, size: tuple[int, int] | None, *, low: bool) -> int:
    """Return the tokens of one image for a model by its vendor's name."""
    if size is None:
        return UNKNOWN_LOW_TOKENS if low else UNKNOWN_TOKENS
    for names, rule in _RULES:
        if names(vendor_model):
            return rule(*size, low)
    return _GPT_4O(*size, low)


def _tiles(base: int, per_tile: int) -> Rule:
    """OpenAI's larger models: within 2,048 pixels, the shorter side 768, in tiles of 512."""

    def rule(width: int, height: int, low: bool) -> int:
        if low:
            return base
        scale = min(1, 2048 / max(width, height))
        scale *= min(1, 768 / (min(width, height) * scale))
        return base + per_tile * ceil(width * scale / 512) * ceil(height * scale / 512)

    return rule


def _patches(factor: float) -> Rule:
    """OpenAI's smaller models: patches of 32 pixels, 1,536 at most, times a factor."""

    def rule(width: int, height: int, low: bool) -> int:
        del low  # it makes no difference here
        patches = ceil(width / 32) * ceil(height / 32)
        if patches > 1536:
            scale = sqrt(32 * 32 * 1536 / (width * height))
            across, down = width * scale / 32, height * scale / 32
            # Shrunk once more, so that one of the sides is whole patches.
            scale *= min(int(across) / across, int(down) / down) if across >= 1 <= down else 1
            patches = min(ceil(width * scale / 32) * ceil(height * scale / 32), 1536)
        return ceil(patches * factor)

    return rule


def _anthropic(width: int, height: int, low: bool) -> int:
    del low
    scale = min(1, 1568 / max(width, height))
    return min(ceil(width * scale * height * scale / 750), 1600)


def _google(width: int, height: int, low: bool) -> int:
    if low or max(width, height) <= 384:
        return 258
    side = min(max(int(min(width, height) / 1.5), 256), 768)
    return 258 * ceil(width / side) * ceil(height / side)


_GPT_4O: Final = _tiles(85, 170)


def _named(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.IGNORECASE).search


_RULES: Final = (
    (_named("claude"), _anthropic),
    (_named("gemini|gemma"), _google),
    (_named("gpt-4o-mini"), _tiles(2833, 5667)),
    (_named(r"gpt-4\.1-mini|gpt-5-mini"), _patches(1.62)),
    (_named(r"gpt-4\.1-nano|gpt-5-nano"), _patches(2.46)),
    (_named("o4-mini"), _patches(1.72)),
    (_named(r"gpt-5"), _tiles(70, 140)),
    (_named(r"\bo1|\bo3"), _tiles(75, 150)),
)
"""Which names are sold by which rule; the first that fits. Whatever is none of them is counted as
GPT-4o would."""
