"""What does every self-test of the fakes need? A fresh upstream and a raw connection to it."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.upstream import FakeUpstream
from tests.fakes_selftest.raw_client import RawClient


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as fake:
        yield fake


@pytest.fixture
async def client(upstream: FakeUpstream) -> AsyncIterator[RawClient]:
    raw = await RawClient.connect(upstream.port)
    yield raw
    await raw.close()
