"""What does an operator say of prices? Rates of their own, in place of the published ones."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from weir_server.settings.node import ModelName, Node, ProviderId

RATE_MAX_USD = 1_000_000


def _exact(said: object) -> object:
    """Read a rate as it is written. A float is taken by its shortest words: 0.1 is a tenth."""
    if isinstance(said, bool) or not isinstance(said, int | float | str | Decimal):
        raise ValueError('write USD per million tokens, such as "2.50"')
    try:
        rate = Decimal(str(said))
    except InvalidOperation:
        raise ValueError('write USD per million tokens, such as "2.50"') from None
    if not rate.is_finite() or not 0 <= rate <= RATE_MAX_USD:
        raise ValueError(f"write USD per million tokens, from 0 to {RATE_MAX_USD}")
    if rate * 1_000_000_000 % 1:
        raise ValueError("has more than nine decimals: write whole nanos of a dollar")
    return rate


Usd = Annotated[Decimal, BeforeValidator(_exact)]


class PriceOverride(Node):
    """What one model, or all of a provider's, are sold at here."""

    model: ModelName | None = None
    """One of `models`, with all its targets."""
    provider: ProviderId | None = None
    """One of `providers`, in place of `model`."""
    vendor_model: str = ""
    """One model of the provider, by the vendor's name; unset: all of them."""
    like: Annotated[str, Field(pattern=r"^(?:[a-z0-9_-]+/.+)?$")] = ""
    """A published price that holds, as `list/model`, such as openai/gpt-4o."""
    free: bool = False
    """Whether it costs nothing, such as a server of one's own."""
    prompt_tokens: Usd | None = None
    """USD per million tokens that go in; so are all rates that follow, in or out."""
    cached_prompt_tokens: Usd | None = None
    """Read from the vendor's cache; unset: as `prompt_tokens`."""
    cache_write_prompt_tokens: Usd | None = None
    """Written to the vendor's cache; unset: as `prompt_tokens`."""
    cache_write_1h_prompt_tokens: Usd | None = None
    """Written to be kept for an hour; unset: as `cache_write_prompt_tokens`."""
    prompt_audio_tokens: Usd | None = None
    prompt_image_tokens: Usd | None = None
    completion_tokens: Usd | None = None
    reasoning_tokens: Usd | None = None
    """Unset: as `completion_tokens`."""
    completion_audio_tokens: Usd | None = None
    completion_image_tokens: Usd | None = None
    requests: Usd | None = None
    """USD per million requests, beside their tokens."""
    confirm: bool = False
    """Whether a price is meant that is more than ten times the published one, or less than a
    tenth."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> "PriceOverride":
        if (self.model is None) == (self.provider is None):
            raise ValueError("name a model, or a provider with or without vendor_model")
        if self.vendor_model and self.provider is None:
            raise ValueError("vendor_model: name its provider too")
        if sum((bool(self.like), self.free, bool(self.rates()))) != 1:
            raise ValueError("give rates, or like: list/model, or free: true; one of them")
        if self.rates() and self.prompt_tokens is None:
            raise ValueError("prompt_tokens: is missing; the other rates stand beside it")
        return self

    def rates(self) -> dict[str, Decimal]:
        """Return the rates that are given, by what is sold."""
        said = {name: getattr(self, name) for name in _RATES}
        return {name: rate for name, rate in said.items() if rate is not None}


_RATES = tuple(
    name for name in PriceOverride.model_fields if name.endswith("_tokens") or name == "requests"
)


class PriceSettings(Node):
    """What things cost. The published prices hold where nothing is said."""

    overrides: tuple[PriceOverride, ...] = ()
    """Prices that hold in place of the published ones; the most exact one counts: a model's, then
    a provider's model's, then a provider's."""
