"""Every usage that the meter tells has its cost, however the attempt ended."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.accounting.answers import (
    PROMPT_TOKENS,
    WORDS,
    Provider,
    asked,
    ended,
    streamed,
    used,
)
from tests.accounting.calls import call_of
from tests.accounting.prices import book_of, sold
from weir.v1.generation_pb2 import Phase
from weir.v1.usage_pb2 import Cost, CostLine, TokenUsage
from weir_server.accounting.meter import MeterStage
from weir_server.accounting.tokens import Tokens
from weir_server.core.call import Call
from weir_server.core.errors import UpstreamConnectFailed, UpstreamStreamBroken
from weir_server.core.target import GATEWAY, Target

BOOK = book_of()
SOLD = sold("openai", "gpt-4o")
UNKNOWN = sold("", "gpt-4o")


def nanos(prompt: int, completion: int) -> int:
    """By OpenAI's page: 2.50 and 10.00 USD per million."""
    return prompt * 2_500 + completion * 10_000


async def run(tokens: Tokens, provider: Provider, target: Target) -> Call:
    """Run one attempt as far as it goes."""
    call = call_of(target)
    try:
        async with MeterStage(provider, tokens, BOOK).open(call, asked()) as batches:
            async for _ in batches:
                pass
    except (UpstreamStreamBroken, UpstreamConnectFailed):
        pass
    return call


ENDINGS: dict[str, tuple[Callable[[], Provider], int]] = {
    "told by the provider": (
        lambda: Provider(batches=[*streamed(*WORDS), [ended(used(100, 10))]]),
        nanos(100, 10),
    ),
    "estimated, as it was not told": (
        lambda: Provider(batches=[*streamed(*WORDS), [ended()]]),
        nanos(PROMPT_TOKENS, 7),
    ),
    "estimated, as it was absurd": (
        lambda: Provider(batches=[*streamed(*WORDS), [ended(used(-1, 10))]]),
        nanos(PROMPT_TOKENS, 7),
    ),
    "cut": (
        lambda: Provider(batches=streamed(*WORDS[:3]), fails=UpstreamStreamBroken()),
        nanos(PROMPT_TOKENS, 3),
    ),
    "refused, which is not charged for": (
        lambda: Provider(refuses=UpstreamConnectFailed()),
        0,
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_every_ending_has_its_price(tokens: Tokens, ending: str) -> None:
    """Settled, estimated, partial or nothing at all: the price is known where the rates are."""
    make, expected = ENDINGS[ending]

    call = await run(tokens, make(), SOLD)

    assert call.progress.usage is not None
    assert call.progress.usage.cost.total_nanos == expected
    assert call.progress.usage.HasField("cost")


@pytest.mark.parametrize("ending", ENDINGS)
async def test_an_unknown_price_is_absent(tokens: Tokens, ending: str) -> None:
    """It is never 0, whatever a provider reports."""
    call = await run(tokens, ENDINGS[ending][0](), UNKNOWN)

    assert call.progress.usage is not None
    assert not call.progress.usage.HasField("cost")


async def test_a_cancelled_call_has_its_price(tokens: Tokens) -> None:
    """What was used until then is priced while the call is being cancelled."""
    call = call_of(SOLD)
    provider = Provider(batches=streamed(*WORDS), phase=Phase.PHASE_GENERATING, hangs=True)

    async def read() -> None:
        async with MeterStage(provider, tokens, BOOK).open(call, asked()) as batches:
            async for _ in batches:
                pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    assert call.progress.usage_now is not None
    assert call.progress.usage_now().cost.total_nanos == nanos(PROMPT_TOKENS, 7)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call.progress.usage is not None
    assert call.progress.usage.cost.total_nanos == nanos(PROMPT_TOKENS, 7)


async def test_what_a_failure_brought_along_is_priced(tokens: Tokens) -> None:
    """A usage that the provider itself put into its error gets a price like any other."""
    failure = UpstreamStreamBroken()
    failure.usage = used(50, 5)

    call = await run(tokens, Provider(batches=streamed(*WORDS), fails=failure), SOLD)

    assert call.progress.usage is failure.usage
    assert failure.usage.cost.total_nanos == nanos(50, 5)


@pytest.mark.parametrize("target", [SOLD, UNKNOWN])
async def test_a_far_weirs_price_is_kept(tokens: Tokens, target: Target) -> None:
    """It has a book of its own."""
    usage = used(100, 10)
    cost = Cost(
        currency_code="EUR",
        total_nanos=3,
        lines=[CostLine(sku="prompt_tokens", quantity=100, amount_nanos=3)],
        price_book_version="far",
    )
    usage.cost.CopyFrom(cost)
    provider = Provider(batches=[*streamed(*WORDS), [ended(usage)]])

    call = await run(tokens, provider, replace(target, kind=GATEWAY))

    assert call.progress.usage is not None
    assert call.progress.usage.cost == cost


async def test_a_believable_report_holds(tokens: Tokens) -> None:
    """A vendor that tells its price near the book's is taken at its word."""
    usage = used(100, 10)
    usage.cost.CopyFrom(
        Cost(currency_code="USD", total_nanos=400_000, price_book_version="reported")
    )

    call = await run(tokens, Provider(batches=[*streamed(*WORDS), [ended(usage)]]), SOLD)

    assert call.progress.usage is not None
    assert call.progress.usage.cost.total_nanos == 400_000


async def test_vectors_have_their_price(tokens: Tokens) -> None:
    """Embeddings are sold by what goes in."""
    target = sold("openai", "text-embedding-3-small")
    usage = TokenUsage(prompt_tokens=1_000, total_tokens=1_000)
    cost = BOOK.cost(target, usage)
    assert cost is not None
    assert cost.total_nanos == 20_000
