"""What several attempts used adds up, money with it, and no doubt is lost in the sum."""

from weir.v1.usage_pb2 import Cost, CostLine, TokenUsage, UsageSource
from weir_server.core.usage import summed


def usage(prompt: int, completion: int, **more: object) -> TokenUsage:
    made = TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        source=UsageSource.USAGE_SOURCE_PROVIDER,
    )
    made.MergeFrom(TokenUsage(**more))  # type: ignore[arg-type]
    return made


def cost(**nanos: int) -> Cost:
    lines = [CostLine(sku=sku, quantity=1, amount_nanos=amount) for sku, amount in nanos.items()]
    return Cost(
        currency_code="USD",
        total_nanos=sum(nanos.values()),
        lines=lines,
        price_book_version="book 1",
    )


def test_tokens_and_money_add_up_line_by_line() -> None:
    """The sum's lines sum to its total, and each thing sold has one line."""
    both = summed(
        usage(10, 5, cost=cost(prompt_tokens=100, completion_tokens=50)),
        usage(20, 1, cost=cost(prompt_tokens=7, reasoning_tokens=3)),
    )
    assert (both.prompt_tokens, both.completion_tokens, both.total_tokens) == (30, 6, 36)
    assert {line.sku: (line.quantity, line.amount_nanos) for line in both.cost.lines} == {
        "prompt_tokens": (2, 107),
        "completion_tokens": (1, 50),
        "reasoning_tokens": (1, 3),
    }
    assert both.cost.total_nanos == sum(line.amount_nanos for line in both.cost.lines) == 160
    assert both.cost.price_book_version == "book 1"


def test_half_a_price_is_none() -> None:
    """One attempt whose price is unknown leaves the sum without a price, never a low one."""
    both = summed(usage(10, 5, cost=cost(prompt_tokens=100)), usage(1, 1))
    assert not both.HasField("cost")


def test_what_used_nothing_takes_no_price_away() -> None:
    """An attempt that used nothing and cost nothing changes nothing."""
    priced = usage(10, 5, cost=cost(prompt_tokens=100))
    assert summed(priced, TokenUsage()).cost.total_nanos == 100
    assert summed(TokenUsage(), priced).cost.total_nanos == 100


def test_currencies_are_never_added() -> None:
    """A dollar and a euro are not two of anything."""
    euros = cost(prompt_tokens=5)
    euros.currency_code = "EUR"
    both = summed(usage(1, 1, cost=cost(prompt_tokens=5)), usage(1, 1, cost=euros))
    assert not both.HasField("cost")
