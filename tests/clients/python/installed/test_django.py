"""Does the Django program of docs/clients/python-web.md do what it says, where workers fork?"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.python import answers
from tests.clients.python.installed.browser import page, web_server, words
from tests.clients.python.installed.pages import program
from tests.clients.python.scripted_server import Pause, ScriptedServer, Step
from weir.v1.provider_service_pb2 import ChatResponse

RIVERS = answers.text_answer("Nile, ", "Po")
SETTINGS = """
SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
"""
URLS = """
from django.urls import path
import views
urlpatterns = [path("answer", views.answer)]
"""
# Loaded before the workers are forked, where it calls.
SERVED = """
import views
from django.core.wsgi import get_wsgi_application
views.client.chat("Are you there?")
application = get_wsgi_application()
"""
WORKERS = {
    "sync": ["--workers=2"],
    "gthread": ["--workers=1", "--worker-class=gthread", "--threads=2"],
    "gevent": ["--workers=1", "--worker-class=gevent", "--config=gevent_workers.py"],
}


@pytest.fixture(params=WORKERS)
async def site(
    request: pytest.FixtureRequest, server: ScriptedServer, tmp_path: Path
) -> AsyncIterator[str]:
    """The address of the program, served by gunicorn, whose master called before it forked."""
    (tmp_path / "views.py").write_text(program("Django", server.address))
    (tmp_path / "gevent_workers.py").write_text(program("gevent", server.address))
    for name, text in (("settings", SETTINGS), ("urls", URLS), ("served", SERVED)):
        (tmp_path / f"{name}.py").write_text(text)
    server.play(ChatResponse())
    arguments = [*WORKERS[request.param], "--preload", "--bind=127.0.0.1:0", "served:application"]
    async with web_server(
        "gunicorn", *arguments, folder=tmp_path, DJANGO_SETTINGS_MODULE="settings"
    ) as address:
        yield address


async def test_two_answers_at_once_and_a_browser_that_leaves(
    server: ScriptedServer, site: str
) -> None:
    """Workers go on with the client of their master; leaving cancels at the model's next word."""
    server.play(RIVERS[:3], Pause(seconds=1), RIVERS[3:])
    server.play(RIVERS)
    server.play(*_many_words())

    async with page(site) as slow:
        assert await anext(slow) == ("message", "Nile, ")
        assert await words(site) == [("message", "Nile, "), ("message", "Po"), ("end", {})]
        assert [event async for event in slow] == [("message", "Po"), ("end", {})]
    async with page(site) as talkative:
        await anext(talkative)
    left_at_s = time.monotonic()
    async with asyncio.timeout(5):
        await server.seen[-1].over.wait()

    assert server.seen[-1].cancelled_at_s is not None
    assert server.seen[-1].cancelled_at_s - left_at_s < 2


def _many_words() -> list[Step]:
    events = answers.text_answer(*(f"{number} " for number in range(200)))
    return [step for event in events for step in ([event], Pause(seconds=0.05))]
