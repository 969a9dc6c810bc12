"""How do keys come, change and go? What operators do with them, whoever keeps them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.clock import Clock
from weir_server.core.errors import InvalidRequest
from weir_server.core.keys import KEY_PREFIX, Keys, StoredKey
from weir_server.identity.secrets import Hasher, new_secret, prefix_of

_ENDED = FieldViolation(
    field="name",
    rule="CONFLICT",
    description="The key was revoked or has expired; make another one.",
)
NAME_BYTES = 6
"""48 random bits in hexadecimal: a name has to be unlike the others, not secret."""


class KeyRing:
    """Makes, lists, changes and revokes keys. Raises LedgerUnavailable where they are kept away."""

    def __init__(
        self,
        keys: Keys,
        hasher: Hasher,
        *,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        changed: Callable[[str], None],
    ) -> None:
        """`changed` is told the name of a key that is not any more as it was."""
        self._keys = keys
        self._hasher = hasher
        self._clock = clock
        self._random_bytes = random_bytes
        self._changed = changed

    def make(self, draft: StoredKey) -> tuple[StoredKey, str]:
        """Return a key like `draft` with a name, a time and a secret of its own, and the secret."""
        secret = new_secret(self._random_bytes)
        return self.made_with(draft, secret), secret

    def made_with(self, draft: StoredKey, secret: str) -> StoredKey:
        """Return a key like `draft` that has this secret."""
        return replace(
            draft,
            name=KEY_PREFIX + self._random_bytes(NAME_BYTES).hex(),
            digest=self._hasher.digest(secret),
            secret_prefix=prefix_of(secret),
            created_ns=self._clock.wall_ns(),
        )

    async def create(self, draft: StoredKey) -> tuple[StoredKey, str]:
        """Keep a new key like `draft`; return it with its secret, which is told nowhere else."""
        key, secret = self.make(draft)
        await self._keys.add(key)
        return key, secret

    async def get(self, name: str) -> StoredKey:
        """Return a key. Raises KeyNotFound."""
        return await self._keys.get(name)

    async def page(
        self, *, tenant: str, after: tuple[int, str] | None, size: int
    ) -> Sequence[StoredKey]:
        """Return keys, the newest first; see `Keys.page`."""
        return await self._keys.page(tenant=tenant, after=after, size=size)

    async def update(self, name: str, changed: Callable[[StoredKey], StoredKey]) -> StoredKey:
        """Change what a key may do. Raises KeyNotFound."""
        key = await self._keys.change(name, changed)
        self._changed(name)
        return key

    async def rotate(self, name: str, *, overlap_ns: int) -> tuple[StoredKey, str]:
        """Give a key another secret, and return both; the one it has still works for `overlap_ns`.

        The one before that ends at once. Raises KeyNotFound, and InvalidRequest for a key that was
        revoked or has expired: another secret would not bring it back.
        """
        secret = new_secret(self._random_bytes)
        now_ns = self._clock.wall_ns()

        def rotated(key: StoredKey) -> StoredKey:
            if key.revoked_ns is not None or (key.expires_ns or now_ns + 1) <= now_ns:
                raise InvalidRequest(violations=[_ENDED])
            return replace(
                key,
                digest=self._hasher.digest(secret),
                secret_prefix=prefix_of(secret),
                old_digest=key.digest,
                old_until_ns=now_ns + overlap_ns,
            )

        return await self.update(name, rotated), secret

    async def revoke(self, name: str) -> StoredKey:
        """End a key for good; revoking it again changes nothing. Raises KeyNotFound."""
        now_ns = self._clock.wall_ns()

        def revoked(key: StoredKey) -> StoredKey:
            return key if key.revoked_ns is not None else replace(key, revoked_ns=now_ns)

        return await self.update(name, revoked)
