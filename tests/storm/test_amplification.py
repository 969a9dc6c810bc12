"""What if providers fail altogether? They are not asked much more often than callers ask."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.service.weir import Weir, chat_request, hear, serving, stream_request
from tests.storm.trees import Record, model, provider
from weir.admin.v1.admin_service_pb2 import ListTargetsRequest
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.openai_errors import SERVER_ERROR
from weir_server.fake_upstream.upstream import FakeUpstream

CALLS = 1_000
AT_ONCE = 16
AMPLIFICATION = 1.2
SUCCESS = 0.999
OPEN_S, TRIALS = 0.5, 3
BREAKER = {"open_s": OPEN_S, "open_max_s": OPEN_S, "trials": TRIALS}
NEVER_OPENS = {"consecutive_failures": 1_000, "min_calls": 100_000}
CONSECUTIVE_FAILURES = 5
"""The default after which a circuit opens."""
SHORTEST_PERIOD_S = 0.75 * OPEN_S
"""An open period is shorter by a fifth at most; the rest is for the way to the upstream."""


async def ask_many(weir: Weir, calls: int = CALLS, *, timeout_s: float = 5.0) -> Counter[str]:
    """Make many calls, a few at a time, half of them streams; return how they ended."""
    codes: Counter[str] = Counter()

    async def ask(numbers: Iterator[int]) -> None:
        for number in numbers:
            codes[await ask_one(weir, streaming=number % 2 == 0, timeout_s=timeout_s)] += 1

    todo = iter(range(calls))
    async with asyncio.TaskGroup() as callers:
        for _ in range(AT_ONCE):
            callers.create_task(ask(todo))
    return codes


async def ask_one(weir: Weir, *, streaming: bool, timeout_s: float) -> str:
    """Make one call; return the name of its code."""
    if streaming:
        call = weir.llm.StreamChat(stream_request("hello"), timeout=timeout_s)
        return (await hear(call)).code.name
    try:
        await weir.llm.Chat(chat_request("hello"), timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return grpc.StatusCode.OK.name


@asynccontextmanager
async def before(*upstreams: FakeUpstream, breaker: dict[str, Any]) -> AsyncIterator[Weir]:
    """Serve one model that is at all of these upstreams, asked in this order."""
    names = [f"p{number}" for number in range(len(upstreams))]
    tree = {
        "upstream": {"retry_base_s": 0.01},
        "resilience": {"breaker": breaker},
        "providers": [provider(*each) for each in zip(names, upstreams, strict=True)],
        "models": [model(*names)],
    }
    async with serving(tree) as weir:
        yield weir


async def attempts_made(weir: Weir) -> int:
    """Return how many attempts Weir made by its own count, at all targets."""
    listed = await weir.admin.ListTargets(ListTargetsRequest())
    return sum(target.attempts for target in listed.targets)


@pytest.mark.parametrize("fault", ["server_error", "rate_limited"])
@pytest.mark.parametrize(
    ("targets", "breaker"), [(2, BREAKER), (1, NEVER_OPENS)], ids=["two targets", "budget alone"]
)
async def test_an_outage_is_not_made_worse(
    targets: int, breaker: dict[str, Any], fault: str, record_property: Record
) -> None:
    """With every target failing, attempts are at most 1.2 times the calls.

    One target whose circuit never opens shows that the budget of repeats alone sees to it.
    """
    async with AsyncExitStack() as stack:
        upstreams = [
            await stack.enter_async_context(FakeUpstream(FAULTS[fault].behaviour))
            for _ in range(targets)
        ]
        async with before(*upstreams, breaker=breaker) as weir:
            codes = await ask_many(weir, timeout_s=1.5)
            attempts = await attempts_made(weir)
    record_property("attempts_per_call", attempts / CALLS)
    assert codes["OK"] == 0
    # One whose time was up before its request was written is an attempt that no journal has.
    assert sum(len(each.journal) for each in upstreams) <= attempts
    assert sum(codes.values()) == CALLS
    assert attempts / CALLS <= AMPLIFICATION


@pytest.mark.parametrize(
    ("targets", "breaker"), [(2, BREAKER), (1, NEVER_OPENS)], ids=["two targets", "budget alone"]
)
async def test_a_closed_port_is_not_hammered(
    targets: int, breaker: dict[str, Any], record_property: Record
) -> None:
    """Where connections are refused, too; a port that nobody listens on counts nothing itself."""
    async with AsyncExitStack() as stack:
        upstreams = [await stack.enter_async_context(FakeUpstream()) for _ in range(targets)]
        for upstream in upstreams:
            await stack.enter_async_context(upstream.refusing_connections())
        async with before(*upstreams, breaker=breaker) as weir:
            codes = await ask_many(weir)
            attempts = await attempts_made(weir)
        assert not any(each.journal for each in upstreams)
    record_property("attempts_per_call", attempts / CALLS)
    assert dict(codes) == {"UNAVAILABLE": CALLS}
    assert 0 < attempts / CALLS <= AMPLIFICATION


async def test_one_of_two_failing_is_not_felt(record_property: Record) -> None:
    """Success is 99.9 % at least; once its circuit is open, the failing one sees trials alone."""
    # Slow enough in failing that all trials of a period can be under way at once.
    failure = replace(SERVER_ERROR.reply(), delay_before_headers_s=0.05)
    async with FakeUpstream(failure) as failing, FakeUpstream() as well:
        async with before(failing, well, breaker=BREAKER) as weir:
            codes = await ask_many(weir)
            # Long enough for some periods, however fast that was.
            ends_s = time.monotonic() + 4 * OPEN_S
            while time.monotonic() < ends_s:
                codes += await ask_many(weir, 20)
                await asyncio.sleep(0.02)
        arrived_s = [attempt.started_at for attempt in failing.journal]
    calls = sum(codes.values())
    opened = first_pause(arrived_s)
    trials_s = arrived_s[opened:]
    most = max(
        sum(start_s <= at_s < start_s + SHORTEST_PERIOD_S for at_s in trials_s)
        for start_s in trials_s
    )
    record_property("calls", calls)
    record_property("success", codes["OK"] / calls)
    record_property("attempts_before_it_opened", opened)
    record_property("trials", len(trials_s))
    record_property("trials_in_a_period_at_most", most)
    assert codes["OK"] / calls >= SUCCESS
    assert opened <= CONSECUTIVE_FAILURES + AT_ONCE
    assert most <= TRIALS


def first_pause(arrived_s: Sequence[float]) -> int:
    """Return how many arrived before they were held up for half an open period."""
    for number, (at_s, next_s) in enumerate(pairwise(arrived_s), start=1):
        if next_s - at_s >= SHORTEST_PERIOD_S / 2:
            return number
    raise AssertionError("the failing upstream was never left alone")
