"""What does the vendor say that a call cost? A report, which accounting holds against its book."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from weir.v1.usage_pb2 import TokenUsage

_MAX_NANOS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCost:
    """Where a vendor's usage says what the call cost."""

    path: tuple[str, ...]
    """Names of the members that lead to it, such as `cost`, `total_cost`."""
    units_per_usd: int = 1
    """How many of its units are a dollar."""
    only_fee_if: str = ""
    """A member that is true where somebody else is paid beside the vendor."""


def write_reported(usage: TokenUsage, said: object, where: ReportedCost) -> None:
    """Write what the vendor's usage says of money; nothing if it says nothing that is an amount."""
    found = said
    for name in where.path:
        found = found.get(name) if isinstance(found, dict) else None
    if type(found) not in (int, float) or (isinstance(said, dict) and said.get(where.only_fee_if)):
        return
    # A float by its shortest words, which are those that the vendor wrote.
    amount = Decimal(str(found)) * 1_000_000_000 / where.units_per_usd
    if not amount.is_finite() or not 0 <= amount <= _MAX_NANOS:
        return
    nanos = int(amount.to_integral_value(ROUND_HALF_UP))
    cost = usage.cost
    cost.currency_code = "USD"
    cost.total_nanos = nanos
    cost.price_book_version = "reported"
    line = cost.lines.add()
    line.sku, line.quantity, line.amount_nanos = "reported", 1, nanos
