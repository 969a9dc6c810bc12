"""How much may be asked per minute, and at a time? By tenant and by model; keys have their own."""

from typing import Annotated

from pydantic import Field

from weir_server.core.caller import NO_QUOTA, RateQuota
from weir_server.settings.node import ModelName, Node, Seconds

Rate = Annotated[int, Field(ge=1, le=10**12)]


class LimitSettings(Node):
    """How much one of them may have; what is left out is not limited."""

    requests_per_minute: Rate | None = None
    """Calls let in during any 60 seconds."""
    tokens_per_minute: Rate | None = None
    """Tokens in and out of the calls let in during any 60 seconds."""
    concurrent_calls: Rate | None = None
    """Calls that are open at a time."""

    def quota(self) -> RateQuota:
        """Return the same as stages know it."""
        return RateQuota(
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            concurrent_calls=self.concurrent_calls,
        )

    def smallest(self) -> int | None:
        """Return the smallest limit; None: there is none."""
        values = (self.requests_per_minute, self.tokens_per_minute, self.concurrent_calls)
        return min((value for value in values if value is not None), default=None)


class RatesSettings(Node):
    """Limits of rates and of calls at a time."""

    shadow: bool = False
    """True: what would be refused is logged and let through."""
    default: LimitSettings = LimitSettings()
    """Each tenant that `tenants` does not name."""
    tenants: dict[str, LimitSettings] = Field(default_factory=dict)
    """Tenants by name, in place of the default."""
    models: dict[ModelName, LimitSettings] = Field(default_factory=dict)
    """What each tenant may ask of a model, by the model's name."""
    reserve_step_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 4_096
    """Tokens reserved for an answer whose length the caller does not bound."""
    lease_beyond_s: Seconds = 60.0
    """How long after its deadline a call no longer counts as open, should its process have died."""
    replicas: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Processes of Weir that share the limits, which each has a part of while Redis is away;
    unset: as many as have lately been heard of in Redis."""

    def quota_of(self, tenant: str) -> RateQuota:
        """Return the limits of a tenant."""
        return self.tenants.get(tenant, self.default).quota()

    def quota_of_model(self, name: str) -> RateQuota:
        """Return what a tenant may ask of a model, by its resource name."""
        limits = self.models.get(name.removeprefix("models/"))
        return NO_QUOTA if limits is None else limits.quota()

    def smallest(self) -> int | None:
        """Return the smallest limit of all; None: there is none."""
        each = (self.default, *self.tenants.values(), *self.models.values())
        values = (limits.smallest() for limits in each)
        return min((value for value in values if value is not None), default=None)
