"""Does the paced upstream say everything once, and count honestly?"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bench.paced import Pace, PacedConnection
from bench.payload import sse_body, sse_writes

CHUNKS = 5


@asynccontextmanager
async def upstream(interval_s: float) -> AsyncIterator[tuple[Pace, str]]:
    pace = Pace(writes=tuple(sse_writes("m", CHUNKS)), interval_s=interval_s)
    server = await asyncio.get_running_loop().create_server(
        lambda: PacedConnection(pace), "127.0.0.1", 0
    )
    async with server:
        yield pace, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_whole_stream_twice_on_one_connection() -> None:
    """Every byte comes, the connection lives on, and both answers are counted as finished."""
    async with (
        upstream(0.001) as (pace, url),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session,
    ):
        for _ in range(2):
            async with session.post(f"{url}/v1/chat/completions", json={"x": 1}) as reply:
                assert reply.content_type == "text/event-stream"
                assert await reply.read() == sse_body("m", CHUNKS)
        assert (pace.started, pace.finished, pace.aborted) == (2, 2, 0)


async def test_chunks_come_apart() -> None:
    """The first chunk is readable while the rest has yet to be written."""
    async with (
        upstream(0.05) as (pace, url),
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/chat/completions", json={}) as reply,
    ):
        assert await reply.content.readany() == pace.writes[0]
        assert pace.finished == 0
        assert await reply.read() == b"".join(pace.writes[1:])


async def test_hang_up_is_counted_as_aborted() -> None:
    """A caller who leaves stops the stream; it is neither finished nor open any more."""
    async with upstream(30.0) as (pace, url), aiohttp.ClientSession() as session:
        # The phase of the very first stream is zero, so its head comes at once.
        async with session.post(f"{url}/v1/chat/completions", json={}) as reply:
            await reply.content.readany()
            async with session.get(f"{url}/counters") as counters:
                assert json.loads(await counters.read())["open"] == 1
            reply.close()
        async with asyncio.timeout(5):
            while not pace.aborted:  # noqa: ASYNC110 - a counter has no event to wait for
                await asyncio.sleep(0.001)
        told = json.loads(pace.counters())
        assert told == {"started": 1, "finished": 0, "aborted": 1, "open": 0}


async def test_unknown_request() -> None:
    """A wrong address is refused and counts as nothing."""
    async with upstream(0.001) as (pace, url), aiohttp.ClientSession() as session:
        async with session.get(f"{url}/elsewhere") as reply:
            assert reply.status == 404
        assert pace.started == 0


def test_phases_are_spread_and_repeatable() -> None:
    """Streams that begin together tick apart: any ten in a row leave no gap of a fifth."""
    pace = Pace(writes=(b"x",), interval_s=1.0)
    phases = []
    for started in range(10):
        pace.started = started
        phases.append(pace.phase_s())
    ordered = sorted(phases)
    gaps = [after - before for before, after in zip(ordered, [*ordered[1:], 1.0], strict=True)]
    assert max(gaps) < 0.2
    assert min(gaps) > 0.02
