"""While the first target is silent a second one is asked; the first answer is the caller's."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from tests.service.asking import logged, until
from tests.service.test_fault_matrix import Outcome, tree
from tests.service.weir import (
    Weir,
    chat_request,
    failure_of_error,
    hear,
    serving,
    stream_request,
)
from weir.v1.error_pb2 import Attempt, AttemptKind, ErrorReason
from weir.v1.generation_pb2 import RoutingOptions
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

FIRST = AttemptKind.ATTEMPT_KIND_FIRST
HEDGE = AttemptKind.ATTEMPT_KIND_HEDGE
DELAY_S = 0.05
SLOW_S = 0.3
WELL = OpenAiService()
SLOW = OpenAiService(delay_before_headers_s=SLOW_S)
BROKEN = Reply(status=500)
BROKEN_LATE = Reply(status=500, delay_before_headers_s=SLOW_S)
MODES = pytest.mark.parametrize("streaming", [True, False], ids=["stream", "unary"])


@asynccontextmanager
async def hedging(
    a: FakeUpstream,
    b: FakeUpstream,
    *,
    hedge: bool = True,
    share: float = 1.0,
    delay_s: float = DELAY_S,
    **provider: Any,
) -> AsyncIterator[Weir]:
    """hedge: what the route says. share: hedges for each call. delay_s: silence before one."""
    resilience = {"hedge_delay_min_s": delay_s, "hedge_share": share}
    config = tree(a.url, b.url, resilience=resilience, **provider)
    config["upstream"]["first_token_timeout_s"] = 5.0
    config["models"][0]["hedge"] = hedge
    async with serving(config) as weir:
        yield weir


async def ask(weir: Weir, *, streaming: bool, routing: RoutingOptions | None = None) -> Outcome:
    """Make one call, to whatever end."""
    options: dict[str, Any] = {} if routing is None else {"routing": routing}
    if streaming:
        request = stream_request("hello", model="m", **options)
        heard = await hear(weir.llm.StreamChat(request, timeout=10))
        if heard.code is grpc.StatusCode.OK:
            return Outcome(code="OK", attempts=heard.end.metadata.attempts)
        failure, code = heard.failure, heard.code.name
    else:
        try:
            reply = await weir.llm.Chat(chat_request("hello", model="m", **options), timeout=10)
        except grpc.aio.AioRpcError as error:
            failure = failure_of_error(error)
            code = error.code().name
        else:
            return Outcome(code="OK", attempts=reply.metadata.attempts)
    assert failure.failure is not None
    return Outcome(code=code, reason=failure.reason, attempts=failure.failure.attempts)


def who(attempts: Sequence[Attempt]) -> list[tuple[str, AttemptKind.ValueType]]:
    return [(each.provider.removeprefix("providers/"), each.kind) for each in attempts]


def assert_nothing_is_left(weir: Weir) -> None:
    """Every place that a call had is given back."""
    for target in weir.app.upstreams.targets():
        assert (target.in_flight, target.provider_in_flight) == (0, 0)


@MODES
async def test_the_second_answers_for_a_silent_first(streaming: bool) -> None:
    """The loser, which would hang for ever, is closed; both are among the attempts."""
    async with (
        FakeUpstream(Hang()) as a,
        FakeUpstream(WELL) as b,
        hedging(a, b) as weir,
    ):
        asked_at = time.monotonic()
        outcome = await ask(weir, streaming=streaming)
        closed_at = await a.wait_closed(a.journal[0])
        decided_at = b.journal[0].first_byte_at
        assert_nothing_is_left(weir)
        (line,) = await logged(weir)
    assert outcome.code == "OK"
    assert who(outcome.attempts) == [("a", FIRST), ("b", HEDGE)]
    assert outcome.attempts[0].reason != ErrorReason.ERROR_REASON_UNSPECIFIED
    assert outcome.attempts[1].reason == ErrorReason.ERROR_REASON_UNSPECIFIED
    assert decided_at is not None
    assert closed_at - decided_at <= 1.0
    assert b.journal[0].started_at - asked_at >= DELAY_S
    assert line["prompt_tokens"] > 0


@MODES
async def test_the_first_may_still_win(streaming: bool) -> None:
    """The hedge is then the loser, and closed."""
    async with (
        FakeUpstream(SLOW) as a,
        FakeUpstream(Hang()) as b,
        hedging(a, b) as weir,
    ):
        outcome = await ask(weir, streaming=streaming)
        closed_at = await b.wait_closed(b.journal[0])
        decided_at = a.journal[0].first_byte_at
        assert_nothing_is_left(weir)
    assert outcome.code == "OK"
    assert decided_at is not None
    assert closed_at - decided_at <= 0.1


@MODES
async def test_who_answers_in_time_is_not_hedged(streaming: bool) -> None:
    """Nobody else hears of the call."""
    async with (
        FakeUpstream(WELL) as a,
        FakeUpstream(WELL) as b,
        hedging(a, b, delay_s=2.0) as weir,
    ):
        for _ in range(5):
            assert (await ask(weir, streaming=streaming)).code == "OK"
        assert len(b.journal) == 0


@pytest.mark.parametrize(("route", "caller", "hedged"), [(True, False, 0), (False, True, 1)])
async def test_the_caller_has_the_last_word(route: bool, caller: bool, hedged: int) -> None:
    """`allow_hedging` holds against what the route says, either way."""
    async with (
        FakeUpstream(SLOW) as a,
        FakeUpstream(WELL) as b,
        hedging(a, b, hedge=route) as weir,
    ):
        routing = RoutingOptions(allow_hedging=caller)
        assert (await ask(weir, streaming=True, routing=routing)).code == "OK"
        assert len(b.journal) == hedged


async def test_hedges_are_a_share_of_the_calls() -> None:
    """Forty slow calls, of which a twentieth may be hedged: two at most."""
    async with (
        FakeUpstream(OpenAiService(delay_before_headers_s=0.15)) as a,
        FakeUpstream(WELL) as b,
        hedging(a, b, share=0.05) as weir,
    ):
        for _ in range(10):
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(ask(weir, streaming=True))
        assert len(a.journal) == 40
        assert 1 <= len(b.journal) <= 2


@MODES
@pytest.mark.parametrize(
    ("first", "second"), [(SLOW, BROKEN), (BROKEN_LATE, OpenAiService(delay_before_headers_s=0.5))]
)
async def test_one_that_fails_leaves_it_to_the_other(
    first: Behaviour, second: Behaviour, streaming: bool
) -> None:
    """Whichever it is: the caller gets the answer of the other."""
    async with FakeUpstream(first) as a, FakeUpstream(second) as b, hedging(a, b) as weir:
        outcome = await ask(weir, streaming=streaming)
        assert_nothing_is_left(weir)
    assert outcome.code == "OK"
    assert who(outcome.attempts) == [("a", FIRST), ("b", HEDGE)]


@MODES
async def test_when_both_fail(streaming: bool) -> None:
    """The caller gets the first one's failure, with both attempts."""
    async with (
        FakeUpstream(BROKEN_LATE) as a,
        FakeUpstream(BROKEN) as b,
        hedging(a, b, max_retries=0) as weir,
    ):
        outcome = await ask(weir, streaming=streaming)
        assert_nothing_is_left(weir)
    assert (outcome.code, outcome.reason) == ("UNAVAILABLE", "UPSTREAM_ERROR")
    assert who(outcome.attempts) == [("a", FIRST), ("b", HEDGE)]


@MODES
async def test_a_cancel_during_the_race_closes_both(streaming: bool) -> None:
    """Within 100 ms, and no task is left."""
    async with FakeUpstream(Hang()) as a, FakeUpstream(Hang()) as b, hedging(a, b) as weir:
        before = len(asyncio.all_tasks())
        if streaming:
            call = weir.llm.StreamChat(stream_request("hello", model="m"), timeout=10)
        else:
            call = weir.llm.Chat(chat_request("hello", model="m"), timeout=10)  # type: ignore[assignment]
        await b.wait_for_attempts(1)
        cancelled_at = asyncio.get_running_loop().time()
        call.cancel()
        closed = [await up.wait_closed(up.journal[0]) for up in (a, b)]
        await a.wait_idle()
        await b.wait_idle()
        await until(lambda: len(asyncio.all_tasks()) <= before)
        assert_nothing_is_left(weir)
        assert [t.window_failures for t in weir.app.upstreams.targets()] == [0, 0]
    assert max(closed) - cancelled_at <= 0.1


async def test_a_deadline_during_the_race_closes_both() -> None:
    """The caller is told in time, with both attempts."""
    async with FakeUpstream(Hang()) as a, FakeUpstream(Hang()) as b, hedging(a, b) as weir:
        request = stream_request("hello", model="m")
        heard = await hear(weir.llm.StreamChat(request, timeout=1.0))
        await a.wait_idle()
        await b.wait_idle()
        assert_nothing_is_left(weir)
    assert heard.failure.reason == "DEADLINE_EXCEEDED"
    assert heard.failure.failure is not None
    assert who(heard.failure.failure.attempts) == [("a", FIRST), ("b", HEDGE)]


async def test_without_a_hedge_a_silent_target_leaves_time_for_the_next() -> None:
    """So few calls earn no hedge; the second target is asked in time all the same."""
    async with FakeUpstream(Hang()) as a, FakeUpstream(WELL) as b:
        config = tree(a.url, b.url, resilience={"hedge_delay_min_s": DELAY_S})
        config["upstream"]["first_token_timeout_s"] = 30.0
        config["models"][0]["hedge"] = True
        async with serving(config) as weir:
            request = stream_request("hello", model="m")
            heard = await hear(weir.llm.StreamChat(request, timeout=2))
            assert_nothing_is_left(weir)
    assert heard.code is grpc.StatusCode.OK
    fallback = AttemptKind.ATTEMPT_KIND_FALLBACK
    assert who(heard.end.metadata.attempts) == [("a", FIRST), ("b", fallback)]


async def test_a_hedge_has_the_time_that_the_first_one_had_no_use_for() -> None:
    """The first target is silent to its end, the hedge takes three quarters of the call's time."""
    late = OpenAiService(delay_before_headers_s=1.5)
    async with FakeUpstream(Hang()) as a, FakeUpstream(late) as b, hedging(a, b) as weir:
        request = stream_request("hello", model="m")
        heard = await hear(weir.llm.StreamChat(request, timeout=2))
        assert_nothing_is_left(weir)
    assert heard.code is grpc.StatusCode.OK
    assert who(heard.end.metadata.attempts) == [("a", FIRST), ("b", HEDGE)]
