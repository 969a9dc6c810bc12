"""Is what was asked in turn accounted for when a later turn fails?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.accounting.calls import call_of
from tests.accounting.prices import NO_PRICES
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest, EmbedResponse
from weir.v1.generation_pb2 import Phase
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.accounting.meter import MeterStage
from weir_server.accounting.tokens import Tokens
from weir_server.core.call import Call
from weir_server.core.errors import (
    UpstreamConnectFailed,
    UpstreamProtocolError,
    UpstreamRateLimited,
    UpstreamTimeout,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.providers.batching import InBatches

REQUEST = EmbedRequest(inputs=[EmbedInput(text="one two three four")] * 9)
"""Nine inputs of four tokens, asked in three turns of three."""
TURN_TOKENS = 12
SAID_TOKENS = 100
"""What the vendor says of a turn."""


class Turns(Handler):
    """Answers two turns, the second with vectors of another length if told to; then fails."""

    def __init__(
        self, failure: BaseException | None, *, says: bool = True, odd: bool = False
    ) -> None:
        self._failure = failure
        self._says = says
        self._odd = odd
        self._turns = 0

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        call.progress.phase = Phase.PHASE_GENERATING
        assert isinstance(request, EmbedRequest)
        self._turns += 1
        if self._turns == 3:
            if self._failure is None:
                await asyncio.Event().wait()
            else:
                raise self._failure
        response = EmbedResponse(dimensions=self._turns if self._odd else 1)
        if self._says:
            response.usage.CopyFrom(used(SAID_TOKENS, UsageSource.USAGE_SOURCE_PROVIDER))
        yield _one(response)


async def _one(response: EmbedResponse) -> AsyncIterator[Batch]:
    yield response


def used(
    tokens: int, source: UsageSource.ValueType = UsageSource.USAGE_SOURCE_PARTIAL
) -> TokenUsage:
    return TokenUsage(prompt_tokens=tokens, total_tokens=tokens, source=source)


async def failed(tokens: Tokens, turns: Turns, failure: type[WeirError]) -> TokenUsage | None:
    """Return the usage of the failure, which the call must tell too."""
    call = call_of()
    stage = MeterStage(InBatches(turns, inputs_max=3), tokens, NO_PRICES)
    with pytest.raises(failure) as raised:
        async with stage.open(call, REQUEST) as batches:
            await anext(batches)
    assert raised.value.usage == call.progress.usage
    assert call.progress.in_turn is None
    return raised.value.usage


@pytest.mark.parametrize("refusal", [UpstreamRateLimited, UpstreamConnectFailed])
async def test_turns_that_answered_are_in_the_usage_of_the_failure(
    tokens: Tokens, refusal: type[WeirError]
) -> None:
    """A turn that is refused costs nothing, those before it what the vendor said."""
    assert await failed(tokens, Turns(refusal()), refusal) == used(2 * SAID_TOKENS)


async def test_a_turn_that_was_likely_charged_is_added(tokens: Tokens) -> None:
    """Silence after the request costs the inputs of that turn, not those of all."""
    usage = await failed(tokens, Turns(UpstreamTimeout()), UpstreamTimeout)

    assert usage == used(2 * SAID_TOKENS + TURN_TOKENS)


async def test_turns_that_say_no_usage_are_counted(tokens: Tokens) -> None:
    """What Weir has to count are the inputs that were answered."""
    turns = Turns(UpstreamRateLimited(), says=False)

    assert await failed(tokens, turns, UpstreamRateLimited) == used(2 * TURN_TOKENS)


async def test_an_answer_that_does_not_fit_is_counted_once(tokens: Tokens) -> None:
    """It was charged as the vendor says, whatever Weir makes of its vectors."""
    usage = await failed(tokens, Turns(None, odd=True), UpstreamProtocolError)

    assert usage == used(2 * SAID_TOKENS)


async def test_a_cancelled_call_has_used_its_turns(tokens: Tokens) -> None:
    """Those that answered, and the one under way."""
    call = call_of()
    stage = MeterStage(InBatches(Turns(None), inputs_max=3), tokens, NO_PRICES)

    async def ask() -> None:
        async with stage.open(call, REQUEST):
            pass

    task = asyncio.ensure_future(ask())
    for _ in range(5):
        await asyncio.sleep(0)
    during = call.progress.usage_now
    assert during is not None
    assert during() == used(2 * SAID_TOKENS + TURN_TOKENS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call.progress.usage == used(2 * SAID_TOKENS + TURN_TOKENS)


async def test_the_next_attempt_starts_anew(tokens: Tokens) -> None:
    """What another attempt of the call has used is not told again."""
    call = call_of()
    for inputs_max in (3, 100):
        turns = Turns(UpstreamRateLimited())
        with pytest.raises(UpstreamRateLimited):
            async with MeterStage(InBatches(turns, inputs_max=inputs_max), tokens, NO_PRICES).open(
                call, REQUEST
            ):
                raise UpstreamRateLimited

    assert call.progress.usage == TokenUsage(source=UsageSource.USAGE_SOURCE_PARTIAL)
