"""How many tokens is this? The question that several stages ask, and how it is answered."""

from dataclasses import dataclass
from typing import Protocol

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.handler import Request
from weir_server.core.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """A number of tokens, and how far to trust it."""

    tokens: int
    exact: bool
    """Whether the provider would count exactly this."""
    tokenizer: str
    """What counted: `o200k_base`, `local:smollm2`, or `estimate:o200k_base`."""


class TokenCounter(Protocol):
    """Counts tokens as a target would."""

    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Count a text on its own. Raises WeirError when the provider was asked and failed."""
        ...

    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Count a chat request with what the provider adds around messages and tools."""
        ...


class PromptCounter(Protocol):
    """Counts what goes in, for any kind of request, and asks nobody."""

    async def count_prompt(self, target: Target, request: Request) -> int:
        """Return the tokens of a request's prompt, by the target's vocabulary or an estimate.

        Long texts are counted off the loop.
        """
        ...


class ProviderTokenCounter(Protocol):
    """A provider that counts its own models' tokens, such as the embedded one."""

    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Count a text on its own."""
        ...

    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Count a chat request with what its template adds."""
        ...
