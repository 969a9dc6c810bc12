"""What does `weir models` say of prices?"""

import pytest

from weir.v1.model_pb2 import Price
from weir_server.cli.models import prices_words

USD = 10**9


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ({}, "-"),
        ({"prompt_tokens": 0, "completion_tokens": 0}, "free"),
        ({"prompt_tokens": 5 * USD // 2, "completion_tokens": 10 * USD}, "2.50 / 10.00"),
        ({"prompt_tokens": 37_500_000, "completion_tokens": 150_000_000}, "0.0375 / 0.15"),
        ({"prompt_tokens": 20_000_000}, "0.02"),
        (
            {
                "prompt_tokens": USD,
                "completion_tokens": 2 * USD,
                "prompt_tokens_above_200000": 3 * USD,
            },
            "1.00 / 2.00",
        ),
    ],
)
def test_prices_in_a_table(rates: dict[str, int], words: str) -> None:
    """In and out, exactly, as dollars for a million; `-` is not known, which is not free."""
    prices = [
        Price(sku=sku, currency_code="USD", nanos_per_million=rate) for sku, rate in rates.items()
    ]
    assert prices_words(prices) == words
