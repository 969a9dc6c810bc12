"""Which limits does a call come under, what does it take of them, and what does it give back?"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typing_extensions import override

from tests.fakes.clock import FakeClock
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.error_pb2 import Attempt
from weir.v1.generation_pb2 import GenerationEvent, GenerationOptions
from weir.v1.model_pb2 import Model, ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import TokenUsage
from weir_server.admission.limits import LimitBook
from weir_server.admission.rates import RatesStage
from weir_server.core.call import Call
from weir_server.core.caller import NOBODY, Caller, RateQuota
from weir_server.core.catalogue import Catalogue
from weir_server.core.deadline import Deadline
from weir_server.core.errors import (
    BudgetExceeded,
    ConcurrencyLimited,
    RateLimited,
    UpstreamError,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.route import Leg, ModelRoute
from weir_server.core.target import Operation, Target
from weir_server.settings.rates import RatesSettings
from weir_server.store.memory_counters import MemoryCounters
from weir_server.telemetry.log import Log

PROMPT_TOKENS = 10
RPM, TPM, CALLS = "requests_per_minute", "tokens_per_minute", "concurrent_calls"


class Provider(Handler):
    """Says that it was asked, and what was used; or fails before or after that."""

    def __init__(self) -> None:
        self.usage: TokenUsage | None = None
        self.refusal: Exception | None = None
        self.failure: Exception | None = None
        self.batches = _answer()

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        if self.refusal is not None:
            raise self.refusal
        call.progress.attempts.append(Attempt())
        call.progress.usage = self.usage
        if self.failure is not None:
            raise self.failure
        yield self.batches


async def _answer() -> AsyncIterator[Batch]:
    yield [GenerationEvent()]


class OneModel(Catalogue):
    """Whatever is asked for, with one target."""

    @override
    def resolve(
        self,
        *,
        model: str,
        provider: str,
        operation: Operation,
        streaming: bool = False,
        fallback_models: Sequence[str] = (),
        caller: Caller = NOBODY,
    ) -> ModelRoute:
        name = f"models/{model or 'fast'}"
        target = Target(
            provider="providers/p",
            model=name,
            vendor_model="v",
            capabilities=ModelCapabilities(),
            max_output_tokens=1_000 if model == "terse" else 0,
        )
        return ModelRoute(model=name, legs=(Leg(targets=(target,)),), targets=(target,))

    @override
    def models(self) -> tuple[Model, ...]:
        return ()

    @override
    def model(self, name: str) -> Model:
        return Model(name=name)


class TenEach:
    """Every prompt is as long."""

    def estimate_prompt(self, target: Target, request: Request) -> int:
        return PROMPT_TOKENS


class Rates:
    """The stage in front of a provider, with a clock moved by hand."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.provider = Provider()
        self.said = io.BytesIO()
        self.log = Log(self.said)
        self.book = LimitBook(RatesSettings(**settings))
        self.stage = RatesStage(
            self.provider,
            self.book,
            counters=MemoryCounters(self.clock),
            catalogue=OneModel(),
            tokens=TenEach(),
            clock=self.clock,
            log=self.log,
        )
        self.number = 0

    def call(self, caller: Caller | None = None) -> Call:
        self.number += 1
        now_s = self.clock.monotonic_s()
        return Call(
            request_id="r",
            response_id=f"resp{self.number}",
            method="Chat",
            operation=Operation.CHAT,
            streaming=True,
            arrived_s=now_s,
            deadline=Deadline.after(now_s, 60.0),
            caller=caller or Caller(),
        )

    async def ask(self, caller: Caller | None = None, request: Request | None = None) -> Call:
        """Ask and read the answer to its end."""
        call = self.call(caller)
        async with self.stage.open(call, request or ChatRequest()):
            return call

    async def refused(
        self, caller: Caller | None = None, request: Request | None = None
    ) -> WeirError:
        with pytest.raises((RateLimited, ConcurrencyLimited)) as refusal:
            await self.ask(caller, request)
        return refusal.value


def chat(*, model: str = "", most: int = 0) -> ChatRequest:
    return ChatRequest(model=model, options=GenerationOptions(max_output_tokens=most))


def key(name: str, tenant: str = "search", **quota: int) -> Caller:
    return Caller(tenant=tenant, key=f"keys/{name}", quota=RateQuota(**quota))


async def test_call_without_limits_is_the_next_stage_s_own() -> None:
    """Where nothing is limited the stage adds nothing to a call."""
    rates = Rates()
    call = rates.call()
    async with rates.stage.open(call, ChatRequest()) as batches:
        assert batches is rates.provider.batches
    assert call.progress.rates == ()


@pytest.mark.parametrize(
    ("settings", "caller", "subject", "scope"),
    [
        ({}, key("4f", requests_per_minute=1), "keys/4f", "key"),
        ({"default": {RPM: 1}}, key("4f"), "tenants/search", "tenant"),
        ({"tenants": {"search": {RPM: 1}}}, key("4f"), "tenants/search", "tenant"),
        ({"models": {"fast": {RPM: 1}}}, key("4f"), "tenants/search/models/fast", "model"),
        ({"default": {RPM: 1}}, Caller(), "tenants/default", "tenant"),
    ],
)
async def test_refusal_names_the_limit_and_the_wait(
    settings: Mapping[str, Any], caller: Caller, subject: str, scope: str
) -> None:
    """Whose it is, what it counts, how much it is, and exactly how long to wait."""
    rates = Rates(**settings)
    await rates.ask(caller)
    refusal = await rates.refused(caller)
    assert isinstance(refusal, RateLimited)
    assert refusal.metadata == {"limit": f"{subject} {RPM}", "scope": scope, "limitValue": "1"}
    assert refusal.retry_after_s is not None
    rates.clock.advance(refusal.retry_after_s)
    await rates.ask(caller)


async def test_each_has_limits_of_its_own() -> None:
    """Another key, another tenant and another model are not kept out."""
    rates = Rates(models={"fast": {RPM: 1}}, tenants={"rich": {RPM: 2}}, default={RPM: 9})
    caller = key("one")
    await rates.ask(caller, chat(model="fast"))
    await rates.refused(caller, chat(model="fast"))
    await rates.ask(caller, chat(model="slow"))
    await rates.ask(key("two", tenant="rich"), chat(model="fast"))


async def test_call_refused_by_one_limit_uses_up_none() -> None:
    """A tenant does not pay for calls that a key's own limit turned away."""
    rates = Rates(default={RPM: 3})
    small = key("small", requests_per_minute=1)
    await rates.ask(small)
    for _ in range(5):
        await rates.refused(small)
    await rates.ask(key("other"))
    call = await rates.ask(key("other"))
    assert [each.remaining for each in call.progress.rates] == [0]


@pytest.mark.parametrize("refusal", [BudgetExceeded(), asyncio.CancelledError()])
async def test_call_that_asked_nobody_has_used_nothing(refusal: BaseException) -> None:
    """Whatever ended it before a provider was called gives everything back."""
    rates = Rates(default={RPM: 1, TPM: 5_000, CALLS: 1})
    rates.provider.refusal = refusal  # type: ignore[assignment]  # a cancellation is no Exception
    for _ in range(3):
        with pytest.raises(type(refusal)):
            await rates.ask()
    rates.provider.refusal = None
    await rates.ask()


async def test_failed_attempt_counts_as_a_request() -> None:
    """A provider was called: the request is used up, its place is free."""
    rates = Rates(default={RPM: 2, CALLS: 1})
    rates.provider.failure = UpstreamError()
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await rates.ask()
    assert isinstance(await rates.refused(), RateLimited)


async def test_too_many_calls_at_a_time() -> None:
    """As many as are allowed, and one more when one has ended."""
    rates = Rates(default={CALLS: 1})
    async with rates.stage.open(rates.call(), ChatRequest()):
        refusal = await rates.refused()
    assert isinstance(refusal, ConcurrencyLimited)
    assert refusal.metadata["limit"] == f"tenants/default {CALLS}"
    assert refusal.retry_after_s == pytest.approx(1.0, abs=0.002)
    await rates.ask()


@pytest.mark.parametrize(
    ("request_", "reserved"),
    [
        (chat(most=100), 110),
        (chat(), 4_106),
        (chat(model="terse"), 1_010),
        (chat(model="terse", most=5_000), 1_010),
        (EmbedRequest(inputs=[EmbedInput(text="words")]), 10),
    ],
)
async def test_what_may_be_used_is_reserved(request_: Request, reserved: int) -> None:
    """What goes in, and what may come out: as said, as the model can, or a step."""
    rates = Rates(default={TPM: 6_000})
    async with rates.stage.open(call := rates.call(), request_):
        assert [each.used for each in call.progress.rates] == [reserved]
    assert call.progress.prompt_tokens == PROMPT_TOKENS


@pytest.mark.parametrize(
    ("used", "left"),
    [(TokenUsage(prompt_tokens=12, completion_tokens=30), 5_958), (None, 5_890)],
)
async def test_tokens_are_what_was_really_used(used: TokenUsage | None, left: int) -> None:
    """What was reserved for nothing can be had again at once; unknown use is what was reserved."""
    rates = Rates(default={TPM: 6_000})
    rates.provider.usage = used
    await rates.ask(request=chat(most=100))
    rates.provider.usage = TokenUsage()
    async with rates.stage.open(call := rates.call(), chat(most=100)):
        assert [each.remaining for each in call.progress.rates] == [left - 110]


async def test_answer_without_a_bound_fits_a_small_limit() -> None:
    """It reserves what there is at most, and no more than that."""
    rates = Rates(default={TPM: 500})
    async with rates.stage.open(call := rates.call(), chat()):
        assert [each.used for each in call.progress.rates] == [500]


async def test_what_never_fits_is_not_to_be_tried_again() -> None:
    """A call that needs more than the limit is refused without a time to come again."""
    rates = Rates(default={TPM: 100})
    refusal = await rates.refused(request=chat(most=100))
    assert refusal.retry_after_s is None
    assert refusal.metadata["tokens"] == "110"
    assert refusal.metadata["limitValue"] == "100"


async def test_shadow_lets_through_and_tells() -> None:
    """What would be refused is logged by the limit's name and let through."""
    rates = Rates(default={RPM: 1}, shadow=True)
    with rates.log:
        for _ in range(3):
            await rates.ask(key("4f"))
    lines = [json.loads(line) for line in rates.said.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["rate_limit_passed"] * 2
    assert lines[0]["limit"] == f"tenants/search {RPM}"
    assert lines[0]["key"] == "keys/4f"
    assert 59.0 < lines[0]["retry_after_s"] < 61.0


async def test_limits_are_taken_on_while_running() -> None:
    """A larger limit holds at once, and what was counted under its name still counts."""
    rates = Rates(default={RPM: 1})
    await rates.ask()
    await rates.refused()
    rates.book.use(RatesSettings(default={RPM: 2}))  # type: ignore[arg-type]  # as read from a file
    await rates.ask()
    await rates.refused()


async def test_changed_quota_of_a_key_holds_at_once() -> None:
    """The next call with the key comes under what the key says now."""
    rates = Rates()
    await rates.ask(key("4f", requests_per_minute=1))
    await rates.refused(key("4f", requests_per_minute=1))
    await rates.ask(key("4f", requests_per_minute=2))
