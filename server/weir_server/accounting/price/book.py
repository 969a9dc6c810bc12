"""What does it cost at that target? The price book that all stages ask."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from typing_extensions import override

from weir.v1.model_pb2 import Price
from weir.v1.usage_pb2 import Cost, TokenUsage
from weir_server.accounting.price.arithmetic import CURRENCY, bound_of, cost_of
from weir_server.accounting.price.overrides import Overrides, problems_of
from weir_server.accounting.price.published import Published, load_published
from weir_server.accounting.price.rates import FREE, Offer, flat, offer_of
from weir_server.accounting.price.reported import better
from weir_server.core.clock import Clock
from weir_server.core.prices import FREE_LIST, Prices
from weir_server.core.target import Target
from weir_server.settings.load import SettingsInvalid
from weir_server.settings.prices import PriceSettings

KNOWN_MAX: Final = 4_096
"""So many targets' offers are kept: callers may name any number of models."""
_FREE_HERE: Final = flat(FREE, version="local: free")


class PriceBook(Prices):
    """The published prices and the operator's, flattened once for each target that is asked for."""

    def __init__(self, published: Published, overrides: Overrides, clock: Clock) -> None:
        self._published = published
        self._overrides = overrides
        self._clock = clock
        self._known: dict[tuple[str, str, str, str], Offer | None] = {}

    @classmethod
    async def load(cls, settings: PriceSettings, clock: Clock) -> "PriceBook":
        """Read what is published, off the loop, and add what the settings say."""
        published = await asyncio.to_thread(load_published)
        return cls(published, Overrides(settings, published), clock)

    @property
    def version(self) -> str:
        """The book's name, as costs carry it."""
        return self._overrides.version

    def check(
        self,
        settings: PriceSettings,
        targets: Sequence[Target],
        price_lists: Mapping[str, str],
    ) -> None:
        """Look at settings before they are used; see `problems_of`. Raises SettingsInvalid."""
        problems = list(problems_of(settings, self._published, targets, price_lists))
        if problems:
            raise SettingsInvalid(problems)

    def use(self, settings: PriceSettings) -> None:
        """Take on other settings, whole: the next usage is priced by them."""
        self._overrides = Overrides(settings, self._published)
        self._known = {}

    @override
    def cost(self, target: Target, usage: TokenUsage) -> Cost | None:
        """Return what a usage costs now.

        A `cost` that the usage has is the vendor's report: it holds if it can be believed.
        """
        offer = self._offer(target)
        if offer is None:
            return better(usage.cost, None) if usage.HasField("cost") else None
        tariff = offer.at(self._clock.wall_ns())
        cost = cost_of(tariff.at(usage.prompt_tokens), usage, offer.version)
        if usage.HasField("cost") and not offer.is_own:
            return better(usage.cost, cost)
        return cost

    @override
    def bound_nanos(
        self, target: Target, *, prompt_tokens: int, completion_tokens: int
    ) -> int | None:
        """Return what a call with at most so many tokens costs at most, at the dearest rates."""
        offer = self._offer(target)
        if offer is None:
            return None
        return bound_of(
            offer.at(self._clock.wall_ns()),
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
        )

    @override
    def listed(self, target: Target) -> list[Price]:
        """Return today's prices; those of long prompts are `…_above_N`, N tokens of prompt."""
        offer = self._offer(target)
        if offer is None:
            return []
        tariff = offer.at(self._clock.wall_ns())
        names = ["", *(f"_above_{start}" for start in tariff.starts)]
        base = tariff.rates[0].by_sku()
        return [
            Price(sku=sku + name, currency_code=CURRENCY, nanos_per_million=rate)
            for name, rates in zip(names, tariff.rates)
            for sku, rate in rates.by_sku().items()
            if not name or rate != base.get(sku)
        ]

    def _offer(self, target: Target) -> Offer | None:
        key = (target.price_list, target.provider, target.vendor_model, target.model)
        try:
            return self._known[key]
        except KeyError:
            offer = self._look_up(target)
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[key] = offer
            return offer

    def _look_up(self, target: Target) -> Offer | None:
        if (own := self._overrides.find(target)) is not None:
            return own
        if target.price_list == FREE_LIST:
            return _FREE_HERE
        model = self._published.find(target.price_list, target.vendor_model)
        return offer_of(model, self._overrides.version) if model is not None else None
