"""Do load-dependent answers follow the journal? Quotas, limits and flapping."""

import asyncio
import time

import pytest

from tests.fakes_selftest.raw_client import RawClient, post
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.capacity import Concurrency, Flapping, FlappingInTime, PerKeyQuota
from weir_server.fake_upstream.upstream import FakeUpstream

OK = Reply(status=200)
DOWN = Reply(status=503)


async def ask(client: RawClient, key: str = "k") -> tuple[int, dict[str, str]]:
    """Return the status and headers of one request."""
    await client.send(post(headers={"Authorization": f"Bearer {key}"}))
    status, headers = await client.read_head()
    await client.reader.readexactly(int(headers["content-length"]))
    return status, headers


async def test_flapping(upstream: FakeUpstream, client: RawClient) -> None:
    """Two up, one down, by order of arrival."""
    upstream.script(Flapping(up_attempts=2, down_attempts=1, up=OK, down=DOWN))
    statuses = [(await ask(client))[0] for _ in range(7)]
    assert statuses == [200, 200, 503, 200, 200, 503, 200]


async def test_flapping_in_time(upstream: FakeUpstream, client: RawClient) -> None:
    """Down once its time up is over, up again after its time down."""
    upstream.script(FlappingInTime(up_s=0.2, down_s=0.2, up=OK, down=DOWN))
    statuses = [(await ask(client))[0]]
    for middle_s in (0.3, 0.5):
        await asyncio.sleep(upstream.journal[0].started_at + middle_s - time.monotonic())
        statuses.append((await ask(client))[0])
    assert statuses == [200, 503, 200]


async def test_quota_is_per_key(upstream: FakeUpstream, client: RawClient) -> None:
    """The third call of one key is refused with a wait; another key passes."""
    upstream.script(PerKeyQuota(limit=2, window_s=30, of=OK))
    assert [(await ask(client))[0] for _ in range(2)] == [200, 200]
    status, headers = await ask(client)
    assert status == 429
    assert 29 <= int(headers["retry-after"]) <= 30
    assert (await ask(client, key="other"))[0] == 200


async def test_quota_window_passes(upstream: FakeUpstream, client: RawClient) -> None:
    """After the window the key may call again; refused calls did not prolong it."""
    upstream.script(PerKeyQuota(limit=1, window_s=0.5, of=OK))
    statuses = [(await ask(client))[0] for _ in range(3)]
    await asyncio.sleep(upstream.journal[0].started_at + 0.52 - time.monotonic())
    assert statuses == [200, 429, 429]
    assert (await ask(client))[0] == 200


@pytest.mark.parametrize("limit", [1, 3])
async def test_concurrency(upstream: FakeUpstream, client: RawClient, limit: int) -> None:
    """One call over the limit is refused at once, and a place is free when one has left."""
    upstream.script(Concurrency(limit=limit, of=Hang()))
    hanging = [await RawClient.connect(upstream.port) for _ in range(limit)]
    for other in hanging:
        await other.send(post())
    await upstream.wait_for_attempts(limit)
    assert (await ask(client))[0] == 529
    await hanging[0].close()
    await upstream.wait_finished(upstream.journal[0])
    await client.send(post())
    attempts = await upstream.wait_for_attempts(limit + 2)
    assert attempts[-1].status is None
    for other in hanging[1:]:
        await other.close()
