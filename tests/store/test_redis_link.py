"""Redis is reached by one client, which waits for nobody long."""

import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.fakes.redis_server import redis_server
from weir_server.settings.redis import RedisSettings
from weir_server.store.redis_link import redis_link


async def test_no_address_means_no_client() -> None:
    """Without a Redis everything has its other home."""
    async with redis_link(RedisSettings()) as client:
        assert client is None


async def test_paused_redis_is_not_waited_for(tmp_path: Path) -> None:
    """A command fails after the time that is set, and the next one works when Redis does."""
    with redis_server(tmp_path) as server:
        async with redis_link(RedisSettings(url=SecretStr(server.url))) as client:
            assert client is not None
            await client.set("key", b"value")
            server.pause()
            begun_s = time.monotonic()
            with pytest.raises(RedisTimeoutError):
                await client.get("key")
            waited_s = time.monotonic() - begun_s
            server.go_on()
            assert await client.get("key") == b"value"
    assert 0.01 < waited_s < 0.5
