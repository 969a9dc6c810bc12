"""Are there files left to open? Each connection takes one, to callers and to providers."""

import errno
import math
import os
import resource
from collections.abc import Callable
from typing import ClassVar, Final

from weir_server.admission.trouble import Spell

MARGIN = 64
MARGIN_SHARE = 0.05
"""So many files, or this part of all if it is more, are kept for running calls and for the log."""


def open_files() -> int:
    """Return how many files this process has open. Raises OSError where that cannot be known."""
    return len(os.listdir("/dev/fd"))


def file_limit() -> float:
    """Return how many it may open; infinite where there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else soft


class FileWatch:
    """Counts open files when asked, at most every `every_s` seconds."""

    cause: ClassVar[str] = "files"

    def __init__(
        self,
        *,
        count: Callable[[], int] = open_files,
        limit: float | None = None,
        every_s: float = 1.0,
        lasting_s: float = 2.0,
    ) -> None:
        self._count = count
        total = file_limit() if limit is None else limit
        self._most: Final = total - max(MARGIN, MARGIN_SHARE * total)
        self._every_s: Final = every_s
        self._spell = Spell(calm_s=every_s, lasting_s=lasting_s)
        self._next_look_s = -math.inf

    def is_on(self, now_s: float) -> bool:
        """Return whether files are nearly used up."""
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + self._every_s
            if self._is_short():
                self._spell.seen(since_s=now_s, now_s=now_s)
        return now_s <= self._spell.ends_s

    def lasts(self, now_s: float) -> bool:
        """Return whether they have been for long."""
        return self._spell.lasts(now_s)

    def _is_short(self) -> bool:
        if self._most == math.inf:
            return False
        try:
            return self._count() > self._most
        except OSError as failure:
            # Counting takes a file too. Where the count is not to be had, nothing is known.
            return failure.errno in (errno.EMFILE, errno.ENFILE)
