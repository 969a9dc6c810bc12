"""What does a failed attempt mean? May it be tried again, elsewhere, and who has to rest?

The rows are those of the fault matrix in docs/fault-matrix.md: by the class of the error first, by
its facts where a class holds several faults.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from weir_server.core import errors
from weir_server.core.errors import WeirError
from weir_server.core.route import Refusal
from weir_server.resilience.breaker import Outcome


class Rest(Enum):
    """What becomes of the credential that was used."""

    NONE = auto()
    COOL = auto()
    """The provider limits its rate."""
    PARK = auto()
    """The provider refuses it, or its quota is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a failed attempt means for the call and for its target."""

    repeats: int = 0
    """How often the same target may be asked again after this, its `max_retries` allowing."""
    elsewhere: bool = False
    """Whether another target may be asked."""
    larger_only: bool = False
    """Whether that must be one with a larger context window."""
    refusal: Refusal | None = None
    """What a route has to name to take the call elsewhere all the same."""
    outcome: Outcome = Outcome.NEUTRAL
    """What the circuit breaker hears."""
    rest: Rest = Rest.NONE
    overload: bool = False
    """Whether the provider should get fewer calls at a time."""
    at_once: bool = False
    """Whether to repeat without a wait and without counting it as one: nothing was amiss."""


_ANY = 10
"""As often as `max_retries` allows: 10 is its upper bound."""
_OURS = Verdict()
"""The caller's fault or Weir's own: nothing that another target could mend."""
_FAILED = Verdict(repeats=_ANY, elsewhere=True, outcome=Outcome.FAILED)
TIMED_OUT = Verdict(repeats=1, elsewhere=True, outcome=Outcome.FAILED_SLOW, overload=True)
"""Silence. What the breaker hears of it depends on whose limit ended it: see `turns`."""
_UNREACHABLE = Verdict(elsewhere=True, outcome=Outcome.FAILED)
_STALE = Verdict(repeats=_ANY, elsewhere=True, at_once=True)
_MISCONFIGURED = Verdict(elsewhere=True)
_MALFORMED = Verdict(repeats=1, elsewhere=True, outcome=Outcome.FAILED)
_TOO_LARGE = Verdict(outcome=Outcome.FAILED)
_OVERLOADED = Verdict(repeats=_ANY, elsewhere=True, outcome=Outcome.FAILED, overload=True)
_DRAINING = Verdict(repeats=_ANY, elsewhere=True)
"""A gateway that shuts down: another of its kind takes the call, and none of them is unwell."""

_TABLE: dict[type[WeirError], Verdict] = {
    errors.UpstreamRejectedRequest: Verdict(refusal=Refusal.REJECTED_REQUEST),
    errors.UpstreamContextLengthExceeded: Verdict(
        elsewhere=True, larger_only=True, refusal=Refusal.CONTEXT_LENGTH
    ),
    errors.UpstreamRequestTooLarge: Verdict(
        elsewhere=True, larger_only=True, refusal=Refusal.CONTEXT_LENGTH
    ),
    errors.UpstreamCredentialsRejected: Verdict(repeats=1, elsewhere=True, rest=Rest.PARK),
    errors.UpstreamQuotaExhausted: Verdict(elsewhere=True, rest=Rest.PARK),
    errors.UpstreamModelNotFound: Verdict(elsewhere=True),
    errors.UpstreamConflict: Verdict(repeats=_ANY),
    errors.UpstreamRateLimited: Verdict(
        repeats=_ANY, elsewhere=True, rest=Rest.COOL, overload=True
    ),
    errors.OutputSchemaMismatch: _OURS,
    errors.UpstreamStreamBroken: _FAILED,
    errors.UpstreamError: _FAILED,
    errors.CircuitOpen: _OURS,
    errors.WeirError: _OURS,
}

_BY_CONNECTION = {
    "stale": _STALE,
    "tls": _UNREACHABLE,
    "guard": _MISCONFIGURED,
    "loop": _MISCONFIGURED,
}
_BY_PROTOCOL = {"malformed": _MALFORMED, "too_large": _TOO_LARGE}


def _of_connection(error: WeirError) -> Verdict:
    return _BY_CONNECTION.get(error.metadata.get("cause", ""), _FAILED)


def _of_protocol(error: WeirError) -> Verdict:
    # A page or a redirect was not made by a model: asking the same address again shows it again.
    return _BY_PROTOCOL.get(error.metadata.get("cause", ""), _UNREACHABLE)


def _of_timeout(error: WeirError) -> Verdict:
    # A status of 408 says that nothing was done; silence may cost an answer.
    return _FAILED if "httpStatus" in error.metadata else TIMED_OUT


def _of_overload(error: WeirError) -> Verdict:
    return _DRAINING if error.metadata.get("cause") == "draining" else _OVERLOADED


_BY_FACTS: dict[type[WeirError], Callable[[WeirError], Verdict]] = {
    errors.UpstreamConnectFailed: _of_connection,
    errors.UpstreamOverloaded: _of_overload,
    errors.UpstreamProtocolError: _of_protocol,
    errors.UpstreamTimeout: _of_timeout,
}


def verdict_of(error: WeirError) -> Verdict:
    """Return what an error means; a class without a row gets its nearest ancestor's.

    What failed beyond a gateway says nothing of the credential and the places that this side has at
    it, and is not repeated there: there is one retry layer, and it is the one next to the provider.
    """
    verdict = _of_class(error)
    if error.beyond:
        return replace(verdict, repeats=0, at_once=False, rest=Rest.NONE, overload=False)
    return verdict


def _of_class(error: WeirError) -> Verdict:
    for ancestor in type(error).__mro__:
        if (judge := _BY_FACTS.get(ancestor)) is not None:
            return judge(error)
        if (verdict := _TABLE.get(ancestor)) is not None:
            return verdict
    raise AssertionError("WeirError itself has a row")
