"""Who is at the other end? Names are resolved, judged and dialled here, at every new connection.

The address that was judged is the address that is dialled: the resolver judges every answer of a
name, and `_checked_socket` judges again the very address a socket is made for, which also covers
hosts that are addresses themselves and so never see the resolver.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from typing_extensions import override

from weir_server.core.clock import Clock
from weir_server.providers.http.addresses import judge
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.wire_connection import AnswerLimits, WireConnector

FRESH_S = 10.0
"""How long an answer is used without asking again."""
LAST_GOOD_S = 300.0
"""How long the last good answer is used when asking fails."""
PATIENCE_S = 2.0
"""How long a name server may think while there is a last good answer: one that has gone keeps
everybody waiting for longer than connecting may take."""

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Asks for the addresses of a name and a port. Raises OSError when there is no answer."""


class Dialler(Protocol):
    """Whoever wants a connection."""

    endpoint: Endpoint


DIALLER: ContextVar[Dialler] = ContextVar("dialler")
"""Set around each dial. aiohttp hands neither its resolver nor its sockets the request."""


class AddressRefused(OSError):
    """The endpoint guard refuses an address that a host leads to."""


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses a whole answer for one bad address in it.

    Answers are kept raw and judged anew for whoever asks: what is private may be allowed to one
    endpoint and not to another.
    """

    def __init__(
        self, *, clock: Clock, lookup: Lookup | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._lookup = system_lookup if lookup is None else lookup
        self._answers: dict[tuple[str, int], _Answer] = {}

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses to dial. Raises OSError, or AddressRefused where one is bad."""
        dialler = DIALLER.get(None)
        private_ok = dialler is not None and dialler.endpoint.private_ok
        addresses = await self.addresses(host, port)
        for address in addresses:
            _check(address, private_ok=private_ok)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a name, unjudged. Raises OSError when there are none.

        Callers of one name wait for one lookup. When asking fails, the last good answer serves for
        up to LAST_GOOD_S: a name server's outage is not the provider's.
        """
        answer = self._answers.setdefault((host, port), _Answer())
        async with answer.asking:
            now_s = self._clock.monotonic_s()
            is_usable = now_s - answer.good_s < LAST_GOOD_S
            if is_usable and now_s - answer.asked_s < FRESH_S:
                return answer.addresses
            try:
                async with asyncio.timeout(self._patience_s if is_usable else None):
                    found = await self._lookup(host, port)
                if not found:
                    raise OSError("the name has no address")
            except OSError:  # TimeoutError is one
                if not is_usable:
                    self._answers.pop((host, port), None)
                    raise
            else:
                answer.addresses, answer.good_s = tuple(found), self._clock.monotonic_s()
            answer.asked_s = self._clock.monotonic_s()
            return answer.addresses

    @override
    async def close(self) -> None:
        """Forget all answers."""
        self._answers.clear()


@dataclass(slots=True)
class _Answer:
    addresses: Sequence[str] = ()
    good_s: float = float("-inf")
    """When they were heard."""
    asked_s: float = float("-inf")
    """When the name server was asked last, with or without success."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    # A link-local address comes with its zone in the fourth place; judge() refuses it either way.
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedConnector(WireConnector):
    """Connections without a limit in number, to judged addresses, with verified TLS only."""

    def __init__(
        self,
        *,
        resolver: GuardedResolver,
        tls: ssl.SSLContext,
        keepalive_s: float,
        limits: AnswerLimits,
    ) -> None:
        if tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname:
            raise ValueError("the TLS context must verify certificates and host names")
        super().__init__(
            resolver=resolver,
            tls=tls,
            socket_factory=_checked_socket,
            keepalive_s=keepalive_s,
            limits=limits,
        )


def _checked_socket(address: AddrInfoType) -> socket.socket:
    """Make the socket for one address, if it may be dialled for the request that asks."""
    family, kind, protocol, _, sockaddr = address
    _check(str(sockaddr[0]), private_ok=DIALLER.get().endpoint.private_ok)
    return socket.socket(family=family, type=kind, proto=protocol)


def _check(address: str, *, private_ok: bool) -> None:
    verdict = judge(address)
    if not verdict.admits(private_ok=private_ok):
        raise AddressRefused(f"the address is refused: {verdict.purpose}")


def verified_tls(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities and those in `ca_file`.

    It reads files: make it before the event loop has work.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
