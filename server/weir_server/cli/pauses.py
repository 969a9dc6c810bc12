"""How long may a dead worker stay dead? Not at all, unless it dies young again and again."""

YOUNG_S = 10.0
"""A worker that lived for less died young."""
FIRST_S = 0.5
LONGEST_S = 30.0
_MAX_DOUBLINGS = 10


class Pauses:
    """The pauses before the restarts of one worker."""

    def __init__(self) -> None:
        self._died_young = 0

    def after(self, lived_s: float) -> float:
        """Return how long to wait after a life of so many seconds: none after the first death."""
        if lived_s >= YOUNG_S:
            self._died_young = 0
            return 0.0
        self._died_young += 1
        if self._died_young == 1:
            return 0.0
        doublings = min(self._died_young - 2, _MAX_DOUBLINGS)
        return min(LONGEST_S, FIRST_S * 2.0**doublings)
