"""What have several attempts used together? Their tokens and their price, added up."""

from weir.v1.usage_pb2 import Cost, TokenUsage, UsageSource

_PROVIDER = UsageSource.USAGE_SOURCE_PROVIDER
_ESTIMATED = UsageSource.USAGE_SOURCE_ESTIMATED
_SUMMED = (
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
        add(total, other)
    return total


def add(total: TokenUsage, more: TokenUsage) -> None:
    """Add one attempt's usage to another's; what was not all told by providers is an estimate.

    An attempt that used nothing changes nothing. A sum with an unknown price has none.
    """
    if not more.total_tokens and not more.HasField("cost"):
        return
    if not total.total_tokens and not total.HasField("cost"):
        total.CopyFrom(more)
        return
    for name in _SUMMED:
        setattr(total, name, getattr(total, name) + getattr(more, name))
    del total.modality_tokens[:]
    if total.source != _PROVIDER or more.source != _PROVIDER:
        total.source = _ESTIMATED
    _add_cost(total, more)


def _add_cost(total: TokenUsage, more: TokenUsage) -> None:
    one, other = total.cost, more.cost
    both = total.HasField("cost") and more.HasField("cost")
    if not both or one.currency_code != other.currency_code:
        total.ClearField("cost")
        return
    one.total_nanos += other.total_nanos
    if other.price_book_version not in one.price_book_version.split(", "):
        one.price_book_version = f"{one.price_book_version}, {other.price_book_version}"
    _join_lines(one, other)


def _join_lines(one: Cost, other: Cost) -> None:
    by_sku = {line.sku: line for line in one.lines}
    for line in other.lines:
        if (known := by_sku.get(line.sku)) is None:
            one.lines.add().CopyFrom(line)
        else:
            known.quantity += line.quantity
            known.amount_nanos += line.amount_nanos
