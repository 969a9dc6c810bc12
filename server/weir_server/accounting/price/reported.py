"""Can the price be believed that a vendor reports with its answer?

It is what will be billed, so it outweighs the book's, if it is near it or the book has none. A
price of nothing is believed of nobody but the book.
"""

from typing import Final

from weir.v1.usage_pb2 import Cost
from weir_server.accounting.price.arithmetic import CURRENCY

FACTOR_MAX: Final = 2
"""So many times the book's price, or that part of it, is believed."""
BELIEVABLE_MAX_NANOS: Final = 10_000 * 1_000_000_000
"""Ten thousand dollars: more than any one call costs, by far."""


def better(reported: Cost, book: Cost | None) -> Cost | None:
    """Return which of two prices of one call holds; None: neither is known."""
    total = reported.total_nanos
    if reported.currency_code != CURRENCY or not 0 < total <= BELIEVABLE_MAX_NANOS:
        return book
    if book is not None and not (
        book.total_nanos <= total * FACTOR_MAX and total <= book.total_nanos * FACTOR_MAX
    ):
        return book
    return reported
