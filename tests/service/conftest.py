"""A Weir with the echo, and one in front of a fake upstream."""

from collections.abc import AsyncIterator

import pytest

from tests.service.weir import Weir, serving, upstream_tree
from weir_server.fake_upstream.upstream import FakeUpstream


@pytest.fixture
async def weir() -> AsyncIterator[Weir]:
    """A Weir whose only provider is the echo."""
    async with serving() as running:
        yield running


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """An upstream that speaks OpenAI and does as it is told."""
    async with FakeUpstream() as fake:
        yield fake


@pytest.fixture
async def gateway(upstream: FakeUpstream) -> AsyncIterator[Weir]:
    """A Weir in front of `upstream`, with limits short enough to wait for.

    Its circuit never opens: what tests ask of it one after another is not one story.
    """
    tree = upstream_tree(upstream.url)
    tree["resilience"] = {"breaker": {"consecutive_failures": 1000, "min_calls": 100_000}}
    async with serving(tree, server={"drain_grace_s": 5}) as running:
        yield running
