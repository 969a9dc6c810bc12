"""What is kept of a key, and who keeps it? Everything but its secret, of which there is a hash."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from weir_server.core.caller import NO_QUOTA, Caller, RateQuota, Role

KEY_PREFIX = "keys/"
_NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """One key as it is kept. Times are nanoseconds since the epoch."""

    name: str
    """Resource name, such as `keys/4f1d8a`."""
    tenant: str
    digest: bytes = field(repr=False)
    """Keyed hash of its secret."""
    secret_prefix: str
    """The beginning of its secret, to know it again by."""
    created_ns: int
    display_name: str = ""
    role: Role = Role.CALLER
    models: tuple[str, ...] = ()
    quota: RateQuota = NO_QUOTA
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    expires_ns: int | None = None
    """When it ends by itself; None: never."""
    revoked_ns: int | None = None
    """When it was revoked; None: it was not."""
    old_digest: bytes | None = field(default=None, repr=False)
    """Keyed hash of the secret before the last rotation."""
    old_until_ns: int | None = None
    """Until when that one still works."""

    def caller(self) -> Caller:
        """Return who calls with it."""
        return Caller(
            tenant=self.tenant,
            key=self.name,
            role=self.role,
            models=self.models,
            quota=self.quota,
            labels=self.labels,
        )


class Keys(Protocol):
    """Keeps keys. Every method raises LedgerUnavailable where it cannot be asked."""

    async def find(self, digest: bytes) -> StoredKey | None:
        """Return the key whose secret, or secret before the last rotation, has this hash."""
        ...

    async def get(self, name: str) -> StoredKey:
        """Return the key of this name. Raises KeyNotFound."""
        ...

    async def page(
        self, *, tenant: str, after: tuple[int, str] | None, size: int
    ) -> Sequence[StoredKey]:
        """Return up to `size` keys, the newest first, of one tenant, or of all if it is empty.

        after: `created_ns` and name of the key that the page before ended with.
        """
        ...

    async def add(self, key: StoredKey) -> None:
        """Keep a new key."""
        ...

    async def has_operator(self, now_ns: int) -> bool:
        """Say whether there is a key of an operator that works."""
        ...

    async def add_first_operator(self, key: StoredKey, now_ns: int) -> bool:
        """Keep a new key unless there is one of an operator that works; say whether it was kept.

        Of several servers that start at once, one has it kept.
        """
        ...

    async def change(self, name: str, changed: Callable[[StoredKey], StoredKey]) -> StoredKey:
        """Keep a key as `changed` makes it of what is kept, in one step, and return that.

        Raises KeyNotFound, and what `changed` raises.
        """
        ...
