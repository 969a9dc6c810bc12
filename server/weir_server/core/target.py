"""Who is asked, and for what? A target: one model at one provider."""

from dataclasses import dataclass
from enum import Enum, auto

from weir.v1.model_pb2 import ModelCapabilities

GATEWAY = "weir"
"""The kind of a provider that is a Weir itself, in front of providers of any kind."""


class Operation(Enum):
    """What a call asks a model to do."""

    CHAT = auto()
    COMPLETE = auto()
    EMBED = auto()
    COUNT = auto()
    INFO = auto()
    """Nothing: the call asks Weir itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One model at one provider. Addresses and credentials stay with the provider itself."""

    provider: str
    """Resource name of the provider, such as `providers/openai`."""
    model: str
    """Resource name of the model that callers ask for, such as `models/fast`."""
    vendor_model: str
    """What the provider calls the model, such as `gpt-4o-mini`."""
    capabilities: ModelCapabilities
    """What the model can do. Shared: never written to."""
    attempt_timeout_s: float | None = None
    """Upper bound of one attempt; None: what remains of the deadline."""
    max_retries: int = 2
    """How often a failed attempt may be repeated."""
    context_window_tokens: int = 0
    """Tokens of prompt and answer together; 0: not known."""
    max_output_tokens: int = 0
    """Upper bound of completion tokens; 0: not known."""
    tokenizer: str = ""
    """How its tokens are counted: a tiktoken encoding, `provider` (ask it) or empty (estimate)."""
    credentials: tuple[str, ...] = ("",)
    """Names of the provider's credentials that may be used; an empty one: it has one, or none."""
    credential: str = ""
    """Name of the credential that this attempt uses; resilience chooses it."""
    max_concurrency: int | None = None
    """Upper bound of calls at its provider at a time; None: the server's setting."""
    weight: int = 1
    """Its share among the targets of a weighted model."""
    kind: str = ""
    """Kind of its provider, whose extensions it takes; empty: not known."""
    price_list: str = ""
    """Whose published prices it is sold at, such as `openai`; empty: not known."""

    @property
    def is_gateway(self) -> bool:
        """Whether its provider is a Weir: it hands extensions on, and tells prices of a book."""
        return self.kind == GATEWAY

    @property
    def name(self) -> str:
        """Resource name of what has a circuit breaker: the vendor's model at the provider."""
        return f"{self.provider}/targets/{self.vendor_model}"
