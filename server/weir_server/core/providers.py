"""What do stages know of a provider? Facts, and how one is installed, replaced and tried."""

from dataclasses import dataclass, field
from typing import Protocol

from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ProviderConfig
from weir_server.core.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """What routing needs to know of a provider. Addresses and credentials are not among it."""

    name: str
    """Resource name, such as `providers/openai`."""
    kind: str
    """Kind of provider, such as `openai`."""
    default_model: str = ""
    """The vendor's model where a request names none; empty: there is none."""
    attempt_timeout_s: float | None = None
    max_retries: int = 2
    capabilities: ModelCapabilities = field(default_factory=ModelCapabilities)
    """What its models can do, where a model says nothing of its own."""
    tokenizer: str = ""
    """How its models' tokens are counted; see Target.tokenizer."""
    credentials: tuple[str, ...] = ()
    """Names of its credentials, if it has several; the secrets stay with the provider itself."""
    unlisted_models: bool = True
    """Whether a request may name a vendor model that the configuration does not list."""
    max_concurrency: int | None = None
    """Upper bound of calls at a time; None: the server's setting."""
    price_list: str = ""
    """Whose published prices its models are sold at; see Target.price_list."""


class ProviderHost(Protocol):
    """Where providers live: it makes them of configurations and ends them."""

    async def install(self, provider_id: str, config: ProviderConfig) -> ProviderFacts:
        """Make a provider, in place of an earlier one of the same id.

        Raises ConfigInvalid, naming the fields.
        """
        ...

    def check(self, provider_id: str, config: ProviderConfig) -> ProviderFacts:
        """Say what `install` would make, and make nothing. Raises ConfigInvalid."""
        ...

    async def probe(self, call: Call, config: ProviderConfig) -> None:
        """Send one cheap request with the configuration. Raises WeirError."""
        ...

    async def remove(self, provider_id: str) -> None:
        """End a provider; its running calls end as they like."""
        ...


class ProviderRegistrar(Protocol):
    """Registers providers at run time."""

    async def initialize(
        self,
        provider_id: str,
        config: ProviderConfig,
        *,
        validate_only: bool,
        request_id: str = "",
        tenant: str = "",
    ) -> tuple[ProviderFacts, int]:
        """Register or renew a provider; return its facts and when it expires, ns since the epoch.

        0: it does not expire. tenant: whose it is; empty: everybody's. request_id: the same one
        again gets the same answer; empty: none.
        Raises ConfigInvalid, ResourceExists, TooManyProviders, and InvalidRequest for a
        `request_id` that was used for something else.
        """
        ...
