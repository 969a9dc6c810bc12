"""With too much to do, Weir turns away the least important first, and what runs goes on."""

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import grpc
import pytest

from tests.service.asking import Refusal, hear_rest, logged, maybe_refused, until
from tests.service.weir import Weir, chat_request, serving, stream_request, upstream_tree
from weir_server.admission.files import open_files
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

ROOM = {"start_limit_min": 5, "start_limit_max": 5, "retry_after_s": 0.2, "queue_share": 0.8}
"""Five calls may be started at a time, three of them in the background; two wait."""

HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
"""A client's preface and empty SETTINGS: a connection on which nothing is asked."""


class Unreachable:
    """A provider that takes connections and leaves them at that: no TLS, no answer, no end."""

    def __init__(self) -> None:
        self.port = 0
        self.open = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Unreachable"]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await server.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await self._count(1)
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass  # the caller has left, as a reset
        finally:
            await self._count(-1)
            writer.close()

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open += change
            self._changed.notify_all()

    async def wait_for(self, connections: int) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: self.open == connections)


@asynccontextmanager
async def overloaded(**admission: Any) -> AsyncIterator[tuple[Weir, Unreachable]]:
    """A Weir with little room, in front of `slow`, which is never reached, and of the echo."""
    async with Unreachable().listening() as unreachable:
        tree = upstream_tree(f"https://127.0.0.1:{unreachable.port}", max_retries=0)
        tree["providers"].append({"id": "echo", "kind": "echo"})
        tree["models"].append({"name": "echo", "provider": "echo"})
        tree["admission"] = {**ROOM, **admission}
        async with serving(tree) as weir:
            yield weir, unreachable


async def ask(weir: Weir, model: str, priority: str, *, streaming: bool) -> Refusal | None:
    """Make one call; None: it was answered."""
    metadata = (("weir-priority", priority),)
    if not streaming:
        request = chat_request("hello", model=model)
        return await maybe_refused(weir.llm.Chat(request, metadata=metadata, timeout=30))
    stream = weir.llm.StreamChat(
        stream_request("hello", model=model), metadata=metadata, timeout=30
    )
    return await maybe_refused(_read(stream))


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass


@asynccontextmanager
async def starting(
    weir: Weir, count: int, *, refused: int, priority: str = "background", streaming: bool = False
) -> AsyncIterator[list[Refusal]]:
    """Begin calls that reach nobody; give the refusals once there are so many, and hang up."""
    calls = [
        asyncio.create_task(ask(weir, "m", priority, streaming=streaming)) for _ in range(count)
    ]
    try:
        await until(lambda: sum(call.done() for call in calls) == refused)
        yield [refusal for call in calls if call.done() and (refusal := call.result())]
        assert sum(call.done() for call in calls) == refused, "the rest is still being started"
    finally:
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)


@pytest.mark.parametrize("streaming", [False, True])
async def test_background_is_refused_first(streaming: bool) -> None:
    """With no room for background calls they are told so, and interactive ones are served."""
    async with overloaded() as (weir, unreachable):
        async with starting(weir, 8, refused=3, streaming=streaming) as refusals:
            await unreachable.wait_for(3)
            assert await ask(weir, "echo", "interactive", streaming=streaming) is None
            more = await ask(weir, "echo", "background", streaming=streaming)
            assert more is not None
        for refusal in [*refusals, more]:
            assert refusal.verdict == ("UNAVAILABLE", "GATEWAY_OVERLOADED")
            assert refusal.details["ErrorInfo"].metadata == {"cause": "queue"}
            wait_ms = refusal.details["RetryInfo"].retry_delay.ToMilliseconds()
            assert 100 <= wait_ms <= 300, "around the 200 ms that were set"
            assert abs(int(refusal.trailers["grpc-retry-pushback-ms"]) - wait_ms) <= 1


async def test_refusals_and_hang_ups_leave_nothing_behind() -> None:
    """No task, no place: after a burst there is exactly as much room as before it."""
    async with overloaded() as (weir, unreachable):
        assert await ask(weir, "echo", "standard", streaming=False) is None
        tasks = len(asyncio.all_tasks())
        for _ in range(3):
            async with starting(weir, 20, refused=15):
                await unreachable.wait_for(3)
            await unreachable.wait_for(0)
            assert await ask(weir, "echo", "standard", streaming=False) is None
        await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_a_freed_place_goes_to_who_waits() -> None:
    """A call that found no room at first is served when a call before it has gone."""
    async with overloaded() as (weir, unreachable):
        async with starting(weir, 3, refused=0):
            await unreachable.wait_for(3)
            waiting = asyncio.create_task(ask(weir, "echo", "background", streaming=False))
            async with starting(weir, 2, refused=1):
                assert not waiting.done(), "it has the first place in the queue"
        assert await waiting is None


async def test_answers_under_way_are_no_calls_being_started(upstream: FakeUpstream) -> None:
    """However many wait for a vendor that was reached, others are started."""
    upstream.script(OpenAiService(delay_before_headers_s=0.5))
    tree = upstream_tree(upstream.url)
    tree["admission"] = {"start_limit_min": 1, "start_limit_max": 1}
    async with serving(tree) as weir:
        assert await ask(weir, "m", "interactive", streaming=False) is None
        async with asyncio.TaskGroup() as group:
            calls = []
            for count in range(1, 9):
                calls.append(group.create_task(ask(weir, "m", "interactive", streaming=False)))
                await upstream.wait_for_attempts(count + 1)
            assert not any(call.done() for call in calls)
        assert [call.result() for call in calls] == [None] * 8


async def test_open_calls_are_bounded(upstream: FakeUpstream) -> None:
    """Whatever they wait for, so many calls are open at a time and no more."""
    upstream.script(OpenAiService(delay_before_headers_s=0.5))
    tree = upstream_tree(upstream.url)
    tree["admission"] = {"open_calls_max": 3, "reserve_share": 0}
    async with serving(tree) as weir, asyncio.TaskGroup() as group:
        calls = [
            group.create_task(ask(weir, "m", "interactive", streaming=False)) for _ in range(3)
        ]
        await upstream.wait_for_attempts(3)
        refusal = await ask(weir, "m", "interactive", streaming=False)
        assert refusal is not None
        assert refusal.verdict == ("UNAVAILABLE", "GATEWAY_OVERLOADED")
        assert refusal.details["ErrorInfo"].metadata == {"cause": "open_calls"}
        assert [await call for call in calls] == [None] * 3


async def test_blocked_loop_turns_new_calls_away_and_goes_on_streaming() -> None:
    """After the loop was held, new calls are better served elsewhere; running ones are kept."""
    async with (
        FakeUpstream(OpenAiService(delay_between_s=0.01)) as upstream,
        serving({**upstream_tree(upstream.url), "admission": {"lag_limit_s": 0.25}}) as weir,
    ):
        words = " ".join(f"word{number}" for number in range(100))
        stream = weir.llm.StreamChat(stream_request(words, model="m"), timeout=30)
        await stream.read()
        time.sleep(0.4)  # noqa: ASYNC251  holding the loop is the case
        refusal = await ask(weir, "m", "standard", streaming=False)
        assert await ask(weir, "m", "interactive", streaming=False) is None
        heard = await hear_rest(stream)
        assert heard.code is grpc.StatusCode.OK
        assert heard.kinds[-1] == "end"
        assert refusal is not None
        assert refusal.verdict == ("UNAVAILABLE", "GATEWAY_OVERLOADED")
        assert refusal.details["ErrorInfo"].metadata == {"cause": "lag"}
        assert int(refusal.trailers["grpc-retry-pushback-ms"]) >= 500
        assert await ask(weir, "m", "standard", streaming=False) is None, "the loop is free again"


@contextmanager
def file_limit(soft: int) -> Iterator[None]:
    """Let this process open so many files."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


async def test_calls_are_turned_away_before_files_run_out() -> None:
    """The last 64 files are kept for what runs; once there are more, all are served again."""
    limit = open_files() + 150
    taken: list[int] = []
    with file_limit(limit):
        async with serving() as weir:
            try:
                while open_files() <= limit - 60:
                    taken.extend(os.pipe())
                refusal = await ask(weir, "echo", "standard", streaming=False)
                assert await ask(weir, "echo", "interactive", streaming=False) is None
            finally:
                for file in taken:
                    os.close(file)
            assert refusal is not None
            assert refusal.verdict == ("UNAVAILABLE", "GATEWAY_OVERLOADED")
            assert refusal.details["ErrorInfo"].metadata == {"cause": "files"}
            await asyncio.sleep(1.1)  # a count holds for a second
            assert await ask(weir, "echo", "standard", streaming=False) is None


async def test_idle_and_silent_connections_are_in_nobody_s_way(weir: Weir) -> None:
    """50 connections that never say a word, and 150 that only say hello, delay no call."""
    host, port = weir.app.address.rsplit(":", 1)
    async with AsyncExitStack() as stack:
        for number in range(200):
            _, writer = await asyncio.open_connection(host, int(port))
            stack.callback(writer.close)
            if number >= 50:
                writer.write(HTTP2_HELLO)
        begun_s = time.monotonic()
        answers = [await ask(weir, "echo", "background", streaming=False) for _ in range(20)]
        assert answers == [None] * 20
        assert time.monotonic() - begun_s < 1.0


async def test_refusal_is_in_the_access_log() -> None:
    """A call that was turned away has its line, with its class and its reason."""
    async with overloaded() as (weir, _), starting(weir, 8, refused=3):
        lines = await logged(weir, 3)
        assert [
            (line["code"], line["reason"], line["priority"], line.get("attempts", 0))
            for line in lines
        ] == [("UNAVAILABLE", "GATEWAY_OVERLOADED", "background", 0)] * 3


async def test_gate_can_be_left_out() -> None:
    """Switched off, nothing is turned away."""
    async with overloaded(enabled=False) as (weir, unreachable), starting(weir, 20, refused=0):
        await unreachable.wait_for(20)
