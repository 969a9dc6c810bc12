"""Whose call is it, what is booked of a replay, and what does a call without a key notice?"""

import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir.v1.error_pb2 import Attempt
from weir.v1.generation_pb2 import GenerationEvent, PartDelta, PartStart, StreamEnd
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.call import Call
from weir_server.core.caller import Caller
from weir_server.core.deadline import Deadline
from weir_server.core.errors import (
    IdempotencyKeyReused,
    LedgerUnavailable,
    OutcomeNotKept,
    UnknownOutcome,
    UpstreamOverloaded,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.replays import Replay, ReplayBook
from weir_server.core.target import Operation, Target
from weir_server.replay.memory import MemoryReplays
from weir_server.replay.seal import Seal
from weir_server.replay.stage import ReplayStage
from weir_server.settings.idempotency import IdempotencySettings
from weir_server.telemetry.log import Log

RETENTION_S = 86_400.0
TARGET = Target(
    provider="providers/p",
    model="models/m",
    vendor_model="vendor-m",
    capabilities=ModelCapabilities(),
)


class Provider(Handler):
    """Answers, or fails when it has the request, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        self.asked += 1
        progress = call.progress
        progress.sent()
        progress.route = TARGET
        progress.attempts.append(Attempt(provider=TARGET.provider, model=TARGET.vendor_model))
        if self.failure is not None:
            raise self.failure
        yield _answer(self.asked, request)


async def _answer(number: int, request: Request) -> AsyncIterator[Batch]:
    usage = TokenUsage(prompt_tokens=3, completion_tokens=1, total_tokens=4)
    if isinstance(request, EmbedRequest):
        yield EmbedResponse(dimensions=number, usage=usage)
        return
    yield [GenerationEvent(part_start=PartStart())]
    yield [GenerationEvent(part_delta=PartDelta(text=f"answer {number}"))]
    yield [GenerationEvent(end=StreamEnd(usage=usage))]


class Book(ReplayBook):
    """Notes what is booked, or is away."""

    def __init__(self) -> None:
        self.booked: list[tuple[Call, Replay]] = []
        self.away = False

    async def book(self, call: Call, request: Request, replay: Replay) -> None:
        if self.away:
            raise LedgerUnavailable
        self.booked.append((call, replay))


class Weir:
    """The stage in front of a provider, with a clock moved by hand."""

    def __init__(self, provider: Handler | None = None, **settings: Any) -> None:
        self.clock = FakeClock()
        self.provider = Provider()
        self.book = Book()
        wanted = IdempotencySettings(**settings)
        numbers = iter(range(10**9))
        self.stage = ReplayStage(
            provider or self.provider,
            wanted,
            store=MemoryReplays(self.clock, retention_s=RETENTION_S, max_bytes=2**20),
            seal=Seal(b"s" * 32),
            book=self.book,
            clock=self.clock,
            log=Log(io.BytesIO()),
            new_owner=lambda: f"run_{next(numbers)}",
        )
        self.calls = 0

    def call(self, key: str = "k", *, tenant: str = "default", method: str = "Chat") -> Call:
        self.calls += 1
        now_s = self.clock.monotonic_s()
        return Call(
            request_id=f"r{self.calls}",
            response_id=f"resp_{self.calls}",
            method=method,
            operation=Operation.CHAT,
            streaming=method.startswith("Stream"),
            arrived_s=now_s,
            deadline=Deadline.after(now_s, 60.0),
            caller=Caller(tenant=tenant),
            idempotency_key=key,
        )

    async def ask(self, call: Call, request: Request | None = None) -> list[Batch]:
        if request is None:
            request = ChatRequest(model="m")
        async with self.stage.open(call, request) as batches:
            return [batch async for batch in batches]


def text_of(batches: list[Batch]) -> str:
    return "".join(
        event.part_delta.text for batch in batches if isinstance(batch, list) for event in batch
    )


async def test_tenants_are_apart() -> None:
    """The same key of another tenant is another call, and its body is nobody's business."""
    weir = Weir()
    first = await weir.ask(weir.call(tenant="a"))
    other = await weir.ask(weir.call(tenant="b"), ChatRequest(model="n"))
    again = await weir.ask(weir.call(tenant="a"))
    assert (text_of(first), text_of(other), text_of(again)) == ("answer 1", "answer 2", "answer 1")
    assert weir.provider.asked == 2


async def test_a_key_runs_again_when_it_is_forgotten() -> None:
    """A day after its call has ended, and not before."""
    weir = Weir()
    await weir.ask(weir.call())
    weir.clock.advance(RETENTION_S - 1.0)
    assert text_of(await weir.ask(weir.call())) == "answer 1"
    weir.clock.advance(1.0)
    assert text_of(await weir.ask(weir.call())) == "answer 2"


async def test_how_fields_are_written_is_not_what_is_asked() -> None:
    """The same message in another order of bytes is the same request."""
    weir = Weir()
    forwards, backwards = ChatRequest(model="m"), ChatRequest(model="m")
    labels = [("a", "1"), ("b", "2"), ("c", "3")]
    for name, value in labels:
        forwards.options.labels[name] = value
    for name, value in reversed(labels):
        backwards.options.labels[name] = value
    await weir.ask(weir.call(), forwards)
    await weir.ask(weir.call(), backwards)
    backwards.options.labels["c"] = "4"
    with pytest.raises(IdempotencyKeyReused):
        await weir.ask(weir.call(), backwards)
    assert weir.provider.asked == 1


async def test_a_replay_tells_transport_what_the_first_run_told() -> None:
    """Identity, route, attempts and usage for the trailers, though nobody was asked."""
    weir = Weir()
    first, again = weir.call(), weir.call()
    await weir.ask(first)
    await weir.ask(again)
    told = again.progress
    assert told.keyed is not None
    assert (again.answer_id, told.keyed.replayed) == (first.response_id, True)
    assert told.route is not None
    assert (told.route.provider, told.route.model) == ("providers/p", "models/m")
    assert told.attempts == first.progress.attempts
    assert told.usage == TokenUsage(prompt_tokens=3, completion_tokens=1, total_tokens=4)


async def test_a_replay_is_booked_before_it_is_given() -> None:
    """A row of its own, under its own identity, that names whose answer it is."""
    weir = Weir()
    await weir.ask(weir.call())
    assert weir.book.booked == []
    again = weir.call()
    await weir.ask(again)
    ((call, replay),) = weir.book.booked
    assert call is again
    assert call.response_id != replay.answer_id == "resp_1"
    assert (replay.provider, replay.vendor_model) == ("providers/p", "vendor-m")
    assert replay.error is None


async def test_a_replayed_failure_is_booked_too() -> None:
    """With its reason."""
    weir = Weir()
    weir.provider.failure = UpstreamOverloaded(metadata={"provider": "p"}, retry_after_s=3.0)
    with pytest.raises(UpstreamOverloaded):
        await weir.ask(weir.call())
    with pytest.raises(UpstreamOverloaded) as failed:
        await weir.ask(weir.call())
    ((_, replay),) = weir.book.booked
    assert replay.error is failed.value
    assert failed.value.replayed
    assert failed.value.metadata == {"replayed": "true", "provider": "p"}
    assert failed.value.retry_after_s is None
    assert weir.provider.asked == 1


async def test_no_replay_without_its_row() -> None:
    """Where nothing can be booked nothing is given; later it is there again."""
    weir = Weir()
    await weir.ask(weir.call())
    weir.book.away = True
    with pytest.raises(LedgerUnavailable):
        await weir.ask(weir.call())
    weir.book.away = False
    assert text_of(await weir.ask(weir.call())) == "answer 1"


async def test_a_fault_of_our_own_is_not_run_again() -> None:
    """Nobody knows what came of it, and the caller is told just that."""
    weir = Weir()
    weir.provider.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await weir.ask(weir.call())
    with pytest.raises(UnknownOutcome) as unknown:
        await weir.ask(weir.call())
    assert unknown.value.metadata["cause"] == "interrupted"


async def test_an_answer_is_kept_up_to_its_bound() -> None:
    """At the bound it is, above it only its key."""
    size = EmbedResponse(
        dimensions=1, usage=TokenUsage(prompt_tokens=3, completion_tokens=1, total_tokens=4)
    )
    for more, kept in ((400, True), (0, False)):
        weir = Weir(max_reply_bytes=size.ByteSize() + more)
        await weir.ask(weir.call(method="Embed"), EmbedRequest())
        again = weir.ask(weir.call(method="Embed"), EmbedRequest())
        if kept:
            (reply,) = await again
            assert isinstance(reply, EmbedResponse)
            assert reply.metadata.attributes["replayed"] == "true"
        else:
            with pytest.raises(OutcomeNotKept):
                await again


def test_a_call_without_a_key_passes_untouched(
    record_property: Callable[[str, object], None],
) -> None:
    """It is handed the next stage's own context manager, at the price of one look."""
    opened = Provider().open(Weir().call(""), ChatRequest())

    class Next(Handler):
        """Costs nothing: a real provider would be most of what is timed."""

        def open(self, call: Call, request: Request) -> Any:
            return opened

    weir = Weir(Next())
    call, request = weir.call(""), ChatRequest()
    assert weir.stage.open(call, request) is opened
    assert call.progress.keyed is None

    def ns_per_call(handler: Handler) -> float:
        begun_ns = time.perf_counter_ns()
        for _ in range(20_000):
            handler.open(call, request)
        return (time.perf_counter_ns() - begun_ns) / 20_000

    added_ns = min(ns_per_call(weir.stage) for _ in range(5)) - min(
        ns_per_call(Next()) for _ in range(5)
    )
    record_property("added_us", added_ns / 1000)
    assert added_ns < 2_000
