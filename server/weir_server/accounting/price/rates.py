"""What is each thing sold at? Published prices flattened into whole numbers, once.

A rate is nanos of a dollar for a million: 2.50 USD per million tokens is 2,500,000,000, and so is
2,500 USD for a million requests.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from weir_server.accounting.price.types import (
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

NANOS: Final = 1_000_000_000
MILLION: Final = 1_000_000

FREE: Final = {"prompt_tokens": 0, "completion_tokens": 0}

Condition = StartDateConstraint | TimeOfDateConstraint


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Nanos of a dollar for a million of each thing; None: sold as what it is a part of.

    The names are those of TokenUsage's counts, and the `sku` of each line of a cost.
    """

    prompt_tokens: int | None = None
    cached_prompt_tokens: int | None = None
    cache_write_prompt_tokens: int | None = None
    cache_write_1h_prompt_tokens: int | None = None
    prompt_audio_tokens: int | None = None
    prompt_image_tokens: int | None = None
    prompt_video_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    completion_audio_tokens: int | None = None
    completion_image_tokens: int | None = None
    completion_video_tokens: int | None = None
    requests: int | None = None

    def by_sku(self) -> dict[str, int]:
        """Return the rates that there are."""
        rates = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: rate for name, rate in rates if rate is not None}


SKUS: Final = tuple(field.name for field in fields(Rates))

_PER_MILLION_TOKENS = {
    "input_mtok": "prompt_tokens",
    "cache_read_mtok": "cached_prompt_tokens",
    "cache_write_mtok": "cache_write_prompt_tokens",
    "cache_write_1h_mtok": "cache_write_1h_prompt_tokens",
    "input_audio_mtok": "prompt_audio_tokens",
    "input_image_mtok": "prompt_image_tokens",
    "input_video_mtok": "prompt_video_tokens",
    "output_mtok": "completion_tokens",
    "output_reasoning_mtok": "reasoning_tokens",
    "output_audio_mtok": "completion_audio_tokens",
    "output_image_mtok": "completion_image_tokens",
    "output_video_mtok": "completion_video_tokens",
}
_PER_THOUSAND = {"requests_kcount": "requests"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Rates by how long the whole prompt is."""

    rates: tuple[Rates, ...]
    """Those of short prompts first; one more than there are `starts`."""
    starts: tuple[int, ...] = ()
    """Each: tokens of the prompt beyond which the next rates hold, for every token."""

    def at(self, prompt_tokens: int) -> Rates:
        """Return the rates of a call with such a prompt."""
        return self.rates[bisect_left(self.starts, prompt_tokens)] if self.starts else self.rates[0]

    def up_to(self, prompt_tokens: int) -> tuple[Rates, ...]:
        """Return all rates that a call with at most such a prompt may be sold at."""
        return self.rates[: bisect_left(self.starts, prompt_tokens) + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The tariffs of one model, each with when it holds; of several that do, the last counts."""

    tariffs: tuple[tuple[Condition | None, Tariff], ...]
    version: str
    """The price book it comes from."""
    is_own: bool = False
    """Whether it is the operator's word, which no vendor's report outweighs."""

    def at(self, wall_ns: int) -> Tariff:
        """Return the tariff that holds at a time, nanoseconds since the epoch."""
        tariffs = self.tariffs
        if len(tariffs) == 1:
            return tariffs[0][1]
        now = datetime.fromtimestamp(wall_ns / 1e9, UTC)
        for condition, tariff in reversed(tariffs):
            if condition is None or condition.is_active(now):
                return tariff
        return tariffs[0][1]


def offer_of(model: ModelInfo, version: str) -> Offer | None:
    """Flatten what is published of a model; None: nothing that tokens are sold at."""
    if isinstance(model.prices, ModelPrice):
        prices: list[tuple[Condition | None, ModelPrice]] = [(None, model.prices)]
    else:
        prices = [(each.constraint, each.prices) for each in model.prices]
    tariffs = tuple((condition, _tariff(price)) for condition, price in prices)
    if not any(tariff.rates[0].prompt_tokens is not None for _, tariff in tariffs):
        # Vendors that sell by such names say so by the name alone.
        is_free = model.id.endswith(":free") and not any(price.by_key for _, price in prices)
        return flat(FREE, version=version, is_own=False) if is_free else None
    return Offer(tariffs=tariffs, version=version)


def _tariff(price: ModelPrice) -> Tariff:
    sold = {
        sku: (price.by_key[key], per)
        for keys, per in ((_PER_MILLION_TOKENS, 1), (_PER_THOUSAND, 1000))
        for key, sku in keys.items()
        if key in price.by_key
    }
    tiered = [each for each, _ in sold.values() if isinstance(each, TieredPrices)]
    starts = sorted({tier.start for each in tiered for tier in each.tiers})
    # Prompts of this many tokens are within the tier that begins before them.
    within = [0, *(start + 1 for start in starts)]
    return Tariff(
        rates=tuple(
            Rates(**{sku: nanos(_at(each, length) * per) for sku, (each, per) in sold.items()})
            for length in within
        ),
        starts=tuple(starts),
    )


def _at(price: Decimal | TieredPrices, prompt_tokens: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    reached = [tier for tier in price.tiers if prompt_tokens > tier.start]
    return max(reached, key=lambda tier: tier.start).price if reached else price.base


def nanos(dollars: Decimal) -> int:
    """Return dollars in whole nanos. A few published rates are thirds: those are rounded."""
    return int((dollars * NANOS).to_integral_value(ROUND_HALF_UP))


def flat(rates: Mapping[str, int], *, version: str, is_own: bool = True) -> Offer:
    """Make an offer of rates that hold always, by sku."""
    tariff = Tariff(rates=(Rates(**rates),))
    return Offer(tariffs=((None, tariff),), version=version, is_own=is_own)


def dearest(rates: Iterable[Rates], skus: Iterable[str]) -> int | None:
    """Return the highest rate that any of them has for any of these; None: none has one."""
    skus = tuple(skus)
    found = [rate for each in rates for sku in skus if (rate := getattr(each, sku)) is not None]
    return max(found, default=None)
