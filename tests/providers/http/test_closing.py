"""When does the upstream's socket close? At once when nobody waits, never when it can be reused."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from statistics import median

import pytest
import uvloop

from tests.fakes.certificates import Authority
from tests.providers.http.asking import (
    CHAT,
    CLOCK,
    LOOPBACK,
    a_call,
    a_provider,
    ask,
    endpoint_of,
    provider_at,
    text_of,
)
from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import Phase
from weir_server.core.call import Call
from weir_server.core.errors import (
    DeadlineExceeded,
    DeadlineTooShort,
    UpstreamStreamBroken,
    UpstreamTimeout,
)
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.faults import STREAM, TEXT
from weir_server.fake_upstream.misbehaviour import EndlessStream
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.backend import HttpProvider
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.guard import parse_endpoint
from weir_server.providers.http.watchdog import HttpLimits

CLOSED_WITHIN_S = 0.1
"""The promise, held for the median of TRIALS."""
SOON_S = 0.5
"""For single trials, on a machine that is busy with other tests."""
TRIALS = 11


async def until(promise: Callable[[], bool]) -> None:
    """Wait until `promise` holds."""
    async with asyncio.timeout(5):
        while not promise():  # noqa: ASYNC110 - a call's progress has no event to wait for
            await asyncio.sleep(0.002)


def arrived(upstream: FakeUpstream, count: int, call: Call, phase: Phase.ValueType) -> bool:
    """Whether the call is the upstream's `count`th, sent to its end, and in this phase."""
    return (
        len(upstream.journal) == count
        and upstream.journal[-1].body_complete_at is not None
        and call.progress.phase == phase
    )


async def cancelled(work: Coroutine[None, None, object], when: Callable[[], bool]) -> float:
    """Run `work`, cancel it once `when` holds, and return when that was."""
    task = asyncio.create_task(work)
    await until(when)
    cancelled_at = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return cancelled_at


WAITING, GENERATING = Phase.PHASE_WAITING_FIRST_TOKEN, Phase.PHASE_GENERATING
HALF = Reply(body={"a": 1}, cut_after_bytes=3, ending=Ending.STALL)
MOMENTS = {
    "stream, before headers": (Hang(), True, WAITING),
    "unary, before headers": (Hang(), False, WAITING),
    "stream, midway": (EndlessStream(delay_between_s=0.01), True, GENERATING),
    "unary, within the body": (HALF, False, WAITING),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_a_cancelled_call_closes_its_socket_at_once(
    moment: str, tls: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """The upstream hears of it in a tenth of a second, whatever it was doing.

    Event loops close sockets, above all those with TLS, in their own ways: both are tried.
    """
    with asyncio.Runner(loop_factory=new_loop) as runner:
        delays_s = runner.run(delays_of_closing(*MOMENTS[moment], tls=tls))

    assert median(delays_s) <= CLOSED_WITHIN_S


async def delays_of_closing(
    behaviour: Behaviour, streaming: bool, phase: Phase.ValueType, *, tls: bool
) -> list[float]:
    """Cancel TRIALS calls in a phase; return how long after that each socket closed."""
    authority = Authority()
    delays_s = []
    async with (
        FakeUpstream(behaviour, tls=authority.server() if tls else None) as upstream,
        HttpClient(clock=CLOCK, tls=authority.client()) as client,
    ):
        provider = a_provider(client, endpoint_of(upstream))
        for number in range(TRIALS):
            call = a_call(streaming=streaming)
            cancelled_at = await cancelled(
                ask(provider, call), partial(arrived, upstream, number + 1, call, phase)
            )
            closed_at = await upstream.wait_closed(upstream.journal[-1])
            delays_s.append(closed_at - cancelled_at)
            (attempt,) = call.progress.attempts
            assert attempt.reason == ErrorReason.ERROR_REASON_CLIENT_CANCELLED
    return delays_s


async def test_the_deadline_closes_the_socket() -> None:
    """A hanging upstream is left when the call's working time is over, with the call's reason."""
    async with FakeUpstream(Hang()) as upstream, provider_at(upstream) as provider:
        for streaming in (True, False):
            call = a_call(streaming=streaming, timeout_s=0.2)
            with pytest.raises(DeadlineExceeded) as caught:
                await ask(provider, call)

            closed_at = await upstream.wait_closed(upstream.journal[-1])
            assert 0 <= closed_at - call.deadline.work_until_s <= SOON_S
            assert caught.value.metadata == {"phase": "WAITING_FIRST_TOKEN"}


async def test_the_deadline_closes_the_socket_while_the_reader_is_busy() -> None:
    """A reader that does something else keeps no upstream working past the deadline."""
    async with (
        FakeUpstream(EndlessStream(delay_between_s=0.01)) as upstream,
        provider_at(upstream) as provider,
    ):
        call = a_call(timeout_s=0.3)
        async with provider.open(call, CHAT) as batches:
            await anext(batches)
            closed_at = await upstream.wait_closed(upstream.journal[-1])
            with pytest.raises(DeadlineExceeded):
                await anext(batches)

        assert abs(closed_at - call.deadline.work_until_s) <= SOON_S


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_attempt_has_its_own_bound(streaming: bool) -> None:
    """An attempt that takes too long ends while the caller still has time."""
    async with FakeUpstream(Hang()) as upstream, provider_at(upstream) as provider:
        call = a_call(streaming=streaming, timeout_s=30, attempt_timeout_s=0.15)
        begun_s = time.monotonic()
        with pytest.raises(UpstreamTimeout):
            await ask(provider, call)

        assert 0.14 <= time.monotonic() - begun_s <= 0.15 + 10 * SOON_S
        await upstream.wait_closed(upstream.journal[-1])


async def test_no_attempt_starts_without_time_for_it() -> None:
    """A call with less than 20 ms left is not sent at all."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        call = a_call(timeout_s=0.015)
        with pytest.raises(DeadlineTooShort):
            await ask(provider, call)

        assert len(upstream.journal.connections) == 0
        assert call.progress.attempts == []


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_connection_under_way_is_dropped(scheme: str) -> None:
    """Neither a name nor a TLS handshake that hangs outlives its call."""
    came, left = asyncio.Event(), asyncio.Event()

    async def never_shake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        while await reader.read(4096):
            pass
        left.set()
        writer.close()

    server = await asyncio.start_server(never_shake, "127.0.0.1", 0)
    async with server, HttpClient(clock=CLOCK) as client:
        port = server.sockets[0].getsockname()[1]
        endpoint = parse_endpoint(f"{scheme}://127.0.0.1:{port}/v1", LOOPBACK)
        await cancelled(ask(a_provider(client, endpoint), a_call()), came.is_set)
        async with asyncio.timeout(SOON_S):
            await left.wait()


async def test_a_slow_reader_pauses_the_upstream() -> None:
    """What is not read is not read ahead either, beyond what the kernel holds."""
    async with (
        FakeUpstream(EndlessStream(text_bytes=1000), send_buffer_bytes=64 * 1024) as upstream,
        provider_at(upstream) as provider,
        provider.open(a_call(), CHAT) as batches,
    ):
        await anext(batches)
        await upstream.wait_blocked(upstream.journal[0])
        await asyncio.sleep(0.3)  # until the kernel's buffers are full on both sides
        sent_bytes = upstream.journal[0].bytes_sent
        await asyncio.sleep(0.3)

        assert upstream.journal[0].bytes_sent == sent_bytes < 16 * 1024 * 1024


async def test_a_slow_reader_is_not_the_upstreams_fault() -> None:
    """The idle limit runs while Weir waits for the upstream, not while the upstream waits."""
    limits = HttpLimits(idle_s=0.1)
    async with FakeUpstream(STREAM) as upstream, provider_at(upstream, limits=limits) as provider:
        events = []
        async with provider.open(a_call(), CHAT) as batches:
            async for batch in batches:
                assert isinstance(batch, list)
                events += batch
                await asyncio.sleep(0.25)

        assert text_of(events) == TEXT


async def test_leaving_early_closes_the_socket() -> None:
    """A reader that leaves the block midway is done with the upstream."""
    async with (
        FakeUpstream(EndlessStream(delay_between_s=0.01)) as upstream,
        provider_at(upstream) as provider,
    ):
        async with provider.open(a_call(), CHAT) as batches:
            await anext(batches)
        left_at = time.monotonic()

        assert await upstream.wait_closed(upstream.journal[0]) - left_at <= SOON_S


@pytest.mark.parametrize("streaming", [True, False])
async def test_whole_answers_share_a_connection(streaming: bool) -> None:
    """A complete answer leaves its connection for the next call."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        for _ in range(5):
            await ask(provider, a_call(streaming=streaming))
            await asyncio.sleep(0.02)

        assert [attempt.connection.number for attempt in upstream.journal] == [1] * 5


async def test_an_end_that_comes_late_delays_nobody() -> None:
    """The body may end after the answer: the caller leaves at once and the connection is kept."""
    late = Sse(events=STREAM.events, delay_before_ending_s=0.5)
    limits = HttpLimits(linger_s=5)
    async with FakeUpstream(late) as upstream, provider_at(upstream, limits=limits) as provider:
        await ask(provider, a_call())
        answered_at = time.monotonic()
        await upstream.wait_finished(upstream.journal[0])
        await asyncio.sleep(0.05)
        await ask(provider, a_call())

        ended_at = upstream.journal[0].finished_at
        assert ended_at is not None
        assert answered_at < ended_at
        assert [attempt.connection.number for attempt in upstream.journal] == [1, 1]


async def test_an_end_that_never_comes_costs_the_connection() -> None:
    """A body that does not end after the answer's own end is cut after a moment."""
    endless = Sse(events=STREAM.events, ending=Ending.STALL)
    limits = HttpLimits(linger_s=0.05)
    async with FakeUpstream(endless) as upstream, provider_at(upstream, limits=limits) as provider:
        events = await ask(provider, a_call())

        assert text_of(events) == TEXT
        await upstream.wait_closed(upstream.journal[0])


async def test_a_broken_answer_costs_the_connection() -> None:
    """Nothing is sent on a connection whose last answer was not understood to its end."""
    async with (
        FakeUpstream(Sse(events=STREAM.events[:3], ending=Ending.STALL)) as upstream,
        provider_at(upstream, limits=HttpLimits(idle_s=0.1)) as provider,
    ):
        with pytest.raises(UpstreamStreamBroken):
            await ask(provider, a_call())
        upstream.script(STREAM)
        await ask(provider, a_call())

        assert [attempt.connection.number for attempt in upstream.journal] == [1, 2]


async def test_a_connection_that_the_upstream_closed_is_not_used() -> None:
    """An idle connection that was dropped is replaced without the caller noticing."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        await ask(provider, a_call())
        await asyncio.sleep(0.02)
        await upstream.drop_connections()
        await asyncio.sleep(0.02)
        await ask(provider, a_call())

        assert len(upstream.journal.connections) == 2


async def test_many_calls_leave_nothing_behind() -> None:
    """After a hundred calls, half of them cancelled, no task and no socket is left."""
    async with FakeUpstream(EndlessStream(delay_between_s=0.005)) as upstream:
        tasks_before = len(asyncio.all_tasks())
        async with provider_at(upstream) as provider:

            async def some(provider: HttpProvider, number: int) -> None:
                async with provider.open(a_call(), CHAT) as batches:
                    for _ in range(number % 5):
                        await anext(batches)
                    if number % 2:
                        await asyncio.sleep(60)

            tasks = [asyncio.create_task(some(provider, number)) for number in range(100)]
            await asyncio.sleep(0.3)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await upstream.wait_idle()

        assert len(asyncio.all_tasks()) == tasks_before
