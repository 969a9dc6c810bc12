"""How is Redis reached? One client for each process, made here, with few connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from weir_server.settings.redis import RedisSettings

CONNECTIONS_MAX = 8
"""Waiting calls share connections: what is asked of Redis takes it microseconds."""


@asynccontextmanager
async def redis_link(settings: RedisSettings) -> AsyncIterator[Redis | None]:
    """Give the client of the Redis that `settings` name, or None where they name none.

    Nothing is connected before it is asked for, and nothing is tried again: whoever asks has a
    time of its own, and a way to go on without. Replies are bytes.
    """
    if settings.url is None:
        yield None
        return
    pool = BlockingConnectionPool.from_url(
        settings.url.get_secret_value(),
        max_connections=CONNECTIONS_MAX,
        timeout=settings.timeout_s,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 0),
        # Greetings that Weir has no use for would cost a new connection round trips.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        driver_info=None,
    )
    async with Redis(connection_pool=pool) as client:
        try:
            yield client
        finally:
            await pool.disconnect()
