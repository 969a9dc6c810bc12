"""The published prices are read from the installed package, and nothing of it runs or calls out."""

import subprocess
import sys

import pytest

from tests.accounting.prices import book_of, sold
from weir_server.accounting.price.published import load_published
from weir_server.accounting.price.rates import offer_of
from weir_server.providers.price_lists import OF_KIND, OF_VENDOR

LOADING = """
import sys

def refuse(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"{event} while loading prices")

sys.addaudithook(refuse)
from weir_server.accounting.price.published import load_published

published = load_published()
print(len(published.lists), *(name for name in sys.modules if name.startswith(("genai", "httpx"))))
"""


def test_reading_the_prices_opens_no_socket_and_imports_no_client() -> None:
    """Neither the package's own modules are imported nor what they would import (R24)."""
    done = subprocess.run(
        [sys.executable, "-c", LOADING], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    count, *modules = done.stdout.split()
    assert int(count) > 40
    assert modules == []


def test_every_list_that_providers_are_on_is_there() -> None:
    """A renamed list would make all its models' prices unknown."""
    named = {*OF_KIND.values(), *OF_VENDOR.values()} - {"free"}
    assert named <= load_published().lists.keys()


def test_nearly_every_published_model_has_a_price() -> None:
    """Those without one are sold by the minute, the page or the character."""
    models = [m for each in load_published().lists.values() for m in each.models]
    unpriced = [model.id for model in models if offer_of(model, "") is None]
    assert len(models) > 2_000
    assert len(unpriced) < 50


@pytest.mark.parametrize(
    ("price_list", "vendor_model", "rate"),
    [
        ("openai", "gpt-4o", 2_500_000_000),
        ("openai", "gpt-4o-2024-11-20", 2_500_000_000),
        ("openai", "gpt-4o-20241120", 2_500_000_000),
        ("openai", "GPT-4o", 2_500_000_000),
        ("openai", "ft:gpt-4o-2024-08-06:acme::abc", 3_750_000_000),
        ("anthropic", "claude-3-haiku-20240307", 250_000_000),
        ("google", "gemini-2.5-flash", 300_000_000),
        ("google", "models/gemini-2.5-flash", 300_000_000),
        ("google", "publishers/google/models/gemini-2.5-flash", 300_000_000),
        ("google", "claude-sonnet-4-5@20250929", 3_000_000_000),
        ("aws", "amazon.nova-pro-v1:0", 800_000_000),
        ("aws", "us.amazon.nova-pro-v1:0", 800_000_000),
        ("aws", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", 800_000_000),
        (
            "aws",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-pro-v1:0",
            800_000_000,
        ),
        ("openrouter", "openai/gpt-4o-mini", 150_000_000),
        ("openrouter", "agentica-org/deepcoder-14b-preview:free", 0),
        ("azure", "gpt-4o", 2_500_000_000),
        ("openai", "whisper-1", None),
        ("openai", "no-such-model", None),
        ("", "gpt-4o", None),
        ("no-such-list", "gpt-4o", None),
    ],
)
def test_a_model_is_found_by_its_vendors_names(
    price_list: str, vendor_model: str, rate: int | None
) -> None:
    """With dates, prefixes and paths; what is not published has no price, rather than 0."""
    prices = {p.sku: p.nanos_per_million for p in book_of().listed(sold(price_list, vendor_model))}
    assert prices.get("prompt_tokens") == rate
    assert bool(prices) == (rate is not None)
