"""What a vendor reports holds if it can be believed; nobody is billed by a vendor's mistake."""

import json

import pytest

from tests.accounting.prices import book_of, sold
from weir.v1.usage_pb2 import Cost, TokenUsage
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.usage import write_usage
from weir_server.settings.prices import PriceSettings

# By the book: 1,000 tokens at 0.15 and 100 at 0.60 USD per million.
TARGET = sold("openrouter", "openai/gpt-4o-mini")
BOOK_NANOS = 150_000 + 60_000


def heard(vendor: str, **more: object) -> TokenUsage:
    """Read a usage as a vendor says it, through JSON as it came."""
    said = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100, **more}
    usage = TokenUsage()
    quirks = VENDORS[vendor].quirks
    assert write_usage(usage, json.loads(json.dumps(said)), produced=True, quirks=quirks)
    return usage


def paid(usage: TokenUsage) -> tuple[int, str]:
    cost = book_of().cost(TARGET, usage)
    assert cost is not None
    assert cost.total_nanos == sum(line.amount_nanos for line in cost.lines)
    return cost.total_nanos, cost.price_book_version


@pytest.mark.parametrize(
    ("usd", "nanos"),
    [(0.0002, 200_000), (0.00021, 210_000), (0.000105, 105_000), (0.00042, 420_000)],
)
def test_a_report_near_the_book_holds(usd: float, nanos: int) -> None:
    """From half the book's price to twice as much it is what will be billed."""
    assert paid(heard("openrouter", cost=usd)) == (nanos, "reported")


@pytest.mark.parametrize(
    "said",
    [0, -0.0002, 0.000104, 0.000421, 1e30, "0.0002", True, None, [0.0002], {"total_cost": 0.0002}],
    ids=repr,
)
def test_what_cannot_be_believed_leaves_the_book(said: object) -> None:
    """Nothing, negative, far off, absurd or no number: the book's price holds (29)."""
    nanos, version = paid(heard("openrouter", cost=said))
    assert nanos == BOOK_NANOS
    assert version.startswith("genai-prices ")


def test_a_fee_is_no_price() -> None:
    """With a key of one's own OpenRouter's cost is its fee alone."""
    assert paid(heard("openrouter", cost=0.0002, is_byok=True))[0] == BOOK_NANOS


@pytest.mark.parametrize(
    ("vendor", "more", "nanos"),
    [
        ("perplexity", {"cost": {"total_cost": 0.006123, "request_cost": 0.005}}, 6_123_000),
        ("xai", {"cost_in_usd_ticks": 37_756_000}, 3_775_600),
        ("openrouter", {"cost": 1.5e-05}, 15_000),
    ],
)
def test_a_report_stands_in_where_the_book_has_nothing(
    vendor: str, more: dict[str, object], nanos: int
) -> None:
    """Each vendor's own words for it, taken exactly."""
    cost = book_of().cost(sold("", "unpublished"), heard(vendor, **more))
    assert cost is not None
    assert (cost.currency_code, cost.total_nanos) == ("USD", nanos)
    assert [(line.sku, line.quantity, line.amount_nanos) for line in cost.lines] == [
        ("reported", 1, nanos)
    ]


@pytest.mark.parametrize("usd", [0, -1, 10_001])
def test_nobody_is_believed_that_a_call_was_free_or_cost_a_house(usd: float) -> None:
    """Where the book has nothing either, the price stays unknown."""
    assert book_of().cost(sold("", "unpublished"), heard("openrouter", cost=usd)) is None


def test_another_currency_is_not_converted() -> None:
    """Only dollars are believed."""
    usage = heard("openrouter")
    usage.cost.CopyFrom(Cost(currency_code="EUR", total_nanos=200_000))
    assert paid(usage)[0] == BOOK_NANOS


def test_the_operators_word_outweighs_a_report() -> None:
    """Who has a contract of their own pays by that."""
    own = PriceSettings.model_validate(
        {"overrides": [{"provider": "p", "prompt_tokens": "0.14", "completion_tokens": "0.5"}]}
    )
    cost = book_of(own).cost(TARGET, heard("openrouter", cost=0.0002))
    assert cost is not None
    assert cost.total_nanos == 140_000 + 50_000


@pytest.mark.parametrize("vendor", sorted(set(VENDORS) - {"openrouter", "perplexity", "xai"}))
def test_others_report_no_price(vendor: str) -> None:
    """A `cost` in the words of a vendor that is not known to report one is not looked at."""
    more = {"cost": 0.0002, "cost_in_usd_ticks": 5, "estimated_cost": 0.1}
    assert not heard(vendor, **more).HasField("cost")
