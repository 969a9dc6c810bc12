"""Is it worth sending at all? An upstream that turns most calls away is spared most of them.

Adaptive throttling as in Google's SRE book, "Handling Overload": what is asked may be twice what is
accepted; of the rest, each call is refused here with the probability that brings it down to that.
"""

from random import Random
from typing import Final

from weir_server.core.clock import Clock
from weir_server.resilience.window import Window

_WINDOW_S: Final = 120.0
_BUCKETS: Final = 12
_ASKED: Final = 0
_ACCEPTED: Final = 1
_SHARE_MAX: Final = 0.99
"""One in a hundred always passes: how else would it be noticed that the upstream is back?"""


class LocalReject:
    """One upstream's share of calls that are refused before they are sent."""

    __slots__ = ("_clock", "_rng", "_window")

    def __init__(self, *, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng
        self._window = Window(2, window_s=_WINDOW_S, buckets=_BUCKETS, now_s=clock.monotonic_s())

    @property
    def share(self) -> float:
        """The probability with which a call is refused now."""
        asked, accepted = self._window.sums(self._clock.monotonic_s())
        return _share(asked, accepted)

    def rejects(self) -> bool:
        """Draw whether this call is to be refused."""
        asked, accepted = self._window.sums(self._clock.monotonic_s())
        if asked <= 2 * accepted:
            return False
        return self._rng.random() < _share(asked, accepted)

    def asked(self) -> None:
        """Say that somebody wants to ask the upstream, whether or not the call is refused here."""
        self._window.add(_ASKED, self._clock.monotonic_s())

    def accepted(self) -> None:
        """Say that the upstream took a call."""
        self._window.add(_ACCEPTED, self._clock.monotonic_s())


def _share(asked: int, accepted: int) -> float:
    return min(max(0.0, (asked - 2 * accepted) / (asked + 1)), _SHARE_MAX)
