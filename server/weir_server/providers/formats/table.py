"""Which kinds of provider are reached over HTTP? A kind is a row here and a name in settings."""

from collections.abc import Mapping

from weir_server.providers.formats.anthropic import ANTHROPIC
from weir_server.providers.formats.azure import AZURE_OPENAI
from weir_server.providers.formats.base import Format
from weir_server.providers.formats.bedrock import BEDROCK
from weir_server.providers.formats.cohere import COHERE
from weir_server.providers.formats.gemini import GEMINI
from weir_server.providers.formats.ollama import OLLAMA
from weir_server.providers.formats.openai import OPENAI
from weir_server.providers.formats.responses import RESPONSES
from weir_server.providers.formats.vertex import VERTEX

FORMATS: Mapping[str, Format] = {
    "openai": OPENAI,
    "openai-responses": RESPONSES,
    "azure-openai": AZURE_OPENAI,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "vertex": VERTEX,
    "bedrock": BEDROCK,
    "cohere": COHERE,
    "ollama": OLLAMA,
}
"""By the `kind` of a provider; the same names as `settings.kinds.REMOTE`, held by a test."""


def can_count(kind: str) -> bool:
    """Say whether providers of a kind count tokens when asked, as the embedded ones do."""
    return kind not in FORMATS or FORMATS[kind].counts
