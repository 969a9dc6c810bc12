"""What several attempts used is added up: tokens, and prices where all are known."""

from weir.v1.usage_pb2 import Cost, CostLine, TokenUsage, UsageSource
from weir_server.core.usage import summed

PROVIDER = UsageSource.USAGE_SOURCE_PROVIDER
PARTIAL = UsageSource.USAGE_SOURCE_PARTIAL
ESTIMATED = UsageSource.USAGE_SOURCE_ESTIMATED


def used(prompt: int, completion: int, *, cost: Cost | None = None) -> TokenUsage:
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        source=PROVIDER,
        cost=cost,
    )


def price(nanos: int, currency: str = "USD", book: str = "b1") -> Cost:
    line = CostLine(sku="prompt_tokens", quantity=1, amount_nanos=nanos)
    return Cost(currency_code=currency, total_nanos=nanos, lines=[line], price_book_version=book)


def test_tokens_are_added() -> None:
    """Neither of the two is changed."""
    one, other = used(3, 4), used(10, 20)

    total = summed(one, other)

    assert total == used(13, 24)
    assert one == used(3, 4)


def test_what_used_nothing_changes_nothing() -> None:
    """An attempt that was refused does not make an estimate of what the provider counted."""
    nothing = TokenUsage(source=PARTIAL)

    assert summed(used(3, 4), nothing) == used(3, 4)
    assert summed(nothing, used(3, 4)) == used(3, 4)
    assert summed(used(3, 4), None) == used(3, 4)


def test_what_was_not_all_counted_by_providers_is_an_estimate() -> None:
    """Whichever of the two was not."""
    cut = used(1, 1)
    cut.source = PARTIAL

    assert summed(used(3, 4), cut).source == ESTIMATED
    assert summed(cut, used(3, 4)).source == ESTIMATED


def test_prices_are_added_by_what_was_sold() -> None:
    """The lines still add up to the total."""
    total = summed(used(1, 0, cost=price(5)), used(1, 0, cost=price(7)))

    assert total.cost.total_nanos == 12
    assert [(line.quantity, line.amount_nanos) for line in total.cost.lines] == [(2, 12)]
    assert total.cost.price_book_version == "b1"


def test_a_sum_with_an_unknown_price_has_none() -> None:
    """Unknown is not free, and currencies do not add."""
    priced = used(1, 0, cost=price(5))

    assert not summed(priced, used(1, 0)).HasField("cost")
    assert not summed(used(1, 0), priced).HasField("cost")
    assert not summed(priced, used(1, 0, cost=price(5, "EUR"))).HasField("cost")
