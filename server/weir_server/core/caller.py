"""Who calls? The tenant that pays, the key it called with, and what that key may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Protocol

_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Role(Enum):
    """What a caller may do."""

    CALLER = "caller"
    """Ask models, and see what its own tenant used."""
    OPERATOR = "operator"
    """Also configure, and see everything."""

    def covers(self, needed: "Role") -> bool:
        """Say whether a method for `needed` is open to this role."""
        return self is Role.OPERATOR or needed is Role.CALLER


@dataclass(frozen=True, slots=True, kw_only=True)
class RateQuota:
    """How much may be asked; None: not limited."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_calls: int | None = None


NO_QUOTA = RateQuota()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as their key says. Shared by all calls with that key: never written to."""

    tenant: str = "default"
    """Who pays."""
    key: str = ""
    """Resource name of the key, such as `keys/4f1d8a`; empty: none was needed."""
    role: Role = Role.CALLER
    models: tuple[str, ...] = ()
    """Models it may use, by resource name, a trailing `*` for anything; empty: all."""
    quota: RateQuota = NO_QUOTA
    """How much may be asked with the key."""
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    """Labels that each of its calls carries, over the caller's own."""

    def may_use(self, model: str) -> bool:
        """Say whether it may use a model, by resource name such as `models/fast`."""
        return not self.models or any(
            model.startswith(allowed[:-1]) if allowed.endswith("*") else model == allowed
            for allowed in self.models
        )

    def acting_for(self, tenant: str) -> "Caller":
        """Return this caller as one of a tenant."""
        return self if tenant == self.tenant else replace(self, tenant=tenant)


NOBODY = Caller()
"""Who calls where there are no keys, and an RPC that was refused before anybody was known."""

ANYONE = Caller(role=Role.OPERATOR)
"""Who calls a Weir that runs open: no key is asked for, and everything may be done."""


class Identity(Protocol):
    """Knows callers by what they present."""

    def caller(self, authorization: str) -> Caller | None:
        """Return who presents this value of `authorization`, if it was asked for lately.

        Empty: the call has none. None: `resolve` must find out. Raises ApiKeyInvalid.
        """
        ...

    async def resolve(self, authorization: str, peer: str) -> Caller:
        """Find out who presents it. Raises ApiKeyInvalid, ApiKeyDisabled, RateLimited and
        LedgerUnavailable."""
        ...
