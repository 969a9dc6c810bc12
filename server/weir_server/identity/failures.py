"""Who shows wrong keys again and again? A bounded memory of peers and their last failures."""

import ipaddress
from collections import deque

from weir_server.core.clock import Clock

WINDOW_S = 60.0
PEERS_MAX = 10_000
"""So many peers are remembered; who failed longest ago is forgotten first."""
_IPV6_NET_BITS = 64
"""One person has so many bits of addresses at least: they count as one."""


def peer_of(address: str) -> str:
    """Return who is behind an address such as `ipv4:127.0.0.1:4711`, whatever the port."""
    family, _, rest = address.partition(":")
    if family not in ("ipv4", "ipv6"):
        return family
    host = rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")
    try:
        return str(ipaddress.ip_network((host, _IPV6_NET_BITS if family == "ipv6" else 32), False))
    except ValueError:
        return host


class Failures:
    """Counts the wrong keys of each peer within the last minute."""

    def __init__(self, *, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._times: dict[str, deque[float]] = {}

    def wait_s(self, peer: str) -> float:
        """Return how long a peer has to wait that has failed too often; 0: it has not."""
        times = self._times.get(peer)
        if times is None or len(times) < self._per_minute:
            return 0.0
        return max(0.0, times[0] + WINDOW_S - self._clock.monotonic_s())

    def note(self, peer: str) -> None:
        """Count a failure. One that was refused for too many is none: else they would never end."""
        times = self._times.pop(peer, None)
        if times is None:
            times = deque(maxlen=self._per_minute)
            if len(self._times) >= PEERS_MAX:
                del self._times[next(iter(self._times))]
        times.append(self._clock.monotonic_s())
        self._times[peer] = times
