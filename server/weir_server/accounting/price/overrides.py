"""What does the operator say of a price, and can that be meant? Overrides, ready to look up."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from weir_server.accounting.price.published import Published
from weir_server.accounting.price.rates import FREE, Offer, Rates, flat, nanos, offer_of
from weir_server.core.target import Target
from weir_server.settings.load import Problem
from weir_server.settings.prices import PriceOverride, PriceSettings

CHANGE_MAX = 10
"""A rate that is so many times the published one, or less than that part, has to be confirmed."""


class Overrides:
    """The offers of an operator, the most exact one first."""

    __slots__ = ("_offers", "version")

    def __init__(self, settings: PriceSettings, published: Published) -> None:
        """Take settings in which `problems_of` finds nothing."""
        self.version = version_of(settings, published)
        self._offers = [
            (each, _offer(each, published, self.version))
            for each in sorted(settings.overrides, key=_exactness)
        ]

    def find(self, target: Target) -> Offer | None:
        """Return what the operator says of a target; None: nothing."""
        for override, offer in self._offers:
            if _covers(override, target):
                return offer
        return None


def version_of(settings: PriceSettings, published: Published) -> str:
    """Name the book: what is published, and what is said beside it."""
    if not settings.overrides:
        return published.version
    said = settings.model_dump_json(exclude_defaults=True)
    return f"{published.version} overrides {hashlib.sha256(said.encode()).hexdigest()[:8]}"


def problems_of(
    settings: PriceSettings,
    published: Published,
    targets: Sequence[Target],
    price_lists: Mapping[str, str],
) -> Iterator[Problem]:
    """Find what is not published though it should be alike, and what nobody may have meant.

    targets: those of all models. price_lists: the list that each provider is on, by its id.
    """
    for number, override in enumerate(settings.overrides):
        where = f"prices.overrides[{number}]"
        offer = _offer(override, published, "")
        if offer is None:
            what = f"no price is published for {override.like}; write list/model, or rates"
            yield Problem(where=f"{where}.like", what=what)
        elif not override.confirm:
            yield from _bold(
                where, override, offer, _covered(override, targets, price_lists), published
            )


def _covered(
    override: PriceOverride, targets: Sequence[Target], price_lists: Mapping[str, str]
) -> set[tuple[str, str]]:
    """Return what an override stands in place of, as price lists and models on them."""
    covered = {(t.price_list, t.vendor_model) for t in targets if _covers(override, t)}
    if override.provider is not None and override.vendor_model:
        covered.add((price_lists[override.provider], override.vendor_model))
    return covered


def _bold(
    where: str,
    override: PriceOverride,
    offer: Offer,
    covered: set[tuple[str, str]],
    published: Published,
) -> Iterator[Problem]:
    """Find rates that are far from the published ones."""
    for price_list, vendor_model in sorted(covered):
        model = published.find(price_list, vendor_model)
        known = offer_of(model, "") if model is not None else None
        if known is None:
            continue
        for sku, ours, theirs in _pairs(offer, known):
            if not theirs * CHANGE_MAX >= ours >= theirs / CHANGE_MAX:
                key = sku if sku in override.rates() else "free" if override.free else "like"
                what = (
                    f"is {_usd(ours)} for {sku} of {vendor_model}, and {_usd(theirs)} is published "
                    f"({price_list}): a change of more than {CHANGE_MAX} times; "
                    "mend it, or say confirm: true"
                )
                yield Problem(where=f"{where}.{key}", what=what)
                return


def _pairs(offer: Offer, known: Offer) -> Iterator[tuple[str, int, int]]:
    """Pair the rates of two offers that always or at first hold, each with its sku."""
    ours, theirs = _first(offer), _first(known)
    for sku in ("prompt_tokens", "completion_tokens"):
        rate, published = getattr(ours, sku), getattr(theirs, sku)
        if rate is not None and published is not None:
            yield sku, rate, published
    for sku, published in theirs.by_sku().items():
        rate = getattr(ours, sku)
        if rate is not None and sku not in ("prompt_tokens", "completion_tokens"):
            yield sku, rate, published


def _first(offer: Offer) -> Rates:
    return offer.tariffs[-1][1].rates[0]


def _usd(rate: int) -> str:
    whole, rest = divmod(rate, 1_000_000_000)
    return f"{whole}.{f'{rest:09d}'.rstrip('0').ljust(2, '0')} USD per million"


def _covers(override: PriceOverride, target: Target) -> bool:
    if override.model is not None:
        return target.model == f"models/{override.model}"
    if target.provider != f"providers/{override.provider}":
        return False
    return override.vendor_model in ("", target.vendor_model)


def _exactness(override: PriceOverride) -> int:
    return 0 if override.model is not None else 1 if override.vendor_model else 2


def _offer(override: PriceOverride, published: Published, version: str) -> Offer | None:
    if override.free:
        return flat(FREE, version=version)
    if not override.like:
        rates = {sku: nanos(rate) for sku, rate in override.rates().items()}
        return flat(rates, version=version)
    price_list, _, name = override.like.partition("/")
    model = published.find(price_list, name)
    return offer_of(model, version) if model is not None else None
