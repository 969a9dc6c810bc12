"""A caller that does not read is waited for in bounded memory, then given up; a slow one is not."""

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from tests.service.asking import hear_rest, logged, until
from tests.service.handmade import Scripted, ended, said, serving_handler
from tests.service.process import serving_process
from tests.service.weir import hear, serving, stream_request, upstream_tree
from weir.v1.generation_pb2 import StreamOptions
from weir_server.core.call import Call
from weir_server.core.handler import Batch, Handler, Request
from weir_server.fake_upstream.misbehaviour import EndlessStream
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.transport.events import StreamPacing
from weir_server.transport.open_calls import OpenCalls

MIB = 1024 * 1024
FLOOD = EndlessStream(text_bytes=8192)
"""As fast as Weir reads: 32 MiB in well under a second."""
STREAMS = 8
SMALL_WINDOW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 * 1024))
"""A caller whose transport says at once what was read; by default it says so every 2 MiB."""
Record = Callable[[str, object], None]


async def test_unread_streams_are_paused_and_then_ended(
    tmp_path: Path, record_property: Record
) -> None:
    """At most 1 MiB each while they wait; then the upstream is closed and the log says why.

    The status arrives when the caller reads again, after all that was sent, without an `end`.
    """
    async with FakeUpstream(FLOOD) as upstream:
        tree = upstream_tree(upstream.url)
        # The provider is not to blame for what Weir does not read.
        tree["upstream"]["idle_timeout_s"] = 0.5
        async with serving_process(tmp_path, tree, slow_consumer_limit_s=2) as server:
            warm = server.llm.StreamChat(stream_request("hello", model="m"))
            await warm.read()
            warm.cancel()
            await upstream.wait_closed(upstream.journal[0])
            before_bytes = server.rss_bytes
            calls = [
                server.llm.StreamChat(stream_request("hello", model="m")) for _ in range(STREAMS)
            ]
            for call in calls:
                await call.read()
            attempts = (await upstream.wait_for_attempts(STREAMS + 1))[1:]
            blocked_at = [await upstream.wait_blocked(attempt) for attempt in attempts]
            await asyncio.sleep(0.5)
            grown_mib = (server.rss_bytes - before_bytes) / MIB / STREAMS
            closed_at = [await upstream.wait_closed(attempt) for attempt in attempts]
            await until(lambda: len(server.log_lines("rpc")) == STREAMS + 1)
            lines = server.log_lines("rpc")[1:]
            heard = await hear_rest(calls[0])
            for call in calls[1:]:
                call.cancel()
    record_property("rss_mib_per_paused_stream", grown_mib)
    record_property("sent_mib_before_the_pause", attempts[0].bytes_sent / MIB)
    assert grown_mib <= 1.0
    waited_s = [closed - blocked for closed, blocked in zip(closed_at, blocked_at)]
    # The reader was stuck for longer than the upstream, by the time it took to fill all between.
    assert all(0.0 < wait_s <= 6.0 for wait_s in waited_s), waited_s
    assert all(line["duration_ms"] >= 2_000 for line in lines)
    assert {(line["code"], line["reason"]) for line in lines} == {
        ("RESOURCE_EXHAUSTED", "SLOW_CONSUMER")
    }
    assert all(line["usage_source"] == "PARTIAL" for line in lines)
    assert all(line["completion_tokens"] > 0 for line in lines)
    assert heard.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert heard.failure.reason == "SLOW_CONSUMER"
    assert heard.failure.failure is not None
    assert heard.failure.failure.last_sequence == heard.events[-1].sequence
    assert heard.failure.failure.usage.completion_tokens > 0
    assert "end" not in heard.kinds
    first = heard.events[0].sequence
    assert [event.sequence for event in heard.events] == list(
        range(first, first + len(heard.events))
    )


class Held:
    """Something that a handler keeps while it runs."""


async def test_a_handler_is_freed_while_its_caller_still_does_not_read() -> None:
    """What it kept is gone, and no call is open any more."""
    kept: list[weakref.ref[Held]] = []

    class Flooding(Handler):
        @asynccontextmanager
        async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
            held = Held()
            kept.append(weakref.ref(held))
            yield self._flood(held)

        async def _flood(self, held: Held) -> AsyncIterator[Batch]:
            yield said("first")
            while held is not None:
                yield said("x" * 16_384, index=0)

    open_calls = OpenCalls()
    pacing = StreamPacing(slow_consumer_limit_s=0.5)
    async with serving_handler(Flooding(), pacing=pacing, open_calls=open_calls) as weir:
        call = weir.llm.StreamChat(stream_request("hello"))
        await call.read()
        assert kept
        await until(lambda: len(open_calls) == 0)
        (line,) = await logged(weir)
        gc.collect()
        assert kept[0]() is None
        heard = await hear_rest(call)
    assert line["reason"] == "SLOW_CONSUMER"
    assert heard.failure.reason == "SLOW_CONSUMER"
    assert dict(heard.failure.info.metadata) == {"limitS": "0.5"}  # type: ignore[union-attr]


async def test_held_back_text_is_bounded_too(tmp_path: Path, record_property: Record) -> None:
    """max_coalesce_delay is no way to make Weir keep an answer that nobody reads."""
    options = StreamOptions()
    options.max_coalesce_delay.FromTimedelta(timedelta(milliseconds=200))
    async with (
        FakeUpstream(FLOOD) as upstream,
        serving_process(tmp_path, upstream_tree(upstream.url), slow_consumer_limit_s=1) as server,
    ):
        request = stream_request("hello", model="m", stream_options=options)
        await server.llm.StreamChat(stream_request("hello", model="m")).read()
        before_bytes = server.rss_bytes
        call = server.llm.StreamChat(request)
        await call.read()
        attempt = (await upstream.wait_for_attempts(2))[1]
        await upstream.wait_blocked(attempt)
        await asyncio.sleep(0.3)
        grown_mib = (server.rss_bytes - before_bytes) / MIB
        await upstream.wait_closed(attempt)
        heard = await hear_rest(call)
    record_property("rss_mib", grown_mib)
    assert grown_mib <= 2.0
    assert heard.failure.reason == "SLOW_CONSUMER"


async def test_a_slow_caller_is_not_given_up() -> None:
    """One message every 0.2 s of a flood, for three times as long as a silent one would have."""
    async with (
        FakeUpstream(FLOOD) as upstream,
        serving(
            upstream_tree(upstream.url),
            server={"slow_consumer_limit_s": 1.0},
            channel_options=SMALL_WINDOW,
        ) as weir,
    ):
        call: Any = weir.llm.StreamChat(stream_request("hello", model="m"))
        sequence = -1
        was_behind = False
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < 3.0:
            message = await call.read()
            assert message is not grpc.aio.EOF
            assert message.events[0].sequence == sequence + 1
            sequence = message.events[-1].sequence
            was_behind = was_behind or upstream.journal[0].write_blocked_at is not None
            await asyncio.sleep(0.2)
        assert was_behind
        assert not call.done()
        call.cancel()
        (line,) = await logged(weir)
    assert line["reason"] == "CLIENT_CANCELLED"


async def test_what_was_sent_whole_stays_good_though_it_is_read_late() -> None:
    """A short answer that waits in the caller's transport longer than the limit is OK."""

    async def play(_call: Call) -> AsyncIterator[Batch]:
        yield said("all of it")
        yield ended()

    pacing = StreamPacing(slow_consumer_limit_s=0.2)
    async with serving_handler(Scripted(play), pacing=pacing) as weir:
        call = weir.llm.StreamChat(stream_request("hello"))
        await asyncio.sleep(0.6)
        heard = await hear(call)
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == "all of it"
