"""Does the fake start by hand, serve what a model's name asks for, and stop when told?"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from openai import APIStatusError

from tests.fakes_selftest.sdk import sdk_for
from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.command import by_model, main
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.upstream import FakeUpstream


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Start the command and give the URL it prints; it is stopped at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "weir_server.fake_upstream.upstream",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().strip()
        yield process, url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_it_prints_its_url_serves_and_stops() -> None:
    """The first line is the base URL; SIGTERM ends it with code 0."""
    async with (
        started("--port", "0") as (process, url),
        sdk_for(url) as sdk,
    ):
        answer = await sdk.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
        assert answer.choices[0].message.content == "You said: hi"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("model", "status"), [("fault/bad_key", 401), ("fault/none", 404), ("recording/none", 404)]
)
async def test_model_chooses_a_fault(upstream: FakeUpstream, model: str, status: int) -> None:
    """A fault is asked for by name; one that is not there is an unknown model."""
    upstream.script(by_model)
    async with sdk_for(upstream.url) as sdk:
        with pytest.raises(APIStatusError) as caught:
            await sdk.chat.completions.create(model=model, messages=[])
    assert caught.value.status_code == status


async def test_model_chooses_a_recording(upstream: FakeUpstream) -> None:
    """A recording is asked for by name."""
    upstream.script(by_model)
    async with sdk_for(upstream.url) as sdk:
        stream = await sdk.chat.completions.create(
            model="recording/openai_length", messages=[], stream=True
        )
        reasons = [choice.finish_reason async for chunk in stream for choice in chunk.choices]
    assert reasons[-1] == "length"


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` prints every fault and recording, ready to be a model's name."""
    main(["--list"])
    lines = set(capsys.readouterr().out.split())
    assert lines == {f"fault/{name}" for name in FAULTS} | {
        f"recording/{name}" for name in recordings.names()
    }
