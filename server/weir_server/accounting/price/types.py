"""In which shapes do published prices come? Stand-ins for those that their package describes.

The data of `genai-prices` is one module that imports all names from a module `types` beside it and
calls them. It is loaded as a module of this package, so that it finds these; the package's own
would import a client for HTTP and a validator, and take ten times as long.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from re import search

__all__ = [
    "ArrayMatch",
    "ClauseAnd",
    "ClauseContains",
    "ClauseEndsWith",
    "ClauseEquals",
    "ClauseOr",
    "ClauseRegex",
    "ClauseStartsWith",
    "ConditionalPrice",
    "ModelInfo",
    "ModelPrice",
    "PriceVariant",
    "Provider",
    "StartDateConstraint",
    "Tier",
    "TieredPrices",
    "TimeOfDateConstraint",
    "UsageExtractor",
    "UsageExtractorMapping",
]


class Unread:
    """What is said of how usages are read out of answers: the wire formats do that."""

    def __init__(self, **said: object) -> None:
        """Take what there is, and keep nothing."""


class UsageExtractor(Unread):
    """How a vendor's usage is read."""


class UsageExtractorMapping(Unread):
    """Which field counts what."""


class ArrayMatch(Unread):
    """Which item of a list is meant."""


@dataclass(slots=True)
class ClauseStartsWith:
    """A name that begins so. All names are looked at in small letters."""

    starts_with: str

    def is_match(self, name: str) -> bool:
        """Say whether a name is meant."""
        return name.startswith(self.starts_with.lower())


@dataclass(slots=True)
class ClauseEndsWith:
    """A name that ends so."""

    ends_with: str

    def is_match(self, name: str) -> bool:
        """Say whether a name is meant."""
        return name.endswith(self.ends_with.lower())


@dataclass(slots=True)
class ClauseContains:
    """A name with this in it."""

    contains: str

    def is_match(self, name: str) -> bool:
        """Say whether a name is meant."""
        return self.contains.lower() in name


@dataclass(slots=True)
class ClauseRegex:
    """A name in which a pattern is found."""

    regex: str

    def is_match(self, name: str) -> bool:
        """Say whether a name is meant."""
        return search(self.regex, name) is not None


@dataclass(slots=True)
class ClauseEquals:
    """This very name."""

    equals: str

    def is_match(self, name: str) -> bool:
        """Say whether a name is meant."""
        return name == self.equals.lower()


@dataclass(slots=True)
class ClauseOr:
    """A name that any of these means."""

    or_: "list[Clause]"

    def is_match(self, name: str) -> bool:
        """Say whether a name is meant."""
        return any(clause.is_match(name) for clause in self.or_)


@dataclass(slots=True)
class ClauseAnd:
    """A name that all of these mean."""

    and_: "list[Clause]"

    def is_match(self, name: str) -> bool:
        """Say whether a name is meant."""
        return all(clause.is_match(name) for clause in self.and_)


Clause = (
    ClauseStartsWith
    | ClauseEndsWith
    | ClauseContains
    | ClauseRegex
    | ClauseEquals
    | ClauseOr
    | ClauseAnd
)


@dataclass(slots=True)
class Tier:
    """The price of every token of a call whose prompt is longer than `start`."""

    start: int
    price: Decimal


@dataclass(slots=True)
class TieredPrices:
    """A price that depends on how long the whole prompt is."""

    base: Decimal
    tiers: list[Tier]


class ModelPrice:
    """Prices in USD by what is sold, such as `input_mtok`: a million tokens that go in."""

    __slots__ = ("by_key",)

    def __init__(self, **by_key: Decimal | TieredPrices | None) -> None:
        """Take prices by their keys; None: not sold."""
        self.by_key = {key: price for key, price in by_key.items() if price is not None}


@dataclass(slots=True)
class StartDateConstraint:
    """From a day on, in UTC."""

    start_date: date

    def is_active(self, at: datetime) -> bool:
        """Say whether the price holds at a time, which is in UTC."""
        return at.date() >= self.start_date


@dataclass(slots=True)
class TimeOfDateConstraint:
    """Every day from one time to another, perhaps over midnight."""

    start_time: time
    end_time: time

    def is_active(self, at: datetime) -> bool:
        """Say whether the price holds at a time, which is in UTC."""
        now, start, end = at.time(), _utc(self.start_time), _utc(self.end_time)
        if end < start:
            return now >= start or now < end
        return start <= now < end


def _utc(said: time) -> time:
    """Return a time of day in UTC; one without a zone is."""
    if said.tzinfo is None:
        return said
    return datetime.combine(date(2000, 1, 2), said).astimezone(UTC).time()


@dataclass(slots=True, kw_only=True)
class ConditionalPrice:
    """Prices, and when they hold; of several that do, the last one counts."""

    prices: ModelPrice
    constraint: StartDateConstraint | TimeOfDateConstraint | None = None


@dataclass(slots=True, kw_only=True)
class PriceVariant:
    """Prices of another way to ask, such as in a batch; what is not named stays as it is."""

    when: dict[str, str]
    prices: ModelPrice
    constraint: StartDateConstraint | TimeOfDateConstraint | None = None


@dataclass(slots=True, kw_only=True)
class ModelInfo:
    """One model, by whatever names it is asked for."""

    id: str
    match: Clause
    prices: ModelPrice | list[ConditionalPrice] = field(default_factory=list)
    price_variants: list[PriceVariant] | None = None
    name: str | None = None
    description: str | None = None
    context_window: int | None = None
    price_comments: str | None = None
    deprecated: bool | None = None


@dataclass(slots=True, kw_only=True)
class Provider:
    """One vendor's list of prices."""

    id: str
    name: str
    models: list[ModelInfo]
    fallback_model_providers: list[str] | None = None
    """Lists that hold what this one has not: some sell others' models at the others' prices."""
    api_pattern: str = ""
    pricing_urls: list[str] | None = None
    description: str | None = None
    price_comments: str | None = None
    model_match: Clause | None = None
    provider_match: Clause | None = None
    extractors: list[UsageExtractor] | None = None
