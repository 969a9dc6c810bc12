"""Does the FastAPI program of docs/clients/python-web.md do what the page says?"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from tests.clients.python import answers
from tests.clients.python.installed.browser import page, web_server, words
from tests.clients.python.installed.pages import program
from tests.clients.python.scripted_server import Failure, Pause, ScriptedServer

RIVERS = answers.text_answer("Nile, ", "Po")


@pytest.fixture
async def site(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[str]:
    """The address of the program, served by uvicorn."""
    (tmp_path / "main.py").write_text(program("FastAPI", server.address))
    async with web_server("uvicorn", "main:app", "--port", "0", folder=tmp_path) as address:
        yield address


async def test_an_answer_a_failure_and_a_browser_that_leaves(
    server: ScriptedServer, site: str
) -> None:
    """Text arrives as it is written, a failure by its name; leaving cancels even a silent model."""
    server.play(RIVERS)
    server.play(
        Failure(
            code=grpc.StatusCode.NOT_FOUND,
            details=[ErrorInfo(reason="MODEL_NOT_FOUND", domain="weir")],
        )
    )
    server.play(RIVERS[:3], Pause())

    assert await words(site) == [("message", "Nile, "), ("message", "Po"), ("end", {})]
    assert await words(site) == [("error", "MODEL_NOT_FOUND")]
    async with page(site) as events:
        assert await anext(events) == ("message", "Nile, ")
    left_at_s = time.monotonic()
    async with asyncio.timeout(5):
        await server.seen[2].over.wait()

    assert server.seen[2].cancelled_at_s is not None
    assert server.seen[2].cancelled_at_s - left_at_s < 2
