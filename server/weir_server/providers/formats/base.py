"""What does a kind of provider bring along? A wire format, an address, a way to show who asks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.clock import Clock
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.signing import Signer
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.wire.base import MODELS, HttpRequest, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How one provider is spoken to."""

    wire: Wire
    endpoint: str
    """Base address of the API where the plan names none; empty: it must."""
    capabilities: ModelCapabilities = field(default_factory=ModelCapabilities)
    """What its models can do, where a model says nothing of its own."""
    probe: HttpRequest = MODELS
    """One cheap request that shows whether the provider is there and takes the credential."""
    embed_inputs_max: int | None = None
    """How many inputs of Embed one request takes; more are sent in turn. None: any number."""


class Authorize(Protocol):
    """How a key is shown."""

    def __call__(
        self, plan: Plan, key: str, organization: str | None, prefix: str
    ) -> ProviderHeaders:
        """Return the header fields of a key. Raises ConfigInvalid, naming fields after `prefix`."""
        ...


def no_signer(plan: Plan, client: HttpClient, clock: Clock) -> Signer | None:
    """Sign nothing: the key in its header is all that is asked for."""
    del plan, client, clock
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of provider that is reached over HTTP."""

    label: str
    """What people call it, such as `OpenAI wire`."""
    speech: Callable[[Plan], Speech]
    """Says how a plan's provider is spoken to. Raises ConfigInvalid, naming the field."""
    authorize: Authorize
    signer: Callable[[Plan, HttpClient, Clock], Signer | None] = no_signer
    """Makes what signs each request, or fetches tokens for them; None: the headers are enough."""
    counts: bool = False
    """Whether its wire is a CountingWire, so that a model's `tokenizer` may be `provider`."""
    tokenizer: str = ""
    """How tokens of its models are counted where a model says nothing; see Target.tokenizer."""


def bearer(plan: Plan, key: str, organization: str | None, prefix: str) -> ProviderHeaders:
    """Show a key as a bearer token. An organization is no field of such an API."""
    if organization:
        raise invalid(
            plan, "organization_id", "NOT_FOR_KIND", f"Leave it out: {plan.kind} has no use for it."
        )
    return ProviderHeaders(
        credential={"authorization": f"Bearer {key}"} if key else {},
        extra=plan.headers,
        field_prefix=prefix,
    )
