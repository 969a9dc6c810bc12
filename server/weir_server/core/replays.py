"""What is remembered of calls with an idempotency key, and by whom?

A key is claimed by the first call that brings it. While that runs, equal calls wait for it; once it
has ended, they are given what it was given. Whoever remembers this knows calls only by hashes, and
answers only sealed.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from weir_server.core.call import Call
from weir_server.core.errors import WeirError
from weir_server.core.handler import Request

FREE: Final = None
"""What becomes of a claim whose call was never sent to anybody: the next may run."""
NOT_KEPT: Final = b""
"""What is remembered of an answer that may not be kept: that there was one."""


class State(Enum):
    """How far the call of a key has come."""

    CLAIMED = auto()
    """It is the caller's own to run."""
    RUNNING = auto()
    """Another runs it."""
    DONE = auto()
    """It has ended."""
    LOST = auto()
    """Whoever ran it never said how it ended, and its time is over."""


# One of each for every keyed call: Final rather than frozen; see `core.call.Call`.
@dataclass(slots=True, kw_only=True)
class Claim:
    """A call that wants to be the one that is run for its key."""

    slot: Final[str]
    """Hash of tenant, method and key."""
    print: Final[str]
    """Fingerprint of the request."""
    owner: Final[str]
    """Who claims: known to nobody else, so that only the owner can settle."""
    answer_id: Final[str]
    """Weir's identity of the answer that would come of it."""
    lease_s: Final[float]
    """After this long the call is over, whatever became of it."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """How a key stands."""

    state: Final[State]
    print: Final[str] = ""
    """Fingerprint of the request that was run, or is."""
    answer_id: Final[str] = ""
    sealed: Final[bytes] = NOT_KEPT
    """What it came to, where it is DONE."""


class ReplayStore(Protocol):
    """Remembers calls by their keys, for one process or for many.

    Both questions raise IdempotencyUnavailable, and leave nothing claimed when they raise.
    """

    async def claim(self, claim: Claim) -> Standing:
        """Claim a key if it is free, and say how it stands; asks again for the same owner alike."""
        ...

    async def settled(self, claim: Claim) -> Standing:
        """The same once nobody runs it any more: wait for that. Never RUNNING."""
        ...

    def settle(self, claim: Claim, outcome: bytes | None) -> Awaitable[None]:
        """Say what became of a claim: FREE, NOT_KEPT, or a sealed outcome to be given again.

        Only the owner can, and only once. It is posted at once and need not be awaited; awaiting
        it waits until the others can see it. It never raises: a claim that could not be settled
        is LOST in the end, and the store says so in the log.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Replay:
    """An outcome that is given again."""

    answer_id: Final[str]
    """Weir's identity of the answer: that of the call that was run."""
    provider: Final[str]
    vendor_model: Final[str]
    error: Final[WeirError | None]
    """What it failed with; None: it is an answer."""


class ReplayBook(Protocol):
    """Books calls that are answered with a replay: they pass no stage that would."""

    async def book(self, call: Call, request: Request, replay: Replay) -> None:
        """Book such a call, at no charge, before its answer is given. Raises LedgerUnavailable."""
        ...


class NoBook(ReplayBook):
    """Books nothing, where nothing is booked."""

    async def book(self, call: Call, request: Request, replay: Replay) -> None:
        """Do nothing."""
