"""How much was asked lately, and may there be more? Counters that have two homes.

A rate counts what was admitted in the last minute, whenever that minute begins; a limit of calls
counts leases. Several limits are taken together or not at all.
"""

from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import Final, Protocol

CALLS_WAIT_S: Final = 1.0
"""After how long to come again where too many calls are open: nobody knows when one ends."""


class Measure(Enum):
    """What a limit counts; its value is what operators and callers call it."""

    REQUESTS = "requests_per_minute"
    TOKENS = "tokens_per_minute"
    CALLS = "concurrent_calls"


class Limit:
    """How much of something one subject may have. Made once, shared by calls."""

    __slots__ = ("measure", "most", "name", "subject", "tenant")

    def __init__(self, *, tenant: str, subject: str, measure: Measure, most: int) -> None:
        """`subject`: resource name of whose limit it is; all that belong to a tenant are kept
        together.
        """
        self.tenant: Final = tenant
        self.subject: Final = subject
        self.measure: Final = measure
        self.most: Final = most
        self.name: Final = f"{subject} {measure.value}"
        """Such as `tenants/search requests_per_minute`: what a refusal says."""


class Standing:
    """How far one limit is used up."""

    __slots__ = ("limit", "reset_s", "used")

    def __init__(self, limit: Limit, used: int, reset_s: float) -> None:
        self.limit: Final = limit
        self.used: Final = used
        self.reset_s: Final = reset_s
        """After how long it is whole again if nobody asks for more."""

    @property
    def remaining(self) -> int:
        """What is left of it."""
        return max(0, self.limit.most - self.used)


class Grant:
    """What one call was given, to be given back when it ends."""

    __slots__ = ("holder", "lease_until_s", "limits", "local", "shared", "standings", "tokens")

    def __init__(
        self, limits: Sequence[Limit], *, holder: str, tokens: int, lease_until_s: float
    ) -> None:
        """`lease_until_s`: on the clock's monotonic scale."""
        self.limits: Final = limits
        self.holder: Final = holder
        """Who holds the leases: the call's own identity."""
        self.tokens: Final = tokens
        """How many were reserved."""
        self.lease_until_s: Final = lease_until_s
        self.standings: Sequence[Standing] = ()
        """One for each limit, after it was taken."""
        self.local: int | None = None
        """When this process counted it, in slices of its clock; None: it did not."""
        self.shared: Sequence[int] | None = None
        """When the store counted it, in slices of its clock for each limit; None: it did not."""


class Refusal:
    """Why nothing was given."""

    __slots__ = ("limit", "standings", "wait_s")

    def __init__(self, limit: Limit, wait_s: float | None, standings: Sequence[Standing]) -> None:
        self.limit: Final = limit
        """The one that has to be waited for longest."""
        self.wait_s: Final = wait_s
        """After how long there is room, unless others come first; None: there never is."""
        self.standings: Final = standings
        """One for each limit."""


class Counters(Protocol):
    """Counts what is admitted."""

    def take(
        self, limits: Sequence[Limit], *, tokens: int, holder: str, lease_s: float
    ) -> Awaitable[Grant | Refusal]:
        """Take one request, `tokens` and one lease of those limits that count them, or nothing.

        All limits are of one tenant. A lease ends by itself after `lease_s`.
        """
        ...

    def give_back(self, grant: Grant, *, tokens_used: int, refund: bool) -> None:
        """End what was granted: leases are free, and tokens are what was really used.

        More than was reserved is counted all the same, and may take a limit into debt. `refund`:
        the request was not made after all and is not counted. Returns at once; what a store is
        told follows in the order of these calls.
        """
        ...


def amount_of(limit: Limit, tokens: int) -> int:
    """Return how much of a limit one call takes."""
    return tokens if limit.measure is Measure.TOKENS else 1
