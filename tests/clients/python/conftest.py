"""What do the tests of the Python client share? A scripted server and clients that reach it."""

from collections.abc import AsyncIterator

import pytest

import weir
from tests.clients.python.scripted_server import ScriptedServer, scripted_server


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A server that plays what the test queues."""
    async with scripted_server() as playing:
        yield playing


@pytest.fixture
async def client(server: ScriptedServer) -> AsyncIterator[weir.AsyncClient]:
    """A client of that server."""
    async with weir.AsyncClient(server.address) as connected:
        yield connected
