"""Who has shown a good key lately? Their callers, by a hash of all that they showed.

The hash here is a plain one and never leaves the process: it is made for each call, and the keyed
hash that is kept costs three times as much. Secrets themselves are not kept anywhere.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from weir_server.core.caller import Caller

KNOWN_MAX = 10_000
"""So many are known at a time; who was looked up longest ago is forgotten first."""


def fingerprint(authorization: str) -> bytes:
    """Return what a credential is known by: a hash of the whole of it, not of a part."""
    return hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).digest()


@dataclass(slots=True, kw_only=True)
class KnownCaller:
    """A caller, and how long that is true. Times are on the clock's monotonic scale."""

    caller: Final[Caller]
    looked_up_s: Final[float]
    """When the key was last looked up."""
    ends_s: Final[float]
    """When the key ends by itself; infinite: never."""
    until_s: float
    """Until when nobody has to look again."""


class Known:
    """A bounded memory of callers."""

    def __init__(self) -> None:
        self._callers: dict[bytes, KnownCaller] = {}
        self.changes = 0
        """How often something was forgotten: what was looked up before that may be out of date."""

    def __len__(self) -> int:
        return len(self._callers)

    def get(self, print_: bytes) -> KnownCaller | None:
        """Return who is known by a fingerprint, be it out of date."""
        return self._callers.get(print_)

    def put(self, print_: bytes, known: KnownCaller) -> None:
        """Know a caller."""
        self._callers.pop(print_, None)
        if len(self._callers) >= KNOWN_MAX:
            del self._callers[next(iter(self._callers))]
        self._callers[print_] = known

    def drop(self, print_: bytes) -> None:
        """Forget who is known by a fingerprint."""
        self._callers.pop(print_, None)

    def forget(self, key: str) -> None:
        """Forget everybody who is known by a key, and what is being looked up meanwhile."""
        self.changes += 1
        gone = [print_ for print_, known in self._callers.items() if known.caller.key == key]
        for print_ in gone:
            del self._callers[print_]
