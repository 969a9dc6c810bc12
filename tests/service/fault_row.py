"""What is a row of the fault matrix? Some faults of an upstream, and what they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tests.transport.test_status import CODES
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.faults import FAULTS

OK = "OK"


class Breaker(Enum):
    """What the target's circuit and its credential learn of one attempt."""

    OK = "a success"
    FAILED = "a failure"
    SLOW = "a failure, slow"
    NEUTRAL = "nothing"
    COOLED = "nothing; the credential cools"
    PARKED = "nothing; the credential is parked"


class Mode(Enum):
    """How the call is made."""

    BOTH = "both"
    STREAM = "stream"
    UNARY = "unary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the matrix: some faults, and what they come to."""

    number: int
    fault: str
    """In words."""
    names: Sequence[str]
    """In the catalogue of `weir fake-upstream`."""
    mode: Mode = Mode.BOTH
    reason: str = OK
    """Why the call fails where there is one target; OK: it does not."""
    cause: str | None = None
    attempts: int = 1
    """How often that one target is asked."""
    breaker: Breaker = Breaker.OK
    overload: bool = False
    """Whether its provider gets fewer calls at a time from then on."""
    elsewhere: bool = False
    """Whether a second target answers the call."""
    pushback: str | None = None
    """What `grpc-retry-pushback-ms` says, where that is of interest."""

    @property
    def code(self) -> str:
        return OK if self.reason == OK else CODES[self.reason]

    @property
    def outcome(self) -> str:
        if self.reason == OK:
            return OK
        cause = "" if self.cause is None else f" ({self.cause})"
        return f"{self.code} / {self.reason}{cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault of a row, asked for in one way."""

    row: Row
    name: str
    streaming: bool

    @property
    def behaviour(self) -> Behaviour:
        return FAULTS[self.name].behaviour

    def __str__(self) -> str:
        return f"{self.row.number}-{self.name}-{'stream' if self.streaming else 'unary'}"
