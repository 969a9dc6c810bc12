"""Which addresses may Weir dial? An explicit table; `ipaddress.is_global` lets dangerous ones pass.

Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates),
and what cloud vendors document as the addresses of their instance metadata services.
"""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

IPAddress = IPv4Address | IPv6Address


class Reach(IntEnum):
    """Who may be dialled; of several that apply to one address, the highest holds."""

    PUBLIC = 0
    """Anybody on the internet."""
    PRIVATE = 1
    """Somebody inside: only where the operator named the host."""
    NEVER = 2
    """Nobody who serves a model; naming the host changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an address is for, and whether it may be dialled."""

    reach: Reach
    purpose: str
    """For people, such as `loopback`."""

    def admits(self, *, private_ok: bool) -> bool:
        """Whether the address may be dialled for a host that was named (`private_ok`) or not."""
        return self.reach is Reach.PUBLIC or (private_ok and self.reach is Reach.PRIVATE)


_IPV4: tuple[tuple[str, Reach, str], ...] = (
    ("0.0.0.0/8", Reach.NEVER, "this network"),
    ("10.0.0.0/8", Reach.PRIVATE, "private use"),
    ("100.64.0.0/10", Reach.PRIVATE, "shared address space of carriers"),
    ("100.100.100.200/32", Reach.NEVER, "instance metadata"),
    ("127.0.0.0/8", Reach.PRIVATE, "loopback"),
    ("168.63.129.16/32", Reach.NEVER, "instance metadata"),
    ("169.254.0.0/16", Reach.NEVER, "link-local, where instance metadata lives"),
    ("172.16.0.0/12", Reach.PRIVATE, "private use"),
    ("192.0.0.0/24", Reach.NEVER, "protocol assignments"),
    ("192.0.2.0/24", Reach.NEVER, "documentation"),
    ("192.31.196.0/24", Reach.NEVER, "AS112 sink"),
    ("192.52.193.0/24", Reach.NEVER, "multicast tunnelling"),
    ("192.88.99.0/24", Reach.NEVER, "6to4 relays"),
    ("192.168.0.0/16", Reach.PRIVATE, "private use"),
    ("192.175.48.0/24", Reach.NEVER, "AS112 sink"),
    ("198.18.0.0/15", Reach.PRIVATE, "benchmarking"),
    ("198.51.100.0/24", Reach.NEVER, "documentation"),
    ("203.0.113.0/24", Reach.NEVER, "documentation"),
    ("224.0.0.0/4", Reach.NEVER, "multicast"),
    ("240.0.0.0/4", Reach.NEVER, "reserved or broadcast"),
)

_IPV6: tuple[tuple[str, Reach, str], ...] = (
    ("::/128", Reach.NEVER, "unspecified"),
    ("::1/128", Reach.PRIVATE, "loopback"),
    ("::ffff:0:0/96", Reach.NEVER, "IPv4-mapped"),
    ("::ffff:0:0:0/96", Reach.NEVER, "IPv4-translated"),
    ("64:ff9b::/96", Reach.PRIVATE, "NAT64"),
    ("64:ff9b:1::/48", Reach.NEVER, "local NAT64"),
    ("100::/64", Reach.NEVER, "discard"),
    ("2001::/23", Reach.NEVER, "protocol assignments, Teredo among them"),
    ("2001:db8::/32", Reach.NEVER, "documentation"),
    ("2002::/16", Reach.NEVER, "6to4"),
    ("2620:4f:8000::/48", Reach.NEVER, "AS112 sink"),
    ("3fff::/20", Reach.NEVER, "documentation"),
    ("fc00::/7", Reach.PRIVATE, "unique local"),
    ("fd00:ec2::/32", Reach.NEVER, "instance metadata"),
    ("fd20:ce::254/128", Reach.NEVER, "instance metadata"),
    ("fe80::/10", Reach.NEVER, "link-local"),
    ("fec0::/10", Reach.NEVER, "site-local"),
    ("ff00::/8", Reach.NEVER, "multicast"),
)

_GLOBAL_IPV6 = IPv6Network("2000::/3")
"""All that is given out for use on the internet (RFC 4291 2.4)."""
_TABLED_OUTSIDE_GLOBAL = tuple(
    IPv6Network(network)
    for network, _, _ in _IPV6
    if not IPv6Network(network).subnet_of(_GLOBAL_IPV6)
)

# Networks whose addresses hold an IPv4 address in their last 32 bits.
_IPV4_LAST = (
    IPv6Network("::/96"),  # compatible, deprecated
    IPv6Network("::ffff:0:0/96"),  # mapped
    IPv6Network("::ffff:0:0:0/96"),  # translated
    IPv6Network("64:ff9b::/96"),  # NAT64
)
_SIX_TO_FOUR = IPv6Network("2002::/16")

_ROWS: tuple[tuple[IPv4Network | IPv6Network, Verdict], ...] = tuple(
    (ip_network(network), Verdict(reach=reach, purpose=purpose))
    for network, reach, purpose in (*_IPV4, *_IPV6)
)
_PUBLIC = Verdict(reach=Reach.PUBLIC, purpose="internet")
_UNASSIGNED = Verdict(reach=Reach.NEVER, purpose="not given out for use on the internet")


def judge(address: str | IPAddress) -> Verdict:
    """Say what `address` is for. Text that is no plain address, zone ids included, is NEVER."""
    if isinstance(address, str):
        try:
            address = ip_address(address)
        except ValueError:
            return Verdict(reach=Reach.NEVER, purpose="no address")
    if isinstance(address, IPv4Address):
        return _strictest(address)
    if address.scope_id is not None:
        return Verdict(reach=Reach.NEVER, purpose="an address with a zone")
    outside = _strictest(address)
    inside = _embedded_ipv4(address)
    if inside is None:
        return outside
    held = _strictest(inside)
    return held if held.reach > outside.reach else outside


def _strictest(address: IPAddress) -> Verdict:
    worst = _PUBLIC
    if (
        isinstance(address, IPv6Address)
        and address not in _GLOBAL_IPV6
        and not any(address in network for network in _TABLED_OUTSIDE_GLOBAL)
    ):
        worst = _UNASSIGNED
    for network, verdict in _ROWS:
        if verdict.reach > worst.reach and address in network:
            worst = verdict
    return worst


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 host that is reached in the end, where the address holds one."""
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    if int(address) > 1 and any(address in network for network in _IPV4_LAST):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None
