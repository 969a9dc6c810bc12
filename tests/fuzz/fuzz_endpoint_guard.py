"""Does any URL get past the endpoint guard that another parser would dial elsewhere?

    python -m tests.fuzz.fuzz_endpoint_guard --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import random
import socket
import time
from ipaddress import IPv4Address, ip_address
from urllib.parse import urlsplit

from yarl import URL

from tests.fuzz.bodies import SLOWEST_S, run
from weir_server.core.errors import ConfigInvalid
from weir_server.providers.http.guard import Endpoint, EndpointPolicy, parse_endpoint

_POLICIES = (
    EndpointPolicy(),
    EndpointPolicy(allow_insecure_http=True),
    EndpointPolicy(allow_private_hosts=frozenset({"llm.internal", "10.1.2.3:8000"})),
)
_PIECES = (
    *("https", "http", "HTTPS", "file", "://", ":/", "//", ":", "/", "\\", "@", "?", "#", "%", "."),
    *("..", "%2e", "%2f", "%00", "%25", "[", "]", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1%25lo]"),
    *("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "169.254.169.254", "10.1.2.3", "0", "0x"),
    *("localhost", "api.example.com", "llm.internal", "8.8.8.8", "xn--bcher-kva", "user:key"),
    *("443", "8000", "65536", "00443", "-1", "v1", "..", " ", "\t", "\r\n", "\x00", "\x7f"),
    *(
        "\u3002",
        "\uff11",
        "\u24db",
        "\u00ad",
        "\u202e",
        "\ud800",
        "é",
        "a" * 70,
        "-",
        "_",
        "~",
        "!",
    ),
)


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw URLs at the guard; return how many. Raises AssertionError on a hole."""
    dice = random.Random(seed)
    until_s = time.monotonic() + seconds
    done = 0
    while time.monotonic() < until_s and (executions is None or done < executions):
        text = _invent(dice)
        for policy in _POLICIES:
            begun_s = time.process_time()  # however busy the machine is
            check(text, policy)
            took_s = time.process_time() - begun_s
            assert took_s < SLOWEST_S, f"{text!r} took {took_s:.1f} s"
        done += 1
    return done


def check(text: str, policy: EndpointPolicy) -> None:
    """Parse once, and hold what was accepted against other parsers and other tables."""
    try:
        endpoint = parse_endpoint(text, policy)
    except ConfigInvalid:
        return
    assert parse_endpoint(str(endpoint), policy) == endpoint, text
    url = endpoint.url("/x")
    split, dialled = urlsplit(url), URL(url, encoded=True)
    assert (split.username, split.password, split.query) == (None, None, ""), text
    assert (split.hostname, dialled.raw_host) == (endpoint.host, endpoint.host), text
    assert (split.scheme, dialled.scheme) == (endpoint.scheme, endpoint.scheme), text
    assert dialled.port == endpoint.port, text
    assert dialled.raw_path == f"{endpoint.base_path}/x", text
    if not endpoint.private_ok:
        _check_outside(endpoint, text)


def _check_outside(endpoint: Endpoint, text: str) -> None:
    """What the C library reads as an address must be the public one that we read."""
    try:
        found = socket.getaddrinfo(endpoint.host, 443, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        return
    for *_, sockaddr in found:
        address = ip_address(sockaddr[0])
        assert str(address) == endpoint.host, text
        assert address.is_global, text
        assert not address.is_multicast, text
        if not isinstance(address, IPv4Address):
            assert (address.ipv4_mapped, address.sixtofour) == (None, None), text


def _invent(dice: random.Random) -> str:
    """Make a URL that is nearly right, or not at all."""
    if dice.random() < 0.5:
        text = f"https://{dice.choice(_PIECES)}/v1"
    elif dice.random() < 0.5:
        text = f"https://{_number(dice)}/"
    else:
        text = ""
    for _ in range(dice.randrange(6)):
        where = dice.randrange(len(text) + 1)
        cut = where + (dice.randrange(3) if dice.random() < 0.3 else 0)
        text = text[:where] + dice.choice(_PIECES) + text[cut:]
    return text


def _number(dice: random.Random) -> str:
    """An address in one of the ways in which C libraries and browsers read them."""
    value = dice.randrange(2**32)
    parts = value.to_bytes(4, "big")
    return dice.choice(
        (
            str(value),
            hex(value),
            f"0{value:o}",
            ".".join(map(str, parts)),
            ".".join(map(hex, parts)),
            ".".join(f"0{part:o}" for part in parts),
            f"{parts[0]}.{value & 0xFFFFFF}",
            f"[::ffff:{IPv4Address(value)}]",
            f"[64:ff9b::{value >> 16:x}:{value & 0xFFFF:x}]",
            f"[2002:{value >> 16:x}:{value & 0xFFFF:x}::]",
            f"[{dice.randrange(2**16):x}::{value & 0xFFFF:x}]",
        )
    )


if __name__ == "__main__":
    run("endpoint guard", fuzz)
