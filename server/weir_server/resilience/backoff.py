"""How long to wait before asking again? Never in step with others that failed at the same time."""

from dataclasses import dataclass
from random import Random

_DOUBLINGS_MAX = 64
"""Past any cap that makes sense, and far from where a float overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait between attempts: full jitter over an exponentially growing span."""

    base_s: float = 0.25
    cap_s: float = 8.0

    def delay_s(self, retry: int, rng: Random) -> float:
        """Return the wait before retry number `retry`, counted from 0."""
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2.0 ** min(retry, _DOUBLINGS_MAX)))
