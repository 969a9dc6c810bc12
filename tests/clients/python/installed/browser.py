"""Who looks at what the web servers give? A browser that reads events, and may close the window."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp

from tests.clients.python.installed.programs import running

Event = tuple[str, object]
"""Name and data."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@asynccontextmanager
async def web_server(*arguments: str, folder: Path, **settings: str) -> AsyncIterator[str]:
    """Run a web server, a module and its options, until the block ends; gives its address."""
    async with running("web", "-m", *arguments, folder=folder, **settings) as process:
        assert process.stderr is not None
        said = ""
        async with asyncio.timeout(20):
            while not (found := _ADDRESS.search(said)):
                line = await process.stderr.readline()
                said += line.decode()
                assert line, said
        yield found[0]
        process.terminate()
        async with asyncio.timeout(5):
            await process.communicate()
        assert process.returncode in (0, -signal.SIGTERM)  # uvicorn raises it again when done


@asynccontextmanager
async def page(address: str, prompt: str = "Hi") -> AsyncIterator[AsyncIterator[Event]]:
    """Open /answer; gives its events, name and data. Leaving the block closes the window."""
    async with (
        aiohttp.ClientSession() as window,
        window.get(f"{address}/answer", params={"prompt": prompt}) as response,
    ):
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        async with aclosing(_events(response)) as events:
            yield events


async def words(address: str, prompt: str = "Hi") -> list[Event]:
    """All events of an answer."""
    async with asyncio.timeout(10), page(address, prompt) as events:
        return [event async for event in events]


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Event, None]:
    name = "message"
    async for line in response.content:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)
            name = "message"
