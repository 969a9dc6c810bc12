"""An unreachable provider is asked again while time and attempts are left, and never otherwise."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.clock import SystemClock
from weir_server.core.deadline import Deadline
from weir_server.core.errors import UpstreamConnectFailed, UpstreamError, WeirError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Operation, Target
from weir_server.resilience.backoff import Backoff
from weir_server.resilience.connect_retry import ConnectRetryStage

QUICK = Backoff(base_s=0.001, cap_s=0.002)


class Failing(Handler):
    """Fails as often as told, then answers with one empty event."""

    def __init__(self, *failures: WeirError) -> None:
        self.failures = list(failures)
        self.asked: list[Call] = []
        self.closed = 0

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        self.asked.append(call)
        if self.failures:
            raise self.failures.pop(0)
        try:
            yield self._answer()
        finally:
            self.closed += 1

    async def _answer(self) -> AsyncIterator[Batch]:
        yield [GenerationEvent()]


def refused(cause: str = "refused") -> UpstreamConnectFailed:
    return UpstreamConnectFailed(metadata={"cause": cause})


def call(*, retries: int = 2, timeout_s: float = 5.0) -> Call:
    now_s = SystemClock().monotonic_s()
    target = Target(
        provider="providers/a",
        model="models/m",
        vendor_model="m",
        capabilities=ModelCapabilities(),
        max_retries=retries,
    )
    return Call(
        request_id="r",
        response_id="r",
        method="Chat",
        operation=Operation.CHAT,
        streaming=False,
        arrived_s=now_s,
        deadline=Deadline.after(now_s, timeout_s),
        targets=(target, target),
    )


async def ask(provider: Failing, asking: Call, backoff: Backoff = QUICK) -> int:
    stage = ConnectRetryStage(provider, clock=SystemClock(), rng=random.Random(7), backoff=backoff)
    batches = 0
    async with stage.open(asking, ChatRequest()) as answer:
        async for _ in answer:
            batches += 1
    return batches


async def test_it_goes_on_once_the_provider_is_back() -> None:
    """Two refusals, then an answer: the caller notices nothing."""
    provider = Failing(refused(), refused("dns"))
    assert await ask(provider, call()) == 1
    assert len(provider.asked) == 3
    assert provider.closed == 1


async def test_one_target_is_asked() -> None:
    """The provider sees the one target of this attempt."""
    provider = Failing()
    await ask(provider, call())
    assert len(provider.asked[0].targets) == 1


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
async def test_max_retries_bounds_the_attempts(retries: int) -> None:
    """One attempt and so many more."""
    provider = Failing(*[refused() for _ in range(20)])
    with pytest.raises(UpstreamConnectFailed):
        await ask(provider, call(retries=retries))
    assert len(provider.asked) == retries + 1


@pytest.mark.parametrize("failure", [refused("tls"), refused("guard"), UpstreamError()])
async def test_other_failures_are_final(failure: WeirError) -> None:
    """A bad certificate stays bad, and a provider that answered may have done the work."""
    provider = Failing(failure)
    with pytest.raises(type(failure)):
        await ask(provider, call())
    assert len(provider.asked) == 1


async def test_no_wait_outlives_the_deadline() -> None:
    """Where the wait would not leave time for an attempt, the failure comes at once."""
    provider = Failing(*[refused() for _ in range(20)])
    begun_s = asyncio.get_running_loop().time()
    with pytest.raises(UpstreamConnectFailed):
        await ask(provider, call(retries=10, timeout_s=0.2), Backoff(base_s=60.0, cap_s=60.0))
    assert asyncio.get_running_loop().time() - begun_s < 0.2
    assert len(provider.asked) <= 2


async def test_a_failure_after_the_answer_began_is_not_repeated() -> None:
    """Retry ends where output begins."""

    class Breaking(Failing):
        async def _answer(self) -> AsyncIterator[Batch]:
            yield [GenerationEvent()]
            raise refused()

    provider = Breaking()
    with pytest.raises(UpstreamConnectFailed):
        await ask(provider, call())
    assert len(provider.asked) == 1
