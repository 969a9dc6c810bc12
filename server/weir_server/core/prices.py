"""What does it cost? The price book that accounting keeps, admission and listings ask."""

from typing import Final, Protocol

from weir.v1.model_pb2 import Price
from weir.v1.usage_pb2 import Cost, TokenUsage
from weir_server.core.target import Target

FREE_LIST: Final = "free"
"""The price list of what runs here and costs nothing: see Target.price_list."""


class Prices(Protocol):
    """Knows what targets cost. An unknown price is None, never zero."""

    def cost(self, target: Target, usage: TokenUsage) -> Cost | None:
        """Return what a usage costs at a target: lines that sum to the total.

        A `cost` that the usage has is the vendor's report: it holds if it can be believed.
        """
        ...

    def bound_nanos(
        self, target: Target, *, prompt_tokens: int, completion_tokens: int
    ) -> int | None:
        """Return what a call with at most so many tokens costs at most, at the dearest rates."""
        ...

    def listed(self, target: Target) -> list[Price]:
        """Return the prices to be shown with a model; empty: not known."""
        ...
