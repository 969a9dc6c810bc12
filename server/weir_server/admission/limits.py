"""Which limits does a call come under? Those of its key, of its tenant, and of its model."""

from collections.abc import Iterator, Sequence
from typing import Final

from weir_server.core.caller import NO_QUOTA, Caller, RateQuota
from weir_server.core.counters import Limit, Measure
from weir_server.settings.rates import RatesSettings

PLANS_MAX: Final = 10_000
"""How many callers' limits are remembered; then it begins anew."""

_Known = tuple[RateQuota, "LimitPlan"]


class LimitPlan:
    """The limits of calls by one caller to one model, found out once."""

    __slots__ = ("limits", "token_limit")

    def __init__(self, limits: Sequence[Limit]) -> None:
        self.limits: Final = limits
        self.token_limit: Final = min(
            (each.most for each in limits if each.measure is Measure.TOKENS), default=None
        )
        """The smallest limit of tokens; None: they need not be counted."""


class LimitBook:
    """Knows the limits of all callers."""

    def __init__(self, settings: RatesSettings) -> None:
        self.use(settings)

    def use(self, settings: RatesSettings) -> None:
        """Take on other limits; what was counted under the same names still counts."""
        self._settings = settings
        self.names_models = bool(settings.models)
        """Whether it matters which model is asked."""
        self.shadow = settings.shadow
        """Whether limits are only being tried out."""
        self.step_tokens = settings.reserve_step_tokens
        """What is reserved for an answer without a bound."""
        self.lease_beyond_s = settings.lease_beyond_s
        """How long after its deadline a call's lease ends by itself."""
        self._known: dict[tuple[str, str, str], _Known] = {}

    def replicas(self) -> int | None:
        """Return how many processes share the limits; None: nobody has said."""
        return self._settings.replicas

    def plan(self, caller: Caller, model: str) -> LimitPlan:
        """Return the limits; `model` is a resource name, or empty where it does not matter."""
        of = (caller.tenant, caller.key, model)
        known = self._known.get(of)
        # A key's quota may have been changed since: then it is another object.
        if known is not None and known[0] is caller.quota:
            return known[1]
        if len(self._known) >= PLANS_MAX:
            self._known.clear()
        plan = LimitPlan(tuple(self._limits(caller, model)))
        self._known[of] = (caller.quota, plan)
        return plan

    def _limits(self, caller: Caller, model: str) -> Iterator[Limit]:
        settings, tenant = self._settings, f"tenants/{caller.tenant}"
        # A quota belongs to a key; callers without one share their tenant's.
        of_key = caller.quota if caller.key else NO_QUOTA
        for subject, quota in (
            (caller.key, of_key),
            (tenant, settings.quota_of(caller.tenant)),
            (f"{tenant}/{model}", settings.quota_of_model(model)),
        ):
            for measure, most in (
                (Measure.REQUESTS, quota.requests_per_minute),
                (Measure.TOKENS, quota.tokens_per_minute),
                (Measure.CALLS, quota.concurrent_calls),
            ):
                if most is not None:
                    yield Limit(tenant=caller.tenant, subject=subject, measure=measure, most=most)


def scope_of(limit: Limit) -> str:
    """Return what kind of thing is limited: `key`, `tenant`, or the tenant's use of a `model`."""
    if limit.subject.startswith("keys/"):
        return "key"
    return "model" if "/models/" in limit.subject else "tenant"
