"""Keys in memory, which can be away, and count how often they are asked."""

import asyncio
from collections.abc import Callable, Sequence

from typing_extensions import override

from weir_server.core.caller import Role
from weir_server.core.errors import KeyNotFound, LedgerUnavailable
from weir_server.core.keys import Keys, StoredKey


class MemoryKeys(Keys):
    """A place for keys as simple as can be."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredKey] = {}
        self.is_away = False
        self.lookups = 0
        self.looking: asyncio.Event | None = None
        """Set by a test: each lookup waits for it after it has looked."""
        self.looked = asyncio.Event()

    @override
    async def find(self, digest: bytes) -> StoredKey | None:
        self.lookups += 1
        self._ask()
        found = next(
            (key for key in self.kept.values() if digest in (key.digest, key.old_digest)), None
        )
        self.looked.set()
        if self.looking is not None:
            await self.looking.wait()
        return found

    @override
    async def get(self, name: str) -> StoredKey:
        self._ask()
        if name not in self.kept:
            raise KeyNotFound(metadata={"key": name})
        return self.kept[name]

    @override
    async def page(
        self, *, tenant: str, after: tuple[int, str] | None, size: int
    ) -> Sequence[StoredKey]:
        self._ask()
        place = {key: (key.created_ns, key.name) for key in self.kept.values()}
        newest = sorted(place, key=lambda key: place[key], reverse=True)
        return [
            key
            for key in newest
            if tenant in ("", key.tenant) and (after is None or place[key] < after)
        ][:size]

    @override
    async def add(self, key: StoredKey) -> None:
        self._ask()
        self.kept[key.name] = key

    @override
    async def has_operator(self, now_ns: int) -> bool:
        self._ask()
        return any(
            key.role is Role.OPERATOR
            and key.revoked_ns is None
            and (key.expires_ns is None or key.expires_ns > now_ns)
            for key in self.kept.values()
        )

    @override
    async def add_first_operator(self, key: StoredKey, now_ns: int) -> bool:
        if await self.has_operator(now_ns):
            return False
        await self.add(key)
        return True

    @override
    async def change(self, name: str, changed: Callable[[StoredKey], StoredKey]) -> StoredKey:
        self.kept[name] = changed(await self.get(name))
        return self.kept[name]

    def _ask(self) -> None:
        if self.is_away:
            raise LedgerUnavailable
