"""A clock that moves when a test says so."""


class FakeClock:
    """Both of Weir's times, moved by hand."""

    def __init__(
        self, *, monotonic_s: float = 1_000.0, wall_ns: int = 1_800_000_000 * 10**9
    ) -> None:
        self._monotonic_s = monotonic_s
        self._wall_ns = wall_ns

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def wall_ns(self) -> int:
        return self._wall_ns

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic_s += seconds
        self._wall_ns += int(seconds * 1e9)

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock, as an operator or NTP does; durations do not notice."""
        self._wall_ns += int(seconds * 1e9)
