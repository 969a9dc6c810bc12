"""Fifty callers at once never hold the server's event loop."""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

import grpc
import grpc.aio

from tests.service.weir import Weir, chat_request, hear, serving, stream_request, upstream_tree
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

STREAMS = 50
STALL_MAX_S = 0.1
TICK_S = 0.005
PROMPT = " ".join(f"word{n}" for n in range(150))


class Ticker:
    """Asks to be woken every 5 ms, and notes by how much it was late at worst, and worked.

    Only as far as this process worked meanwhile: a machine that stops it holds no loop. What waits
    without work is not seen here; the linter keeps blocking calls out of coroutines.
    """

    def __init__(self) -> None:
        self.worst_s = 0.0
        self.ticks = 0

    async def run(self) -> None:
        while True:
            due_s, worked_s = time.monotonic() + TICK_S, time.process_time()
            await asyncio.sleep(TICK_S)
            late_s, worked_s = time.monotonic() - due_s, time.process_time() - worked_s
            self.worst_s = max(self.worst_s, min(late_s, worked_s))
            self.ticks += 1

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()


def call_from_outside(address: str, results: Any) -> None:
    """Be 50 callers in a process of their own, so that only the server is measured."""

    async def call_all() -> list[tuple[str, int]]:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = LLMProviderServiceStub(channel)
            streams = [stub.StreamChat(stream_request(PROMPT, model="m")) for _ in range(STREAMS)]
            heard = await asyncio.gather(*map(hear, streams))
        return [(each.code.name, len(each.text)) for each in heard]

    results.put(asyncio.run(call_all()))


async def best_of_three(stall_s: Callable[[], Awaitable[float]]) -> float:
    """Measure again where it was too long: a busy machine stalls at times, a bad loop always."""
    best_s = await stall_s()
    for _ in range(2):
        if best_s > STALL_MAX_S:
            best_s = min(best_s, await stall_s())
    return best_s


async def test_fifty_paced_streams_stall_nothing(
    record_property: Callable[[str, object], None],
) -> None:
    """No turn of the loop takes more than 100 ms while 50 answers of 150 words are written."""
    spawn = multiprocessing.get_context("spawn")
    results: Any = spawn.Queue()

    async def stall_s() -> float:
        async with (
            FakeUpstream(OpenAiService(delay_between_s=0.01)) as upstream,
            serving(upstream_tree(upstream.url)) as weir,
        ):
            await weir.llm.Chat(chat_request("warm", model="m"))
            callers = spawn.Process(target=call_from_outside, args=(weir.app.address, results))
            callers.start()
            try:
                await upstream.wait_for_attempts(STREAMS + 1, timeout_s=20)
                async with Ticker() as ticker:
                    heard = await asyncio.to_thread(results.get, True, 30)
            finally:
                await asyncio.to_thread(callers.join, 10)
        assert [code for code, _ in heard] == ["OK"] * STREAMS
        assert all(length > len(PROMPT) for _, length in heard)
        assert ticker.ticks > 50, "there was time to look"
        return ticker.worst_s

    worst_s = await best_of_three(stall_s)
    record_property("worst_stall_ms", worst_s * 1000)
    assert worst_s <= STALL_MAX_S


async def test_one_long_text_stalls_nothing(
    weir: Weir, record_property: Callable[[str, object], None]
) -> None:
    """Half a megabyte of prompt, counted, echoed and sent, beside a caller who waits for a word."""

    async def stall_s() -> float:
        async with Ticker() as ticker:
            await weir.llm.Chat(chat_request("word " * 100_000, max_output_tokens=10))
            heard = await hear(weir.llm.StreamChat(stream_request("word " * 3_000)))
        assert heard.code is grpc.StatusCode.OK
        return ticker.worst_s

    worst_s = await best_of_three(stall_s)
    record_property("worst_stall_ms", worst_s * 1000)
    assert worst_s <= STALL_MAX_S


async def test_counting_for_a_window_stalls_nothing(
    record_property: Callable[[str, object], None],
) -> None:
    """A megabyte of prompt has to be counted to know that it fits nobody."""
    tree = {
        "providers": [{"id": "echo", "kind": "echo"}],
        "models": [{"name": "e", "provider": "echo", "context_window_tokens": 10_000}],
    }
    texts = iter("abc")

    async def stall_s() -> float:
        prompt = f"{next(texts)}word " * 170_000  # another text each time: counts are remembered
        async with serving(tree) as weir, Ticker() as ticker:
            heard = await hear(weir.llm.StreamChat(stream_request(prompt)))
        assert heard.failure.reason == "CONTEXT_LENGTH_EXCEEDED"
        return ticker.worst_s

    worst_s = await best_of_three(stall_s)
    record_property("worst_stall_ms", worst_s * 1000)
    assert worst_s <= STALL_MAX_S
