"""A race that goes wrong within Weir itself leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from tests.routing.targets import target
from weir.v1.generation_pb2 import GenerationEvent, StreamEnd
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.clock import SystemClock
from weir_server.core.deadline import Deadline
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.route import RoutePolicy
from weir_server.core.target import Operation
from weir_server.resilience.backoff import Backoff
from weir_server.resilience.stage import ResilienceStage
from weir_server.resilience.turns import Turns
from weir_server.resilience.upstreams import Upstreams
from weir_server.settings.resilience import ResilienceSettings

CLOCK, RNG = SystemClock(), Random(1)
A, B = target("x", "providers/a"), target("x", "providers/b")


class Faulty(Handler):
    """The provider that is named raises what no provider should; the other answers late."""

    def __init__(self, faulty: str) -> None:
        self._faulty = faulty
        self.open_now = 0
        self._both = asyncio.Barrier(2)

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        self.open_now += 1
        try:
            await self._both.wait()
            if call.target.provider == self._faulty:
                raise RuntimeError("a fault of our own")
            yield _answer()
        finally:
            self.open_now -= 1


async def _answer() -> AsyncIterator[Batch]:
    yield [GenerationEvent(end=StreamEnd())]


@pytest.mark.parametrize("faulty", ["providers/a", "providers/b"])
async def test_a_fault_in_one_of_two_attempts_is_told_as_itself(faulty: str) -> None:
    """No group of one, no attempt left open, and every place given back."""
    settings = ResilienceSettings(hedge_delay_min_s=0.001, hedge_share=1.0)
    upstreams = Upstreams(settings, clock=CLOCK, rng=RNG)
    handler = Faulty(faulty)
    stage = ResilienceStage(
        handler,
        Turns(upstreams, clock=CLOCK, rng=RNG, first_token_timeout_s=5.0),
        clock=CLOCK,
        rng=RNG,
        backoff=Backoff(),
        first_token_timeout_s=5.0,
    )
    now_s = CLOCK.monotonic_s()
    call = Call(
        request_id="q1",
        response_id="r1",
        method="StreamChat",
        operation=Operation.CHAT,
        streaming=True,
        arrived_s=now_s,
        deadline=Deadline.after(now_s, 5.0),
        targets=(A, B),
        policy=RoutePolicy(hedge=True),
    )
    with pytest.raises(RuntimeError, match="a fault of our own"):
        async with stage.open(call, ChatRequest()):
            pass
    assert handler.open_now == 0
    assert [state.in_flight for state in upstreams.targets()] == [0, 0]
    assert [state.provider_in_flight for state in upstreams.targets()] == [0, 0]
