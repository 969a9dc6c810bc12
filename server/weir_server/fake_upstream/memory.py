"""What does a behaviour know of earlier attempts? Counts and moments, by a key of its own.

Behaviours are immutable and may be made anew for each request, so what they remember lies with the
journal, under a key made of what they are: two equal ones share it.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Memory:
    """What was noted since a script began. All times are of the monotonic clock."""

    began_at: float = field(default_factory=time.monotonic)
    counts: Counter[Hashable] = field(default_factory=Counter)
    """How many there were, or are now."""
    first_at: dict[Hashable, float] = field(default_factory=dict)
    """When the first attempt came."""
    served_at: defaultdict[Hashable, deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    """When attempts were served, as far back as whoever noted it needs."""
