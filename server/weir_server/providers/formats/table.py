"""Which kinds of provider are reached over HTTP? A kind is a row here and a name in settings."""

from collections.abc import Mapping

from weir_server.providers.formats.anthropic import ANTHROPIC
from weir_server.providers.formats.base import Format
from weir_server.providers.formats.openai import OPENAI

FORMATS: Mapping[str, Format] = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
}
"""By the `kind` of a provider; the same names as `settings.kinds.REMOTE`, held by a test."""


def can_count(kind: str) -> bool:
    """Say whether providers of a kind count tokens when asked, as the embedded ones do."""
    return kind not in FORMATS or FORMATS[kind].counts
