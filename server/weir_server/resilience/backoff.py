"""How long to wait before asking again? Full jitter over a span that doubles."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits between attempts, spread over the whole span so that callers do not come in step."""

    base_s: float = 0.25
    cap_s: float = 8.0

    def delay_s(self, retry: int, rng: Random) -> float:
        """Return the wait before retry number `retry`, counted from 0."""
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2.0**retry))
