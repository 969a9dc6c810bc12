"""Who is let in, when does a call give its place back, and what are those told who are not?"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.admission.files import FileWatch
from weir_server.admission.lag import LagWatch
from weir_server.admission.stage import GateStage
from weir_server.core.call import Call, Progress
from weir_server.core.deadline import Deadline
from weir_server.core.errors import GatewayOverloaded, UpstreamError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.priority import Priority
from weir_server.core.target import Operation
from weir_server.settings.admission import AdmissionSettings

BACKGROUND, STANDARD, INTERACTIVE = Priority
REQUEST = ChatRequest()


class Provider(Handler):
    """Says that a request was sent when a test says so, and lets the stage enter later."""

    def __init__(self) -> None:
        self.asked: list[Call] = []
        self.reachable = asyncio.Event()
        self.reachable.set()
        self.failure: Exception | None = None
        self.batches = _answer()

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        self.asked.append(call)
        await self.reachable.wait()
        if self.failure is not None:
            raise self.failure
        yield self.batches


async def _answer() -> AsyncIterator[Batch]:
    yield [GenerationEvent()]


class Gate:
    """A gate in front of a provider, with a clock moved by hand."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.provider = Provider()
        self.lag = LagWatch(self.clock)
        self.files = 10
        self.stage = GateStage(
            self.provider,
            AdmissionSettings(**settings),
            lag=self.lag,
            files=FileWatch(count=lambda: self.files, limit=1000),
            clock=self.clock,
            rng=random.Random(7),
        )

    def call(self, priority: Priority = STANDARD, **fields: Any) -> Call:
        now_s = self.clock.monotonic_s()
        return Call(
            request_id="r",
            response_id="r",
            method="Chat",
            operation=Operation.CHAT,
            streaming=True,
            arrived_s=now_s,
            deadline=Deadline.after(now_s, 60.0),
            priority=priority,
            **fields,
        )

    async def cause_of_refusal(self, priority: Priority = STANDARD, **fields: Any) -> str:
        """Ask, and return why it was refused; empty when it was let in."""
        try:
            async with self.stage.open(self.call(priority, **fields), REQUEST):
                return ""
        except GatewayOverloaded as refusal:
            return refusal.metadata["cause"]

    def begin(self, priority: Priority = STANDARD) -> asyncio.Task[str]:
        """Begin a call in a task of its own."""
        return asyncio.create_task(self.cause_of_refusal(priority))

    @property
    def held(self) -> tuple[int, int, int]:
        """Places of calls being started, those waiting for one, and open calls."""
        stage = self.stage
        return stage.starting.in_flight, stage.starting.queued, stage.open_calls.in_flight


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_hands_out_the_next_stage_s_own_batches() -> None:
    """No batch passes through the gate's hands."""
    gate = Gate()
    async with gate.stage.open(gate.call(), REQUEST) as batches:
        assert batches is gate.provider.batches
        assert gate.held == (0, 0, 1)
    assert gate.held == (0, 0, 0)


async def test_place_is_given_back_when_the_request_was_sent() -> None:
    """A call that waits for a vendor is open, but not being started any more."""
    gate = Gate()
    gate.provider.reachable.clear()
    call = gate.begin()
    await turns()
    assert gate.held == (1, 0, 1)
    gate.provider.asked[0].progress.sent()
    assert gate.held == (0, 0, 1)
    gate.provider.reachable.set()
    assert await call == ""
    assert gate.held == (0, 0, 0)


async def test_the_first_of_several_attempts_counts() -> None:
    """A second attempt that says so, be it with a progress of its own, gives nothing back twice."""
    gate = Gate()
    gate.provider.reachable.clear()
    call = gate.begin()
    await turns()
    asked = gate.provider.asked[0]
    attempts = [asked.aimed_at((), progress=Progress()) for _ in range(2)]
    for attempt in attempts:
        attempt.progress.sent()
    assert gate.held == (0, 0, 1)
    gate.provider.reachable.set()
    assert await call == ""


async def test_failure_leaves_no_place_behind() -> None:
    """A call that fails before or after it was sent has given back what it took."""
    gate = Gate()
    gate.provider.failure = UpstreamError()
    with pytest.raises(UpstreamError):
        async with gate.stage.open(gate.call(), REQUEST):
            pass
    assert gate.held == (0, 0, 0)


async def test_hang_up_leaves_no_place_behind() -> None:
    """Cancelled while it starts, or while it waits to, a call holds nothing."""
    gate = Gate(start_limit_min=1, start_limit_max=1)
    gate.provider.reachable.clear()
    starting, waiting = gate.begin(), gate.begin()
    await turns()
    assert gate.held == (1, 1, 2)
    waiting.cancel()
    await turns()
    assert gate.held == (1, 0, 1)
    starting.cancel()
    await turns()
    assert gate.held == (0, 0, 0)


async def test_background_is_refused_first() -> None:
    """With the places for background calls taken and their part of the queue, others go ahead."""
    gate = Gate(start_limit_min=5, start_limit_max=5)
    gate.provider.reachable.clear()
    held = [gate.begin(BACKGROUND) for _ in range(4)]
    await turns()
    assert gate.held == (3, 1, 4)
    assert await gate.cause_of_refusal(BACKGROUND) == "queue"
    interactive = gate.begin(INTERACTIVE)
    await turns()
    assert gate.held[0] == 4
    gate.provider.reachable.set()
    assert set(await asyncio.gather(interactive, *held)) == {""}


async def test_retried_call_does_not_wait() -> None:
    """What gRPC sends again is refused where a first attempt of its class may wait."""
    gate = Gate(start_limit_min=1, start_limit_max=1)
    gate.provider.reachable.clear()
    first = gate.begin()
    await turns()
    assert await gate.cause_of_refusal(retried=True) == "queue"
    waiting = gate.begin()
    await turns()
    assert gate.held == (1, 1, 2)
    gate.provider.reachable.set()
    assert await first == await waiting == ""


async def test_waiting_in_vain_is_overload_too() -> None:
    """A call whose time passes in the queue is told that Weir had too much to do."""
    gate = Gate(start_limit_min=1, start_limit_max=1)
    gate.provider.reachable.clear()
    first, waiting = gate.begin(), gate.begin()
    await turns()
    gate.clock.advance(60.0)
    gate.provider.reachable.set()
    assert await first == ""
    assert await waiting == "deadline"
    assert gate.held == (0, 0, 0)


async def test_open_calls_are_bounded_with_the_reserve() -> None:
    """Calls that only wait for their vendor fill the gateway too; a fifth is kept."""
    gate = Gate(open_calls_max=5)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(gate.stage.open(gate.call(), REQUEST))
        assert await gate.cause_of_refusal(STANDARD) == "open_calls"
        assert await gate.cause_of_refusal(INTERACTIVE) == ""
        await stack.enter_async_context(gate.stage.open(gate.call(INTERACTIVE), REQUEST))
        assert await gate.cause_of_refusal(INTERACTIVE) == "open_calls"
    assert gate.held == (0, 0, 0)


@pytest.mark.parametrize("trouble", ["lag", "files"])
async def test_trouble_is_for_interactive_calls_only(trouble: str) -> None:
    """With the loop blocked or files short, only interactive first attempts are let in."""
    gate = Gate()
    gate.lag.expect()
    if trouble == "files":
        gate.files = 999
    else:
        gate.clock.advance(0.4)
    assert await gate.cause_of_refusal(BACKGROUND) == trouble
    assert await gate.cause_of_refusal(STANDARD) == trouble
    assert await gate.cause_of_refusal(INTERACTIVE) == ""
    assert await gate.cause_of_refusal(INTERACTIVE, retried=True) == trouble


async def test_lasting_trouble_is_for_nobody() -> None:
    """When the loop stays blocked, interactive calls are better sent elsewhere too."""
    gate = Gate()
    gate.lag.expect()
    gate.clock.advance(5.0)
    assert await gate.cause_of_refusal(INTERACTIVE) == "lag"
    assert gate.held == (0, 0, 0)


async def test_refusal_says_when_to_come_again() -> None:
    """Around the set time, and not all at the same moment."""
    gate = Gate(retry_after_s=2.0)
    gate.files = 999
    waits_s = set()
    for _ in range(20):
        with pytest.raises(GatewayOverloaded) as refusal:
            await gate.stage.open(gate.call(), REQUEST).__aenter__()
        assert refusal.value.retry_after_s is not None
        waits_s.add(refusal.value.retry_after_s)
    assert len(waits_s) == 20
    assert all(1.0 <= wait_s <= 3.0 for wait_s in waits_s)


async def test_lag_of_the_loop_counts_as_time() -> None:
    """What the clock of a call does not show, as the call itself came late, the lag does."""
    gate = Gate(start_limit_min=1, start_limit_max=12, reserve_share=0.0)
    for lag_s, below in ((0.0, False), (0.2, True)):
        for _ in range(20):
            gate.lag.expect()
            gate.clock.advance(0.05 + lag_s)
            gate.lag.woke()
            gate.provider.reachable.clear()
            calls = [gate.begin() for _ in range(12)]
            await turns()
            for asked in gate.provider.asked:
                asked.progress.sent()
            gate.provider.asked.clear()
            gate.provider.reachable.set()
            await asyncio.gather(*calls)
        assert (gate.stage.gradient.limit < 12) is below


async def test_limit_follows_how_long_starting_takes() -> None:
    """Time from the call's arrival until its request was sent is what the limit is made of."""
    gate = Gate(start_limit_min=1, start_limit_max=12, reserve_share=0.0)
    for took_s, below in ((0.1, False), (5.0, True)):
        for _ in range(20):
            gate.provider.reachable.clear()
            calls = [gate.begin() for _ in range(12)]
            await turns()
            gate.clock.advance(took_s)
            for asked in gate.provider.asked:
                asked.progress.sent()
            gate.provider.asked.clear()
            gate.provider.reachable.set()
            await asyncio.gather(*calls)
        assert (gate.stage.gradient.limit < 12) is below
