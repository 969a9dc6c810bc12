"""What an operator says of a price holds exactly, and what nobody can have meant is refused."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from tests.accounting.prices import book_of, sold
from weir.v1.usage_pb2 import Cost, TokenUsage
from weir_server.settings.load import SettingsInvalid
from weir_server.settings.prices import PriceSettings

USAGE = TokenUsage(
    prompt_tokens=1_000,
    completion_tokens=100,
    total_tokens=1_100,
    cached_prompt_tokens=400,
    reasoning_tokens=30,
)


def said(*overrides: dict[str, object]) -> PriceSettings:
    return PriceSettings.model_validate({"overrides": overrides})


def lines(cost: Cost | None) -> dict[str, tuple[int, int]]:
    assert cost is not None
    return {line.sku: (line.quantity, line.amount_nanos) for line in cost.lines}


def test_rates_stand_in_place_of_the_published_ones() -> None:
    """An override is the whole price: what it does not name is sold as what it is a part of."""
    book = book_of(said({"model": "m", "prompt_tokens": "2.0", "completion_tokens": 8}))

    cost = book.cost(sold("openai", "gpt-4o"), USAGE)

    assert lines(cost) == {"prompt_tokens": (1_000, 2_000_000), "completion_tokens": (100, 800_000)}
    assert cost is not None
    assert cost.total_nanos == 2_800_000
    assert cost.price_book_version == book.version


@pytest.mark.parametrize("written", ["0.1", 0.1, Decimal("0.1")])
def test_rates_are_read_as_written(written: object) -> None:
    """A tenth of a dollar is 100,000,000 nanos, however it is written."""
    book = book_of(said({"provider": "p", "prompt_tokens": written}))

    (price,) = book.listed(sold("", "any"))

    assert (price.sku, price.currency_code) == ("prompt_tokens", "USD")
    assert price.nanos_per_million == 100_000_000


def test_the_most_exact_one_counts() -> None:
    """A model's goes before a provider's model's, and that before a provider's."""
    book = book_of(
        said(
            {"provider": "p", "prompt_tokens": 3},
            {"provider": "p", "vendor_model": "exact", "prompt_tokens": 2},
            {"model": "mine", "prompt_tokens": 1},
        )
    )

    def rate(vendor_model: str, model: str) -> int:
        return book.listed(sold("", vendor_model, model=model))[0].nanos_per_million

    assert rate("other", "m") == 3 * 10**9
    assert rate("exact", "m") == 2 * 10**9
    assert rate("exact", "mine") == 10**9


def test_alike_is_another_models_price() -> None:
    """A deployment whose name says nothing is sold as the model that runs there."""
    like: dict[str, object] = {"provider": "p", "vendor_model": "prod-1", "like": "azure/gpt-4o"}

    cost = book_of(said(like)).cost(sold("", "prod-1"), USAGE)

    assert lines(cost) == {
        "prompt_tokens": (600, 1_500_000),
        "cached_prompt_tokens": (400, 500_000),
        "completion_tokens": (100, 1_000_000),
    }


def test_free_is_a_price() -> None:
    """What an operator calls free costs nothing, line by line, and whatever a vendor reports."""
    usage = TokenUsage()
    usage.CopyFrom(USAGE)
    usage.cost.CopyFrom(Cost(currency_code="USD", total_nanos=5))

    cost = book_of(said({"provider": "p", "free": True})).cost(sold("", "x"), usage)

    assert lines(cost) == {"prompt_tokens": (1_000, 0), "completion_tokens": (100, 0)}


def test_the_version_names_what_was_said() -> None:
    """Two books with different overrides have different names; without any it is the package's."""
    plain, one = book_of(), book_of(said({"model": "m", "prompt_tokens": 1}))
    other = book_of(said({"model": "m", "prompt_tokens": 2}))

    assert plain.version.startswith("genai-prices ")
    assert one.version.startswith(f"{plain.version} overrides ")
    assert len({plain.version, one.version, other.version}) == 3


def problems(override: dict[str, object], vendor_model: str = "gpt-4o") -> list[str]:
    settings = said(override)
    try:
        book_of().check(settings, [sold("openai", vendor_model)], {"p": "openai"})
    except SettingsInvalid as invalid:
        return [problem.where for problem in invalid.problems]
    return []


BOLD = [
    ({"prompt_tokens": "25.01", "completion_tokens": 10}, "prompt_tokens"),
    ({"prompt_tokens": "2.5", "completion_tokens": "0.99"}, "completion_tokens"),
    ({"prompt_tokens": "2.5", "cached_prompt_tokens": 13}, "cached_prompt_tokens"),
    ({"free": True}, "free"),
    ({"like": "openai/gpt-4o-mini"}, "like"),
]


@pytest.mark.parametrize(("override", "key"), BOLD)
@pytest.mark.parametrize("whose", [{"model": "m"}, {"provider": "p"}])
def test_a_change_of_more_than_ten_times_has_to_be_confirmed(
    whose: dict[str, object], override: dict[str, object], key: str
) -> None:
    """It is refused with the path of its key, and taken once it is confirmed (S21)."""
    assert problems(whose | override) == [f"prices.overrides[0].{key}"]
    assert problems(whose | override | {"confirm": True}) == []


@pytest.mark.parametrize(
    "override",
    [
        {"prompt_tokens": 25, "completion_tokens": 100},
        {"prompt_tokens": "0.25", "completion_tokens": 1},
        {"like": "openai/gpt-4.1"},
    ],
)
def test_ten_times_is_no_mistake(override: dict[str, object]) -> None:
    """Up to ten times the published price, and down to a tenth, needs no more words."""
    assert problems({"model": "m"} | override) == []


def test_an_unlisted_model_of_a_provider_is_looked_at_too() -> None:
    """It is compared with its provider's price list though no model names it."""
    override = {"provider": "p", "vendor_model": "gpt-4.1", "prompt_tokens": 200}
    assert problems(override) == ["prices.overrides[0].prompt_tokens"]


def test_where_nothing_is_published_any_price_is_taken() -> None:
    """There is nothing to compare with."""
    assert problems({"model": "m", "prompt_tokens": 900}, "private-model") == []


def test_alike_must_be_published() -> None:
    """Confirming does not help: there is no such price."""
    override = {"model": "m", "like": "openai/gpt-nil", "confirm": True}
    assert problems(override) == ["prices.overrides[0].like"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt_tokens": 1},
        {"model": "m", "provider": "p", "prompt_tokens": 1},
        {"model": "m", "vendor_model": "v", "prompt_tokens": 1},
        {"model": "m"},
        {"model": "m", "free": True, "prompt_tokens": 1},
        {"model": "m", "free": True, "like": "openai/gpt-4o"},
        {"model": "m", "completion_tokens": 1},
        {"model": "m", "prompt_tokens": -1},
        {"model": "m", "prompt_tokens": "nan"},
        {"model": "m", "prompt_tokens": "inf"},
        {"model": "m", "prompt_tokens": "1e-10"},
        {"model": "m", "prompt_tokens": True},
        {"model": "m", "prompt_tokens": "2,50"},
        {"model": "m", "prompt_tokens": 1_000_001},
        {"model": "m", "like": "gpt-4o"},
    ],
)
def test_what_says_nothing_clear_is_refused(wrong: dict[str, object]) -> None:
    """An override says whose price it is, and one price."""
    with pytest.raises(ValidationError):
        said(wrong)


def test_a_book_takes_on_other_overrides_at_once() -> None:
    """What was looked up before is looked up again."""
    book, target = book_of(), sold("openai", "gpt-4o")
    before = book.cost(target, USAGE)

    book.use(said({"model": "m", "prompt_tokens": 5, "completion_tokens": 10}))
    after = book.cost(target, USAGE)

    assert before is not None
    assert before.total_nanos == 3_000_000
    assert after is not None
    assert after.total_nanos == 6_000_000
