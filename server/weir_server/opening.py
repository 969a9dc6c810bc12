"""What has to be open before Weir serves? The books, the keys, and who remembers calls."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from weir_server.core.books import Books
from weir_server.core.caller import Identity
from weir_server.core.clock import Clock
from weir_server.core.errors import LedgerUnavailable
from weir_server.core.ledger import Ledger
from weir_server.core.replays import ReplayStore
from weir_server.identity.files import HASH_KEY_FILE, kept
from weir_server.identity.first_operator import mint
from weir_server.identity.resolving import KeyIdentity, KeylessIdentity
from weir_server.identity.ring import KeyRing
from weir_server.identity.secrets import Hasher
from weir_server.replay.memory import MemoryReplays
from weir_server.settings.tree import Settings
from weir_server.store.answers import BookAnswers
from weir_server.store.books import opened
from weir_server.store.database import Database, StoreRefused
from weir_server.store.keys import SqlKeys
from weir_server.store.migrate import migrate
from weir_server.store.redis_replays import redis_replays
from weir_server.telemetry.log import Log

HASH_KEY_BYTES = 32


class CannotOpen(Exception):
    """What Weir keeps cannot be opened; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """Who knows callers, and the keys that operators give them."""

    identity: Identity
    ring: KeyRing | None
    """None: there is no place to keep keys."""


@asynccontextmanager
async def callers_of(settings: Settings, *, clock: Clock, log: Log) -> AsyncIterator[Callers]:
    """Open the keys, and make the first operator's where every call needs one and none works.

    Where nothing is kept and no key is asked for, there are none. Raises CannotOpen.
    """
    if not settings.ledger.enabled and not settings.asks_for_keys:
        yield Callers(identity=KeylessIdentity(), ring=None)
        return
    async with AsyncExitStack() as stack:
        with _explained(settings):
            callers = await _opened(settings, stack, clock=clock, log=log)
        yield callers


async def _opened(settings: Settings, stack: AsyncExitStack, *, clock: Clock, log: Log) -> Callers:
    data_dir = settings.server.data_dir
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.ledger.address(data_dir))
    stack.callback(database.close)
    await asyncio.to_thread(migrate, database)
    keys = SqlKeys(database)
    stack.callback(keys.close)
    hasher = Hasher(_hash_key(settings, shared=not database.is_sqlite))
    is_open = not settings.asks_for_keys
    identity = KeyIdentity(keys, hasher, settings.identity, clock=clock, is_open=is_open)
    ring = KeyRing(
        keys, hasher, clock=clock, random_bytes=secrets.token_bytes, changed=identity.forget
    )
    if settings.asks_for_keys:
        minted = await mint(keys, ring, hasher, data_dir=data_dir, clock=clock)
        if minted is not None:
            log.event("operator_key_minted", key=minted.name, file=str(minted.file))
    return Callers(identity=identity, ring=ring)


@asynccontextmanager
async def replays_of(
    settings: Settings, redis: Redis | None, *, clock: Clock, log: Log
) -> AsyncIterator[ReplayStore | None]:
    """Give who remembers keyed calls; None where nobody could, which the log says."""
    wanted = settings.idempotency
    if not wanted.enabled:
        yield None
    elif redis is not None and wanted.seal_key is not None:
        async with redis_replays(redis, log, retention_s=wanted.retention_s) as replays:
            yield replays
    elif redis is not None:
        log.event("idempotency_off", why="redis is set: set idempotency.seal_key as well")
        yield None
    elif settings.server.workers > 1:
        log.event("idempotency_off", why="several workers share keys only by redis: set it")
        yield None
    else:
        yield MemoryReplays(
            clock, retention_s=wanted.retention_s, max_bytes=wanted.max_memory_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBooks:
    """The ledger, and who answers questions to it."""

    ledger: Ledger
    answers: Books


@asynccontextmanager
async def books_of(
    settings: Settings, *, clock: Clock, log: Log
) -> AsyncIterator[OpenBooks | None]:
    """Open the books; leaving the block books all that was posted. None: they are switched off.

    Raises CannotOpen.
    """
    if not settings.ledger.enabled:
        yield None
        return
    async with AsyncExitStack() as stack:
        with _explained(settings):
            books = await stack.enter_async_context(
                opened(settings.ledger, settings.server.data_dir, clock=clock, log=log)
            )
        yield OpenBooks(ledger=books.ledger, answers=BookAnswers(books))


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    """Say of what cannot be opened which setting it is about. Raises CannotOpen."""
    try:
        yield
    except OSError as failure:
        raise CannotOpen(
            f"server.data_dir: {settings.server.data_dir} cannot be written "
            f"({failure.strerror}); name a folder of this server's own"
        ) from failure
    except StoreRefused as refused:
        raise CannotOpen(str(refused)) from refused
    except (SQLAlchemyError, LedgerUnavailable) as failure:
        raise CannotOpen(
            "ledger.url: the database, where keys are kept, does not answer; is it running?"
        ) from failure


def _hash_key(settings: Settings, *, shared: bool) -> bytes:
    """Return what keys are hashed with. Raises CannotOpen, and OSError for its file."""
    key = settings.identity.hash_key
    if key is not None:
        return key.get_secret_value().encode()
    if shared and settings.asks_for_keys:
        raise CannotOpen(
            "identity.hash_key: servers that share a database have to share this too; make one "
            "with `openssl rand -hex 32` and name it by file: or ${ENV_NAME}"
        )
    return kept(settings.server.data_dir / HASH_KEY_FILE, secrets.token_bytes(HASH_KEY_BYTES))
