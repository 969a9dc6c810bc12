"""A caller who leaves stops the embedded engine: between tokens, inside a prompt, in its queue.

The bounds are processor time of the engine's process, which a crowded machine does not stretch.
"""

import asyncio

import pytest

from tests.providers.http.asking import a_call
from tests.providers.local_asking import (
    ENDLESS,
    abandoned,
    begun,
    chat,
    cpu_s,
    listener,
    quiet_after_s,
    running_engine,
)
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.clock import SystemClock
from weir_server.providers.local.dialect import DIALECT
from weir_server.providers.local.provider import LocalProvider
from weir_server.providers.making import Maker, Provider
from weir_server.providers.plan import Plan
from weir_server.settings.tree import Settings

pytestmark = pytest.mark.model

PROGRESS = dict(DIALECT.default_options)
LONG = "river stone cloud " * 600
"""A prompt of 1,800 tokens and more: some 14 s of processor time."""


async def test_stops_between_tokens() -> None:
    """A stream whose reader leaves costs at most a few more tokens."""
    async with running_engine() as engine, listener(engine) as session:
        for _ in range(5):
            reading = await begun(session, chat("Tell a story.", **ENDLESS))

            await abandoned(reading)

            assert await quiet_after_s(engine) < 0.3


async def test_stops_inside_a_prompt() -> None:
    """A prompt whose caller leaves is read for at most two more batches."""
    async with running_engine() as engine, listener(engine) as session:
        reading = await begun(session, chat(LONG, **PROGRESS))

        await abandoned(reading)

        assert await quiet_after_s(engine) < 2.5


async def test_stops_inside_a_prompt_beside_a_generation() -> None:
    """Another slot that generates does not hide from the engine that a caller has left."""
    async with running_engine(slots=2) as engine, listener(engine) as session:
        neighbour = await begun(session, chat("Tell a story.", **ENDLESS))
        reading = await begun(session, chat(LONG, **PROGRESS))

        await abandoned(reading)

        begun_s = cpu_s(engine)
        next_one = await begun(session, chat("Hi.", max_tokens=1, **PROGRESS))
        assert cpu_s(engine) - begun_s < 4.0
        assert not neighbour.done()
        await abandoned(next_one)
        await abandoned(neighbour)


def a_request(text: str) -> ChatRequest:
    return ChatRequest(
        messages=[Message(role=Role.ROLE_USER, parts=[Part(text=text)])],
        options=GenerationOptions(max_output_tokens=1_000),
    )


async def ask(local: Provider, request: ChatRequest, *, streaming: bool) -> None:
    call = a_call(streaming=streaming, timeout_s=50.0)
    async with local.handler.open(call, request) as batches:
        async for _ in batches:
            pass


@pytest.mark.parametrize("streaming", [True, False])
async def test_through_the_provider(*, streaming: bool) -> None:
    """The provider lets go of a unary call as soon as of a stream, beside a generation too."""
    plan = Plan(kind="local", field_prefix="", slots=2, context_tokens=4096)
    async with Maker.of(Settings(), clock=SystemClock()) as maker:
        local = await maker.make("local", plan)
        assert isinstance(local.handler, LocalProvider)
        engine = local.handler._engine
        async with listener(engine) as session:
            neighbour = await begun(session, chat("Tell a story.", **ENDLESS))
            asking = asyncio.create_task(ask(local, a_request(LONG), streaming=streaming))
            await asyncio.sleep(1.0)

            asking.cancel()
            await asyncio.wait({asking})

            begun_s = cpu_s(engine)
            short = a_request("Hi.")
            short.options.max_output_tokens = 1
            await ask(local, short, streaming=True)
            assert cpu_s(engine) - begun_s < 4.0
            assert not neighbour.done()
            await abandoned(neighbour)
        await local.close()
