"""One provider hangs, with many calls waiting for it: what do callers of another one notice?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest

from tests.service.process import Served, serving_process
from tests.storm.measured import Told, p99, provider, timed
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

HANGING = 200
STREAMS = 50
"""Of those, so many share a connection: a server takes a bounded number on each."""
CALLS = 250
AT_ONCE = 4


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_hanging_provider_leaves_another_alone(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """With 200 calls in flight at a provider that hangs, all calls to another one are answered.

    By how much they take longer is printed: it should be half as much again at most.
    """
    async with (
        FakeUpstream(OpenAiService(delay_before_headers_s=600)) as hanging,
        FakeUpstream(OpenAiService(delay_before_headers_s=0.02)) as well,
    ):
        tree = {
            "providers": [provider("hanging", hanging), provider("well", well)],
            "models": [
                {"name": "hanging", "provider": "hanging"},
                {"name": "well", "provider": "well"},
            ],
            # As many at once are more than one provider gets at first.
            "resilience": {"concurrency": {"initial": 512}},
        }
        async with serving_process(tmp_path, tree) as weir:
            await _ask_many(weir, "to warm up")
            # In turns, so that what else the machine does meets both alike.
            alone = await _ask_many(weir, "alone")
            async with _calls_in_flight(weir, hanging):
                beside = await _ask_many(weir, "beside")
                beside += await _ask_many(weir, "beside still")
                assert len(hanging.journal.running) == HANGING
            alone += await _ask_many(weir, "alone again")
    before_s, after_s = p99([each.took_s for each in alone]), p99([each.took_s for each in beside])
    record_property("alone_p99_ms", before_s * 1000)
    record_property("beside_200_hanging_p99_ms", after_s * 1000)
    record_property("ratio (promised: 1.5 at most)", after_s / before_s)
    assert [each.reason for each in beside if each.reason] == []
    assert [each.reason for each in alone if each.reason] == []


async def _ask_many(weir: Served, label: str) -> list[Told]:
    """Ask the provider that is well, a few calls at a time."""
    numbers = iter(range(CALLS))

    async def one_after_another() -> list[Told]:
        return [await timed(weir.llm, "well", f"{label} {number}") for number in numbers]

    told = await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return [call for calls in told for call in calls]


@asynccontextmanager
async def _calls_in_flight(weir: Served, hanging: FakeUpstream) -> AsyncIterator[None]:
    """Keep calls waiting for the provider that hangs, on connections of their own."""
    async with AsyncExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
        stubs = [
            LLMProviderServiceStub(
                await stack.enter_async_context(
                    grpc.aio.insecure_channel(weir.address, options=options)
                )
            )
            for _ in range(HANGING // STREAMS)
        ]
        calls = [
            asyncio.create_task(
                timed(stubs[number // STREAMS], "hanging", f"wait {number}", timeout_s=120)
            )
            for number in range(HANGING)
        ]
        try:
            await hanging.wait_for_attempts(HANGING, timeout_s=20)
            yield
        finally:
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
