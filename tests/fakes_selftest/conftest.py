"""What does every self-test of the fakes need? A fresh upstream and a raw connection to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.fakes_selftest.raw_client import RawClient
from weir_server.fake_upstream.upstream import FakeUpstream

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

SOCKET_TESTS = {"test_behaviour.py", "test_certificates.py", "test_journal.py"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, LoopFactory]:
    """Run what looks at sockets on the standard loop and on the one Weir prefers."""
    standard: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in SOCKET_TESTS:
        return {**standard, "uvloop": uvloop.new_event_loop}
    return standard


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as fake:
        yield fake


@pytest.fixture
async def client(upstream: FakeUpstream) -> AsyncIterator[RawClient]:
    raw = await RawClient.connect(upstream.port)
    yield raw
    await raw.close()
