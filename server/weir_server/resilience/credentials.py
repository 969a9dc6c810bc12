"""Which of a provider's credentials is used? In turn, but not those that have to rest."""

from collections.abc import Sequence
from enum import Enum, auto

from weir_server.core.clock import Clock

COOL_MAX_S = 300.0
"""No provider makes us wait longer."""
COOL_FIRST_S = 1.0
COOL_GROWN_S = 60.0
"""Where a provider names no time: from a second, doubling, to a minute."""


class CredentialRest(Enum):
    """Whether a credential is used."""

    USED = auto()
    COOLING = auto()
    """The provider limited its rate."""
    PARKED = auto()
    """The provider refused it, or its quota is used up."""


class _Credential:
    __slots__ = ("name", "refusals", "rest", "until_s")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rest = CredentialRest.USED
        self.until_s = float("-inf")
        self.refusals = 0


class Credentials:
    """The credentials of one target, by name; the secrets stay with the provider."""

    __slots__ = ("_all", "_by_name", "_clock", "_next", "_resting")

    def __init__(self, names: Sequence[str], *, clock: Clock) -> None:
        self._clock = clock
        self._all = [_Credential(name) for name in names]
        self._by_name = {each.name: each for each in self._all}
        self._next = 0
        self._resting = False
        """Whether any may have to rest; until then there is nothing to look at."""

    def pick(self, *, only: str | None = None) -> str | None:
        """Return the next that may be used, or None; `only`: that one or none."""
        if not self._resting and (only is not None or len(self._all) == 1):
            return self._all[0].name if only is None else only
        now_s = self._clock.monotonic_s()
        if only is not None:
            return only if self._find(only).until_s <= now_s else None
        for step in range(len(self._all)):
            place = (self._next + step) % len(self._all)
            if self._all[place].until_s <= now_s:
                self._next = place + 1
                return self._all[place].name
        return None

    def cool(self, name: str, for_s: float | None) -> None:
        """Rest one that the provider limits; `for_s`: as it asked for, None: it did not."""
        credential = self._find(name)
        if for_s is None:
            for_s = min(COOL_GROWN_S, COOL_FIRST_S * 2.0**credential.refusals)
        credential.refusals = min(credential.refusals + 1, 16)
        self._rest(credential, CredentialRest.COOLING, max(0.0, min(for_s, COOL_MAX_S)))

    def park(self, name: str, for_s: float) -> None:
        """Rest one that the provider refuses."""
        self._rest(self._find(name), CredentialRest.PARKED, for_s)

    def succeeded(self, name: str) -> None:
        """Note that one works: its next rest is short again."""
        if self._resting:
            self._find(name).refusals = 0
            now_s = self._clock.monotonic_s()
            self._resting = any(c.until_s > now_s or c.refusals for c in self._all)

    def soonest_s(self, *, only: str | None = None) -> float:
        """Return how long until one may be used, or that one; 0: now."""
        if not self._resting:
            return 0.0
        asked = self._all if only is None else (self._find(only),)
        return max(0.0, min(each.until_s for each in asked) - self._clock.monotonic_s())

    def states(self) -> list[tuple[str, CredentialRest, float]]:
        """Return name, state and the seconds left of its rest, for each."""
        now_s = self._clock.monotonic_s()
        return [
            (credential.name, credential.rest, credential.until_s - now_s)
            if credential.until_s > now_s
            else (credential.name, CredentialRest.USED, 0.0)
            for credential in self._all
        ]

    def _rest(self, credential: _Credential, rest: CredentialRest, for_s: float) -> None:
        credential.rest = rest
        credential.until_s = self._clock.monotonic_s() + for_s
        self._resting = True

    def _find(self, name: str) -> _Credential:
        """Return one by name; one that came with a later configuration is remembered."""
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = _Credential(name)
            self._all.append(found)
        return found
