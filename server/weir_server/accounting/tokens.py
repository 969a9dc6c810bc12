"""How many tokens is this for that model? The counter that all stages share."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache

import tiktoken
from tiktoken.model import encoding_name_for_model
from typing_extensions import override

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.accounting.encoder import INLINE_CHARS, Encoder
from weir_server.accounting.prompt import prompt_of, rule_is_published
from weir_server.accounting.vocabulary import load_vocabularies
from weir_server.core.call import Call
from weir_server.core.errors import ProviderNotInitialized
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.core.tokens import (
    PromptCounter,
    ProviderTokenCounter,
    TokenCount,
    TokenCounter,
)

FALLBACK = "o200k_base"
"""What estimates the tokens of models whose own vocabulary is not here."""
BY_PROVIDER = "provider"
"""The tokenizer of targets whose provider counts for itself."""


class Tokens(TokenCounter, PromptCounter):
    """Counts as a target would: by its vocabulary, by asking its provider, or by an estimate."""

    def __init__(
        self,
        encodings: Mapping[str, tiktoken.Encoding],
        providers: ProviderTokenCounter | None = None,
    ) -> None:
        """`providers` counts for targets whose tokenizer is `provider`."""
        self._encoders = {name: Encoder(name, encoding) for name, encoding in encodings.items()}
        self._providers = providers

    @classmethod
    async def load(cls, providers: ProviderTokenCounter | None = None) -> "Tokens":
        """Load the vocabularies off the loop and make the counter. Raises VocabularyInvalid."""
        return cls(await asyncio.to_thread(load_vocabularies), providers)

    @override
    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Count a text on its own; exact for vocabularies that are here."""
        if target.tokenizer == BY_PROVIDER:
            return await self._provider(target).count_text(call, target, text)
        encoder, is_own = self._encoder(target)
        tokens, exact = await encoder.count((text,))
        return _counted(encoder, tokens, exact=exact, is_own=is_own)

    @override
    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Count a chat; exact for plain text to models whose rule is published."""
        if target.tokenizer == BY_PROVIDER:
            return await self._provider(target).count_chat(call, target, request)
        encoder, is_own = self._encoder(target)
        prompt = prompt_of(request, target.vendor_model)
        tokens, exact = await encoder.count(prompt.texts)
        exact = exact and prompt.is_plain and rule_is_published(target.vendor_model)
        return _counted(encoder, tokens + prompt.tokens, exact=exact, is_own=is_own)

    @override
    async def count_prompt(self, target: Target, request: Request) -> int:
        """Count what goes in, whole, without asking the provider; long texts off the loop."""
        prompt = prompt_of(request, target.vendor_model)
        tokens, _ = await self._encoder(target)[0].count(prompt.texts)
        return tokens + prompt.tokens

    def estimate_text(self, target: Target, text: str) -> int:
        """Count a text at once, in bounded time: a long one by its beginning."""
        return self._encoder(target)[0].count_now(text)

    def estimate_prompt(self, target: Target, request: Request) -> int:
        """Count what goes in at once, in bounded time: a long one by its beginning."""
        prompt = prompt_of(request, target.vendor_model)
        encoder = self._encoder(target)[0]
        chars = tokens = sampled = 0
        for text in prompt.texts:
            chars += len(text)
            if sampled < INLINE_CHARS:
                sample = text[: INLINE_CHARS - sampled]
                sampled += len(sample)
                tokens += encoder.count_now(sample)
        if chars > sampled:
            tokens = round(tokens * chars / sampled)
        return tokens + prompt.tokens

    def _provider(self, target: Target) -> ProviderTokenCounter:
        if self._providers is None:
            raise ProviderNotInitialized(metadata={"provider": target.provider})
        return self._providers

    def _encoder(self, target: Target) -> tuple[Encoder, bool]:
        """Return the encoder for a target, and whether it is the model's own."""
        name = target.tokenizer
        if name in ("", BY_PROVIDER):
            name = _encoding_of_model(target.vendor_model)
        encoder = self._encoders.get(name)
        if encoder is None:
            return self._encoders[FALLBACK], False
        return encoder, True


def _counted(encoder: Encoder, tokens: int, *, exact: bool, is_own: bool) -> TokenCount:
    exact = exact and is_own
    # One fact, said twice: whoever reads only the name must not take an estimate for a count.
    name = encoder.name if exact else f"estimate:{encoder.name}"
    return TokenCount(tokens=tokens, exact=exact, tokenizer=name)


@lru_cache(maxsize=1_024)
def _encoding_of_model(vendor_model: str) -> str:
    try:
        return encoding_name_for_model(vendor_model)
    except KeyError:
        return ""
