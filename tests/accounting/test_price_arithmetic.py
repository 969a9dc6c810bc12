"""Whatever was used, a cost adds up, never sinks as more is used, and is never below nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.accounting.prices import book_of, sold
from tests.fakes.clock import FakeClock
from weir.v1.content_pb2 import Modality
from weir.v1.usage_pb2 import Cost, ModalityTokens, TokenUsage
from weir_server.accounting.price.arithmetic import amount, cost_of
from weir_server.accounting.price.rates import Rates
from weir_server.accounting.usage import believable

COUNTS = st.integers(0, 10**8)
RATES = st.one_of(st.none(), st.integers(0, 10**15))
SOLD = st.builds(
    Rates,
    prompt_tokens=st.integers(0, 10**15),
    cached_prompt_tokens=RATES,
    cache_write_prompt_tokens=RATES,
    cache_write_1h_prompt_tokens=RATES,
    prompt_audio_tokens=RATES,
    prompt_image_tokens=RATES,
    completion_tokens=st.integers(0, 10**15),
    reasoning_tokens=RATES,
    completion_audio_tokens=RATES,
    completion_image_tokens=RATES,
    requests=RATES,
)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    """Lawful usages, with every part that the contract has."""
    prompt, completion = draw(st.integers(1, 10**8)), draw(COUNTS)
    written = draw(st.integers(0, prompt))
    usage = TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_prompt_tokens=draw(st.integers(0, prompt)),
        cache_write_prompt_tokens=written,
        cache_write_1h_prompt_tokens=draw(st.integers(0, written)),
        reasoning_tokens=draw(st.integers(0, completion)),
    )
    for modality in draw(st.sets(st.sampled_from(list(Modality.values())), max_size=3)):
        usage.modality_tokens.append(
            ModalityTokens(
                modality=modality,
                prompt_tokens=draw(st.integers(0, prompt)),
                completion_tokens=draw(st.integers(0, completion)),
            )
        )
    return usage


@given(rates=SOLD, usage=usages())
def test_lines_sum_to_the_total_and_count_every_token_once(rates: Rates, usage: TokenUsage) -> None:
    """Each token is in one line, each line is not negative, and the lines are the total."""
    assert believable(usage, produced=False)

    cost = cost_of(rates, usage, "book")

    assert cost is not None
    assert cost.total_nanos == sum(line.amount_nanos for line in cost.lines)
    assert all(line.amount_nanos >= 0 and line.quantity > 0 for line in cost.lines)
    tokens = sum(line.quantity for line in cost.lines if line.sku != "requests")
    assert tokens == usage.total_tokens
    assert len({line.sku for line in cost.lines}) == len(cost.lines)


@given(rates=SOLD, usage=usages(), more=st.integers(0, 10**6))
def test_more_never_costs_less(rates: Rates, usage: TokenUsage, more: int) -> None:
    """A longer prompt and a longer completion cost at least as much."""
    # Parts that overlap are taken out of each other: those may move to a dearer line or a cheaper.
    assume(not usage.modality_tokens)
    assume(usage.cached_prompt_tokens + usage.cache_write_prompt_tokens <= usage.prompt_tokens)
    longer = TokenUsage()
    longer.CopyFrom(usage)
    longer.prompt_tokens += more
    longer.completion_tokens += more
    longer.total_tokens += 2 * more

    one, other = cost_of(rates, usage, "b"), cost_of(rates, longer, "b")

    assert one is not None
    assert other is not None
    assert other.total_nanos >= one.total_nanos


@given(quantity=COUNTS, rate=st.integers(0, 10**15))
def test_a_line_is_rounded_once_half_up(quantity: int, rate: int) -> None:
    """It is the nearest whole nano; a half goes up."""
    exactly = Decimal(quantity) * rate / 1_000_000
    assert Decimal("-0.5") < amount(quantity, rate) - exactly <= Decimal("0.5")


def test_an_hour_in_the_cache_costs_more() -> None:
    """Anthropic's page: twice the price of input for an hour, 1.25 times for five minutes."""
    usage = TokenUsage(
        prompt_tokens=1_100,
        completion_tokens=10,
        total_tokens=1_110,
        cache_write_prompt_tokens=1_000,
        cache_write_1h_prompt_tokens=600,
    )

    cost = book_of().cost(sold("anthropic", "claude-haiku-4-5"), usage)

    assert lines(cost) == {
        "prompt_tokens": (100, 100_000),
        "cache_write_1h_prompt_tokens": (600, 1_200_000),
        "cache_write_prompt_tokens": (400, 500_000),
        "completion_tokens": (10, 50_000),
    }


def lines(cost: Cost | None) -> dict[str, tuple[int, int]]:
    assert cost is not None
    return {line.sku: (line.quantity, line.amount_nanos) for line in cost.lines}


def test_what_has_no_price_makes_the_whole_unknown() -> None:
    """A model that is sold by input alone has no known price for what it wrote."""
    embedding = sold("openai", "text-embedding-3-small")
    usage = TokenUsage(prompt_tokens=5, completion_tokens=1, total_tokens=6)

    assert book_of().cost(embedding, usage) is None
    assert book_of().bound_nanos(embedding, prompt_tokens=5, completion_tokens=1) is None


def test_nothing_used_costs_nothing_where_the_price_is_known() -> None:
    """Not even a price for each request is due for a call that was not made."""
    book = book_of()

    known = book.cost(sold("perplexity", "sonar"), TokenUsage())

    assert known is not None
    assert (known.total_nanos, len(known.lines)) == (0, 0)
    assert book.cost(sold("openai", "no-such-model"), TokenUsage()) is None


def test_prices_change_with_the_time_of_day() -> None:
    """DeepSeek was cheaper from 16:30 to 00:30 UTC; the moment of booking counts."""
    usage = TokenUsage(prompt_tokens=10**6, total_tokens=10**6)

    def at(hour: int, minute: int) -> int:
        clock = FakeClock(
            wall_ns=int(datetime(2026, 11, 25, hour, minute, tzinfo=UTC).timestamp() * 1e9)
        )
        cost = book_of(clock=clock).cost(sold("deepseek", "deepseek-chat"), usage)
        assert cost is not None
        return cost.total_nanos

    assert at(0, 29) == at(16, 30) == at(23, 0) == 135_000_000
    assert at(0, 30) == at(12, 0) == at(16, 29) == 270_000_000


def test_prices_change_on_a_day() -> None:
    """o3 became cheaper on 10 June 2025: a fake clock before it gets the old price."""
    usage = TokenUsage(prompt_tokens=10**6, total_tokens=10**6)

    def on(day: datetime) -> int:
        clock = FakeClock(wall_ns=int(day.timestamp() * 1e9))
        cost = book_of(clock=clock).cost(sold("openai", "o3"), usage)
        assert cost is not None
        return cost.total_nanos

    assert on(datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC)) == 10_000_000_000
    assert on(datetime(2025, 6, 10, tzinfo=UTC)) == 2_000_000_000


@given(
    prompt=st.integers(0, 400_000),
    completion=st.integers(0, 10_000),
    share=st.floats(0, 1),
    written=st.floats(0, 1),
)
@pytest.mark.parametrize(
    ("price_list", "vendor_model"),
    [
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"),
        ("perplexity", "sonar-pro"),
    ],
)
def test_a_bound_bounds(
    price_list: str, vendor_model: str, prompt: int, completion: int, share: float, written: float
) -> None:
    """No usage of at most so many tokens costs more, whatever was cached of it."""
    cached = int(prompt * share)
    usage = TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_prompt_tokens=cached,
        cache_write_prompt_tokens=int((prompt - cached) * written),
    )
    target = sold(price_list, vendor_model)

    cost = BOOK.cost(target, usage)
    bound = BOOK.bound_nanos(target, prompt_tokens=prompt, completion_tokens=completion)

    assert cost is not None
    assert bound is not None
    # Lines are rounded one by one, half up: a nano each at most.
    assert cost.total_nanos <= bound + len(cost.lines)


BOOK = book_of()
