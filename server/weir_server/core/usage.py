"""What have several attempts used together? Tokens and money add up; doubts are kept."""

from typing import Final

from weir.v1.usage_pb2 import Cost, TokenUsage, UsageSource

# Looking an enum's value up by name costs nearly a microsecond.
_PROVIDER: Final = UsageSource.USAGE_SOURCE_PROVIDER
_ESTIMATED: Final = UsageSource.USAGE_SOURCE_ESTIMATED
_SUMMED: Final = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_prompt_tokens",
    "cache_write_prompt_tokens",
    "cache_write_1h_prompt_tokens",
    "reasoning_tokens",
)


def summed(one: TokenUsage, other: TokenUsage | None) -> TokenUsage:
    """Return what two attempts have used together."""
    total = TokenUsage()
    total.CopyFrom(one)
    if other is not None:
        add_usage(total, other)
    return total


def add_usage(total: TokenUsage, more: TokenUsage) -> None:
    """Add one attempt's usage to another's; what was not all told by providers is an estimate.

    A sum has a price only if both have: half a price would look like the whole.
    """
    _add_cost(total, more)
    for name in _SUMMED:
        setattr(total, name, getattr(total, name) + getattr(more, name))
    del total.modality_tokens[:]
    if total.source != _PROVIDER or more.source != _PROVIDER:
        total.source = _ESTIMATED


def _add_cost(total: TokenUsage, more: TokenUsage) -> None:
    """Add the costs of usages that are not yet added up. What used nothing has no say in it."""
    if not more.total_tokens and not more.HasField("cost"):
        return
    if not total.total_tokens and not total.HasField("cost"):
        if more.HasField("cost"):
            total.cost.CopyFrom(more.cost)
        return
    known = total.HasField("cost") and more.HasField("cost")
    if not known or total.cost.currency_code != more.cost.currency_code:
        total.ClearField("cost")
        return
    _merge(total.cost, more.cost)


def _merge(total: Cost, more: Cost) -> None:
    lines = {line.sku: line for line in total.lines}
    for line in more.lines:
        same = lines.get(line.sku)
        if same is None:
            total.lines.add().CopyFrom(line)
        else:
            same.quantity += line.quantity
            same.amount_nanos += line.amount_nanos
    total.total_nanos += more.total_nanos
    if more.price_book_version not in total.price_book_version.split(", "):
        total.price_book_version = f"{total.price_book_version}, {more.price_book_version}"
