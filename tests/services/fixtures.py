"""Which real servers can a test ask for? One of each runs for all tests; each test finds it empty.

Where a program is missing, the tests that need it are left out and the last lines say so; in CI
they fail.
"""

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.services import postgres_server as postgres_module
from tests.services import redis_server as redis_module
from tests.services.postgres_server import PostgresServer
from tests.services.redis_server import RedisServer

LEFT_OUT: pytest.StashKey[set[str]] = pytest.StashKey()


def leave_out(config: pytest.Config, program: str) -> NoReturn:
    """Skip a test for want of a program, and have the last lines say so; in CI it fails."""
    what = f"{program} is not installed: `make test-services` installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    config.stash.setdefault(LEFT_OUT, set()).add(program)
    pytest.skip(what)


@pytest.fixture(scope="session")
def _postgres() -> Iterator[PostgresServer | None]:
    folder = postgres_module.binaries()
    if folder is None:
        yield None
        return
    with postgres_module.postgres_server(folder) as server:
        yield server


@pytest.fixture
def postgres(_postgres: PostgresServer | None, pytestconfig: pytest.Config) -> PostgresServer:
    """The PostgreSQL of this run. Who stops it starts it again."""
    if _postgres is None:
        leave_out(pytestconfig, "PostgreSQL")
    return _postgres


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The address of a database that is empty."""
    return postgres.emptied()


@pytest.fixture(scope="session")
def _redis() -> Iterator[RedisServer | None]:
    program = redis_module.binary()
    if program is None:
        yield None
        return
    with redis_module.redis_server(program) as server:
        yield server


@pytest.fixture
def redis(_redis: RedisServer | None, pytestconfig: pytest.Config) -> RedisServer:
    """The Redis of this run, emptied. Who stops or pauses it lets it go on again."""
    if _redis is None:
        leave_out(pytestconfig, "Redis")
    assert _redis.ask("FLUSHALL") == "+OK"
    return _redis


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    """The address of a Redis that is empty."""
    return redis.url
