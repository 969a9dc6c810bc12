"""What a caller costs that only listens: memory of a stream while nothing is said."""

import asyncio
import resource
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from tests.service.process import serving_process
from tests.service.weir import ECHO, stream_request, upstream_tree
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub
from weir_server.fake_upstream.behaviour import Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events
from weir_server.fake_upstream.upstream import FakeUpstream

CONNECTIONS = 20
STREAMS_EACH = 50
KIB_MAX = 200
OWN = (("grpc.use_local_subchannel_pool", 1),)
"""Channels with equal options would share one connection."""
HANG = '/script [{"text": "word"}, {"hang": true}]'
BEGUN = Sse(
    events=encode_events(ChatChunks().text(["Hello", " there"]), done=False)[:3],
    ending=Ending.STALL,
)


@pytest.fixture(autouse=True)
def files_enough() -> Iterator[None]:
    """A thousand sockets on each side, where the system gives less by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def kib_each(
    folder: Path, tree: dict[str, Any], request: Any, stack: AsyncExitStack
) -> float:
    """Open the streams, read one message of each, and look at the server's memory."""
    server = await stack.enter_async_context(serving_process(folder, tree))
    channels = [
        await stack.enter_async_context(grpc.aio.insecure_channel(server.address, options=OWN))
        for _ in range(CONNECTIONS)
    ]
    stubs: list[Any] = [LLMProviderServiceStub(channel) for channel in channels]
    for stub in stubs:
        warm = stub.StreamChat(request)
        await warm.read()
        warm.cancel()
    await asyncio.sleep(0.3)
    before_bytes = server.rss_bytes
    calls = []
    for stub in stubs:
        opened = [stub.StreamChat(request) for _ in range(STREAMS_EACH)]
        await asyncio.gather(*(call.read() for call in opened))
        calls.extend(opened)
    await asyncio.sleep(0.3)
    grown_bytes = server.rss_bytes - before_bytes
    assert len(calls) == 1000
    assert not any(call.done() for call in calls)
    for call in calls:
        call.cancel()
    return grown_bytes / 1024 / len(calls)


@pytest.mark.slow
async def test_a_thousand_idle_streams(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Within the server alone: a call, its stream, and its place in the transport."""
    async with AsyncExitStack() as stack:
        each_kib = await kib_each(tmp_path, dict(ECHO), stream_request(HANG), stack)
    record_property("kib_each", each_kib)
    assert each_kib < KIB_MAX


@pytest.mark.slow
async def test_a_thousand_idle_streams_with_an_upstream(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """With a connection to the provider each."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(FakeUpstream(BEGUN))
        tree = upstream_tree(upstream.url)
        tree["upstream"] = {"idle_timeout_s": 60}
        tree["resilience"] = {"concurrency": {"initial": 4000, "maximum": 4000}}
        request = stream_request("hello", model="m")
        each_kib = await kib_each(tmp_path, tree, request, stack)
    record_property("kib_each", each_kib)
    assert each_kib < KIB_MAX
