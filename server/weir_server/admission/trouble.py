"""Is something wrong with the process itself, and has it been so for long?"""

import math
from typing import ClassVar, Protocol


class Spell:
    """A time of trouble: it goes on while the trouble is seen again before `calm_s` have passed.

    lasting_s: a spell longer than this is no hiccup any more.
    """

    __slots__ = ("_calm_s", "_lasting_s", "_since_s", "ends_s")

    def __init__(self, *, calm_s: float, lasting_s: float) -> None:
        self._calm_s = calm_s
        self._lasting_s = lasting_s
        self._since_s = -math.inf
        self.ends_s = -math.inf
        """Until when it goes on, if the trouble is not seen again."""

    def seen(self, *, since_s: float, now_s: float) -> None:
        """Note that there is trouble now, and that it began at `since_s`."""
        if since_s > self.ends_s:
            self._since_s = since_s
        self.ends_s = now_s + self._calm_s

    def lasts(self, now_s: float) -> bool:
        """Return whether it goes on, and has for long."""
        return now_s <= self.ends_s and now_s - self._since_s >= self._lasting_s


class Trouble(Protocol):
    """Something that can be wrong with the process, for which calls are turned away."""

    cause: ClassVar[str]
    """What the caller is told: `lag` or `files`."""

    def is_on(self, now_s: float) -> bool:
        """Return whether it is so now, or was lately."""
        ...

    def lasts(self, now_s: float) -> bool:
        """Return whether it has been so for long."""
        ...
