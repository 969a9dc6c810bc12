"""How are keys kept in the database? One row each, found by the hash of their secret."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, Select, insert, or_, select, text, tuple_, update
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from weir_server.core.caller import RateQuota, Role
from weir_server.core.errors import KeyNotFound, LedgerUnavailable
from weir_server.core.keys import KEY_PREFIX, Keys, StoredKey
from weir_server.store.database import Database
from weir_server.store.schema import KEYS

THREADS: Final = 2
"""Threads of their own: a database that hangs holds up nothing but keys."""
_RETRY_AFTER_S: Final = 1.0

_T = TypeVar("_T")


class SqlKeys(Keys):
    """Keys in the ledger's database, SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="weir-keys")

    def close(self) -> None:
        """Let go of the threads; what still waits for one is not done any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @override
    async def find(self, digest: bytes) -> StoredKey | None:
        """Return the key whose secret, or secret before the last rotation, has this hash."""
        shown = digest.hex()
        query = select(KEYS).where(
            or_(KEYS.c.secret_hash == shown, KEYS.c.old_secret_hash == shown)
        )
        rows = await self._read(query)
        return _key(rows[0]) if rows else None

    @override
    async def get(self, name: str) -> StoredKey:
        """Return the key of this name. Raises KeyNotFound."""
        rows = await self._read(select(KEYS).where(KEYS.c.id == _id(name)))
        if not rows:
            raise KeyNotFound(metadata={"key": name})
        return _key(rows[0])

    @override
    async def page(
        self, *, tenant: str, after: tuple[int, str] | None, size: int
    ) -> Sequence[StoredKey]:
        """Return up to `size` keys, the newest first."""
        query = select(KEYS).order_by(KEYS.c.created_ns.desc(), KEYS.c.id.desc()).limit(size)
        if tenant:
            query = query.where(KEYS.c.tenant == tenant)
        if after is not None:
            place = tuple_(KEYS.c.created_ns, KEYS.c.id)
            query = query.where(place < tuple_(after[0], _id(after[1])))
        return [_key(row) for row in await self._read(query)]

    @override
    async def add(self, key: StoredKey) -> None:
        """Keep a new key."""
        await self._write(lambda connection: _insert(connection, key))

    @override
    async def has_operator(self, now_ns: int) -> bool:
        """Say whether there is a key of an operator that works."""
        return bool(await self._read(_operators(now_ns)))

    @override
    async def add_first_operator(self, key: StoredKey, now_ns: int) -> bool:
        """Keep a new key unless there is one of an operator that works."""

        def add(connection: Connection) -> bool:
            if not self._database.is_sqlite:
                # SQLite's transaction holds its only write lock already.
                connection.execute(text("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE"))
            if connection.execute(_operators(now_ns)).first() is not None:
                return False
            _insert(connection, key)
            return True

        return await self._write(add)

    @override
    async def change(self, name: str, changed: Callable[[StoredKey], StoredKey]) -> StoredKey:
        """Keep a key as `changed` makes it. Raises KeyNotFound, and what `changed` raises."""
        this = KEYS.c.id == _id(name)

        def change(connection: Connection) -> StoredKey:
            row = connection.execute(select(KEYS).where(this).with_for_update()).first()
            if row is None:
                raise KeyNotFound(metadata={"key": name})
            key = changed(_key(row))
            connection.execute(update(KEYS).where(this).values(_values(key)))
            return key

        return await self._write(change)

    async def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        def read() -> Sequence[Row[Any]]:
            with self._database.reading() as connection:
                return connection.execute(query).all()

        return await self._in_thread(read)

    async def _write(self, work: Callable[[Connection], _T]) -> _T:
        def write() -> _T:
            with self._database.writing() as connection:
                return work(connection)

        return await self._in_thread(write)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, work)
        except SQLAlchemyError as failure:
            # Its text would tell statements and values: only what kind it was goes on.
            raise LedgerUnavailable(retry_after_s=_RETRY_AFTER_S) from failure


def _operators(now_ns: int) -> Select[Any]:
    return (
        select(KEYS.c.id)
        .where(KEYS.c.role == Role.OPERATOR.value, KEYS.c.revoked_ns.is_(None))
        .where(or_(KEYS.c.expire_ns.is_(None), KEYS.c.expire_ns > now_ns))
        .limit(1)
    )


def _insert(connection: Connection, key: StoredKey) -> None:
    connection.execute(insert(KEYS).values(id=_id(key.name), **_values(key)))


def _id(name: str) -> str:
    return name.removeprefix(KEY_PREFIX)


def _values(key: StoredKey) -> Mapping[str, Any]:
    return {
        "display_name": key.display_name,
        "tenant": key.tenant,
        "role": key.role.value,
        "models": list(key.models),
        "labels": dict(key.labels),
        "requests_per_minute": key.quota.requests_per_minute,
        "tokens_per_minute": key.quota.tokens_per_minute,
        "concurrent_calls": key.quota.concurrent_calls,
        "secret_hash": key.digest.hex(),
        "secret_prefix": key.secret_prefix,
        "old_secret_hash": key.old_digest.hex() if key.old_digest is not None else None,
        "old_secret_until_ns": key.old_until_ns,
        "created_ns": key.created_ns,
        "expire_ns": key.expires_ns,
        "revoked_ns": key.revoked_ns,
    }


def _key(row: Row[Any]) -> StoredKey:
    old = row.old_secret_hash
    return StoredKey(
        name=KEY_PREFIX + row.id,
        display_name=row.display_name,
        tenant=row.tenant,
        role=Role(row.role),
        models=tuple(row.models),
        labels=MappingProxyType(dict(row.labels)),
        quota=RateQuota(
            requests_per_minute=row.requests_per_minute,
            tokens_per_minute=row.tokens_per_minute,
            concurrent_calls=row.concurrent_calls,
        ),
        digest=bytes.fromhex(row.secret_hash),
        secret_prefix=row.secret_prefix,
        old_digest=bytes.fromhex(old) if old is not None else None,
        old_until_ns=row.old_secret_until_ns,
        created_ns=row.created_ns,
        expires_ns=row.expire_ns,
        revoked_ns=row.revoked_ns,
    )
