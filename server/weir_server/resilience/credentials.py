"""Which of a provider's credentials is used next? One that is neither cooling nor parked."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import isnan
from typing import Final

from weir_server.core.clock import Clock

_RETRY_AFTER_MAX_S: Final = 300.0
"""A provider that asks for more than this is asked again all the same."""
_FIRST_COOLING_S: Final = 1.0
_COOLING_MAX_S: Final = 60.0
_DOUBLINGS_MAX: Final = 6


class CredentialUse(Enum):
    """What becomes of a credential for now."""

    USED = auto()
    COOLING = auto()
    """The provider's rate limit: it comes back soon."""
    PARKED = auto()
    """The provider refused it, or its quota is used up: somebody has to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialState:
    """How one credential stands, for operators. It has a name and no secret."""

    name: str
    state: CredentialUse
    remaining_s: float
    """Seconds until it is used again; 0 when it is used."""


@dataclass(slots=True)
class _Away:
    until_s: float
    is_parked: bool


class Credentials:
    """A provider's credentials by name, used in turn. Names that it does not know are ignored:
    a reload may have taken them away while their last calls were under way."""

    __slots__ = ("_away", "_clock", "_limited", "_names", "_next")

    def __init__(self, names: Sequence[str], *, clock: Clock) -> None:
        if not names:
            raise ValueError(
                "a provider has at least one credential: give the empty name to the only one"
            )
        self._names = tuple(names)
        self._clock = clock
        self._next = 0
        self._away: dict[str, _Away] = {}
        # Rate limits in a row of those that were limited last.
        self._limited: dict[str, int] = {}

    def pick(self, *, only: str | None = None) -> str | None:
        """Return the name whose turn it is, or `only` if it can be used; None: none can."""
        names = self._names
        if self._away:
            self._welcome_back(self._clock.monotonic_s())
        if only is not None:
            return only if only in names and only not in self._away else None
        if len(names) == 1 and not self._away:
            return names[0]
        for offset in range(len(names)):
            turn = (self._next + offset) % len(names)
            if names[turn] not in self._away:
                self._next = turn + 1
                return names[turn]
        return None

    def cool(self, name: str, for_s: float | None) -> None:
        """Leave it alone after a rate limit.

        `for_s` is the provider's own wish, at most 300 seconds of it. None, or no number: 1 second,
        and twice as long for each further limit in a row, up to 60. Limits that come while it is
        cooling are those of calls that were on their way; they say nothing of whether it cooled
        long enough.
        """
        if name not in self._names:
            return
        now_s = self._clock.monotonic_s()
        self._welcome_back(now_s)
        is_new = name not in self._away
        row = self._limited.get(name, 0)
        if is_new:
            self._limited[name] = row + 1
        # A NaN would compare false with every time, and so stay away for good.
        if for_s is not None and not isnan(for_s):
            self._send_away(name, now_s + min(for_s, _RETRY_AFTER_MAX_S))
        elif is_new:
            growing_s = _FIRST_COOLING_S * 2.0 ** min(row, _DOUBLINGS_MAX)
            self._send_away(name, now_s + min(growing_s, _COOLING_MAX_S))

    def park(self, name: str, for_s: float) -> None:
        """Leave it alone for so long: it was refused, or its quota is used up."""
        if name in self._names:
            self._send_away(name, self._clock.monotonic_s() + for_s)
            self._away[name].is_parked = True

    def unpark(self, name: str) -> None:
        """Use it again: a call that was made with it while it was parked was answered."""
        if (away := self._away.get(name)) is not None and away.is_parked:
            del self._away[name]

    def succeeded(self, name: str) -> None:
        """Say that a call with it was answered: limits are no longer in a row."""
        if self._limited:
            self._limited.pop(name, None)

    def learn(self, names: Sequence[str]) -> None:
        """Know of further ones, which other targets of the same model are pinned to."""
        self._names = tuple(dict.fromkeys((*self._names, *names)))

    def soonest_s(self, *, only: str | None = None) -> float:
        """Seconds until one can be used, or `only` that one; 0: one can be used now."""
        if not self._away:
            return 0.0
        now_s = self._clock.monotonic_s()
        self._welcome_back(now_s)
        if only is not None:
            away = self._away.get(only)
            return 0.0 if away is None else away.until_s - now_s
        if len(self._away) < len(self._names):
            return 0.0
        return min(away.until_s for away in self._away.values()) - now_s

    def states(self) -> tuple[CredentialState, ...]:
        """Return how each stands now."""
        now_s = self._clock.monotonic_s()
        self._welcome_back(now_s)
        return tuple(self._state(name, now_s) for name in self._names)

    def _state(self, name: str, now_s: float) -> CredentialState:
        away = self._away.get(name)
        if away is None:
            return CredentialState(name=name, state=CredentialUse.USED, remaining_s=0.0)
        state = CredentialUse.PARKED if away.is_parked else CredentialUse.COOLING
        return CredentialState(name=name, state=state, remaining_s=away.until_s - now_s)

    def _send_away(self, name: str, until_s: float) -> None:
        """Keep it away until then, or for as long as it is away already."""
        away = self._away.setdefault(name, _Away(until_s, False))
        away.until_s = max(away.until_s, until_s)

    def _welcome_back(self, now_s: float) -> None:
        for name in [name for name, away in self._away.items() if away.until_s <= now_s]:
            del self._away[name]
