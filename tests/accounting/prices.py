"""Price books for tests: one in which nothing stands, and what is published by today's clock."""

from tests.fakes.clock import FakeClock
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.accounting.price.book import PriceBook
from weir_server.accounting.price.overrides import Overrides
from weir_server.accounting.price.published import Published, load_published
from weir_server.core.clock import Clock
from weir_server.core.target import Target
from weir_server.settings.prices import PriceSettings

NOTHING = Published(version="empty", lists={})
NO_PRICES = PriceBook(NOTHING, Overrides(PriceSettings(), NOTHING), FakeClock())
"""Knows no price."""


def book_of(settings: PriceSettings | None = None, clock: Clock | None = None) -> PriceBook:
    """Make a book of what is published and what `settings` say."""
    published = load_published()
    return PriceBook(
        published, Overrides(settings or PriceSettings(), published), clock or FakeClock()
    )


def sold(price_list: str, vendor_model: str, *, provider: str = "p", model: str = "m") -> Target:
    """Make a target whose vendor publishes prices."""
    return Target(
        provider=f"providers/{provider}",
        model=f"models/{model}",
        vendor_model=vendor_model,
        capabilities=ModelCapabilities(),
        price_list=price_list,
    )
