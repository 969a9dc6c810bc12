"""How does a test speak to the embedded engine itself? Over its listener, with aiohttp."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from weir_server.providers.local.engine import LocalEngine, LocalEngineSettings

ENDLESS: dict[str, Any] = {"ignore_eos": True, "max_tokens": 100_000}
"""Goes on until the context is full."""


@asynccontextmanager
async def running_engine(**settings: Any) -> AsyncIterator[LocalEngine]:
    """Start an engine and stop it. Fails with the command to run where it is not installed."""
    engine = LocalEngine(LocalEngineSettings(**settings))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


@asynccontextmanager
async def listener(engine: LocalEngine) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session whose paths are the listener's own."""
    async with aiohttp.ClientSession(engine.origin, headers=engine.headers) as session:
        yield session


def chat(text: str, **fields: Any) -> dict[str, Any]:
    """Return the body of a chat with one message."""
    return {"messages": [{"role": "user", "content": text}], **fields}


async def answer(session: aiohttp.ClientSession, path: str, body: object) -> dict[str, Any]:
    """Post, and return the JSON that comes back with status 200."""
    async with session.post(path, json=body) as response:
        assert response.status == 200, await response.text()
        said: dict[str, Any] = await response.json()
        return said


async def stream(session: aiohttp.ClientSession, body: dict[str, Any]) -> AsyncIterator[Any]:
    """Post a chat as a stream, and give its chunks; `[DONE]` ends it."""
    async with session.post("/v1/chat/completions", json={**body, "stream": True}) as response:
        assert response.status == 200, await response.text()
        async for line in response.content:
            if line.startswith(b"data: ") and line.strip() != b"data: [DONE]":
                yield json.loads(line.removeprefix(b"data: "))


async def begun(session: aiohttp.ClientSession, body: dict[str, Any]) -> asyncio.Task[None]:
    """Start a stream that nobody ends, and return when its first chunk has come."""
    first = asyncio.Event()

    async def read() -> None:
        async for _ in stream(session, body):
            first.set()

    reading = asyncio.create_task(read())
    waiting = asyncio.create_task(first.wait())
    await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert first.is_set(), reading.exception()
    return reading


async def abandoned(reading: asyncio.Task[None]) -> None:
    """Cancel a stream, which closes its socket."""
    reading.cancel()
    await asyncio.wait({reading})


def cpu_s(engine: LocalEngine) -> float:
    """Return the processor time that the engine's process has used, all threads together.

    A crowded machine stretches wall time, not this.
    """
    assert engine._process is not None
    # Linux: the clock of a process is named by its id, see clock_getcpuclockid(3).
    return time.clock_gettime((~engine._process.pid << 3) | 2)


async def quiet_after_s(engine: LocalEngine) -> float:
    """Wait until the engine computes no more; return how much processor time that took."""
    begun_s = last_s = cpu_s(engine)
    while True:
        await asyncio.sleep(0.3)
        now_s = cpu_s(engine)
        if now_s - last_s < 0.01:
            return now_s - begun_s
        last_s = now_s
