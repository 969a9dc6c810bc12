"""A provider goes down and comes back: callers notice neither, and it has its calls again."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

import pytest

from tests.service.weir import Weir, chat_request, hear, serving, stream_request
from tests.storm.trees import Record, model, provider
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

EVERY_S = 0.05
WELL_S, DOWN_S, OPEN_S = 0.5, 2.0, 1.0
"""Ten seconds of a provider that is down and five of an open circuit, five times as fast."""
PERIODS = 2


@dataclass(frozen=True, kw_only=True)
class Served:
    """One call that was answered."""

    asked_s: float
    provider: str


async def ask(weir: Weir, *, streaming: bool) -> Served:
    """Make a call that must not fail."""
    asked_s = time.monotonic()
    if streaming:
        heard = await hear(weir.llm.StreamChat(stream_request("hello"), timeout=5))
        assert heard.code.name == "OK", heard.details
        metadata = heard.end.metadata
    else:
        metadata = (await weir.llm.Chat(chat_request("hello"), timeout=5)).metadata
    return Served(asked_s=asked_s, provider=metadata.provider)


async def steadily(
    weir: Weir, calls: asyncio.TaskGroup, seconds: float
) -> Sequence[asyncio.Task[Served]]:
    """Begin a call every 50 ms, whether or not those before have ended."""
    begun = []
    start_s = time.monotonic()
    for number in range(round(seconds / EVERY_S)):
        await asyncio.sleep(max(0.0, start_s + number * EVERY_S - time.monotonic()))
        begun.append(calls.create_task(ask(weir, streaming=number % 2 == 0)))
    return begun


@pytest.mark.parametrize("way", ["answers with errors", "refuses connections"])
async def test_a_primary_that_was_down_is_used_again(way: str, record_property: Record) -> None:
    """No call fails, and within two periods of its recovery the primary answers all of them."""
    async with FakeUpstream() as primary, FakeUpstream() as second:
        tree = {
            "resilience": {"breaker": {"open_s": OPEN_S}},
            "providers": [provider("primary", primary), provider("second", second)],
            "models": [model("primary", "second")],
        }
        async with serving(tree, rng=Random(1)) as weir, asyncio.TaskGroup() as calls:
            begun = [*await steadily(weir, calls, WELL_S)]
            async with AsyncExitStack() as down:
                if way == "refuses connections":
                    await primary.drop_connections()
                    await down.enter_async_context(primary.refusing_connections())
                else:
                    primary.script(FAULTS["server_error"].behaviour)
                begun += await steadily(weir, calls, DOWN_S)
            primary.script(OpenAiService())
            recovered_s = time.monotonic()
            begun += await steadily(weir, calls, PERIODS * OPEN_S + WELL_S)
    served = [call.result() for call in begun]
    elsewhere = [each for each in served if each.provider == "providers/second"]
    record_property("calls", len(served))
    record_property("served_by_the_second", len(elsewhere))
    record_property("periods_until_back", (elsewhere[-1].asked_s - recovered_s) / OPEN_S)
    assert len(elsewhere) >= 0.9 * DOWN_S / EVERY_S
    # The last of the calls before may still be on their way as it goes down.
    before = served[: round(WELL_S / EVERY_S) - 2]
    assert {each.provider for each in before} == {"providers/primary"}
    assert elsewhere[-1].asked_s <= recovered_s + PERIODS * OPEN_S
    assert served[-1].provider == "providers/primary"
