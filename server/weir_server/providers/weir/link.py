"""Which connection leads to the far Weir? One long-lived channel, to addresses that were judged.

gRPC would look names up by itself, behind the endpoint guard's back. So the name is resolved and
judged here, and the channel is given the addresses: what was judged is what is dialled. The name is
asked for again when the channel is not connected, and now and then while it is; other addresses get
another channel, and the one before ends with its last call.
"""

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import grpc
import grpc.aio

from weir_server.core.clock import Clock
from weir_server.providers.http.addresses import judge
from weir_server.providers.http.connect import AddressRefused, GuardedResolver
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.weir.asking import CLIENT

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
RECEIVE_WINDOW_BYTES = 256 * 1024
"""So much of a stream is under way or waiting for its reader before the far Weir has to wait."""
CHECK_NAME_AFTER_S = 30.0
"""A connected channel's name is asked for again after so long: replicas come and go."""
_READY = grpc.ChannelConnectivity.READY
_DECIDED = frozenset({_READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE})
_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep their authorities, besides where OpenSSL was told to look."""

FarCall = grpc.aio.UnaryStreamCall[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """What a channel waits for. In seconds."""

    connect_s: float = 10.0
    """Name, TCP and TLS together."""


class Connection:
    """One channel, and the calls that are open on it."""

    __slots__ = ("_channel", "_methods", "_open", "_retired", "addresses", "is_closed")

    def __init__(self, channel: grpc.aio.Channel, addresses: frozenset[str]) -> None:
        self._channel = channel
        self.addresses = addresses
        self._methods: dict[str, grpc.aio.UnaryStreamMultiCallable[bytes, bytes]] = {}
        self._open = 0
        self._retired = False
        self.is_closed = False

    @property
    def is_ready(self) -> bool:
        """Whether a call could be sent at once."""
        return self._channel.get_state() is _READY

    async def ready(self) -> None:
        """Wait until a call can be sent, or would fail at once and say why."""
        while (state := self._channel.get_state(try_to_connect=True)) not in _DECIDED:
            if state is grpc.ChannelConnectivity.SHUTDOWN:
                return
            await self._channel.wait_for_state_change(state)

    def begin(
        self, method: str, message: bytes, *, timeout_s: float, metadata: Sequence[tuple[str, str]]
    ) -> FarCall:
        """Begin a call. Every method is read as a stream of bytes: a unary reply is one of one."""
        rpc = self._methods.get(method)
        if rpc is None:
            rpc = self._methods[method] = self._channel.unary_stream(method)
        return rpc(message, timeout=timeout_s, metadata=tuple(metadata))

    def enter(self) -> None:
        """Count a call."""
        self._open += 1

    async def leave(self) -> None:
        """Count a call no longer; the last one of a retired channel closes it."""
        self._open -= 1
        if self._retired and not self._open:
            await self.close()

    async def retire(self) -> None:
        """Close as soon as no call is open."""
        self._retired = True
        if not self._open:
            await self.close()

    async def close(self) -> None:
        """Cut what is open."""
        if not self.is_closed:
            self.is_closed = True
            await self._channel.close()


class Link:
    """The connection of one provider. Use it inside one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        resolver: GuardedResolver,
        roots: bytes | None,
        limits: LinkLimits,
        clock: Clock,
    ) -> None:
        """`roots`: authorities in PEM, for TLS; None: those that come with gRPC."""
        self.endpoint = endpoint
        self.limits = limits
        self._resolver = resolver
        self._roots = roots
        self._clock = clock
        self._current: Connection | None = None
        self._checked_s = 0.0
        self._all: set[Connection] = set()

    @property
    def now(self) -> Connection | None:
        """The channel, if it is connected and its addresses need no look; enter it at once."""
        current = self._current
        if current is None or not current.is_ready:
            return None
        is_fresh = self._clock.monotonic_s() - self._checked_s < CHECK_NAME_AFTER_S
        return current if is_fresh else None

    async def connection(self) -> Connection:
        """Return the channel to the addresses that the name has now; enter it at once.

        Raises OSError where the name has none, AddressRefused for one that the guard refuses.
        """
        addresses = await judged_addresses(self.endpoint, self._resolver)
        self._checked_s = self._clock.monotonic_s()
        current = self._current
        if current is None or current.addresses != addresses:
            self._all = {each for each in self._all if not each.is_closed}
            self._current = Connection(self._channel(addresses), addresses)
            self._all.add(self._current)
            if current is not None:
                await current.retire()
        assert self._current is not None
        return self._current

    async def retire(self) -> None:
        """Close the channel once its calls have ended."""
        current, self._current = self._current, None
        if current is not None:
            await current.retire()

    async def close(self) -> None:
        """Cut everything."""
        self._current = None
        for connection in self._all:
            await connection.close()

    def _channel(self, addresses: frozenset[str]) -> grpc.aio.Channel:
        endpoint = self.endpoint
        options = _options(endpoint, self.limits)
        target = _target(addresses, endpoint.port)
        if endpoint.scheme == "http":
            return grpc.aio.insecure_channel(target, options)
        # The channel is given addresses; the certificate must still be that of the name.
        options.append(("grpc.ssl_target_name_override", endpoint.host))
        credentials = grpc.ssl_channel_credentials(self._roots)
        return grpc.aio.secure_channel(target, credentials, options)


async def judged_addresses(endpoint: Endpoint, resolver: GuardedResolver) -> frozenset[str]:
    """Return the addresses of an endpoint's name, all of which may be dialled.

    Raises AddressRefused for one that may not, OSError where there are none.
    """
    found: Sequence[str] = (endpoint.host,)
    if not _is_address(endpoint.host):
        found = await resolver.addresses(endpoint.host, endpoint.port)
    for verdict in map(judge, found):
        if not verdict.admits(private_ok=endpoint.private_ok):
            raise AddressRefused(f"the address is refused: {verdict.purpose}")
    return frozenset(found)


def trusted_roots(ca_file: Path | None) -> bytes | None:
    """Return the system's authorities and those of `ca_file`; None: there are none to be found.

    It reads files: call it before the event loop has work.
    """
    told = ssl.get_default_verify_paths().cafile
    system = next((path for path in (told, *_ROOTS) if path and Path(path).is_file()), None)
    files = [Path(path) for path in (system, ca_file) if path is not None]
    return b"\n".join(file.read_bytes() for file in files) or None


def _options(endpoint: Endpoint, limits: LinkLimits) -> list[tuple[str, str | int]]:
    connect_ms = int(limits.connect_s * 1000)
    return [
        ("grpc.primary_user_agent", CLIENT),
        ("grpc.default_authority", endpoint.authority),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.absolute_max_metadata_size", 16 * 1024),
        # A slow reader must hold the far stream back, not fill this side's memory.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", RECEIVE_WINDOW_BYTES),
        # Pings while calls are open: a dead peer is noticed. A Weir takes one every 10 s.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
        # Whether to ask again is for resilience to say: there is one retry layer.
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
        ("grpc.enable_http_proxy", 0),
        # A connection that the guard allowed to one provider must not be found by another.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.min_reconnect_backoff_ms", connect_ms),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]


def _target(addresses: frozenset[str], port: int) -> str:
    """Return the addresses in gRPC's form, which is of one family only: IPv4 if there are any."""
    fours = sorted(address for address in addresses if ":" not in address)
    if fours:
        return "ipv4:" + ",".join(f"{address}:{port}" for address in fours)
    return "ipv6:" + ",".join(f"[{address}]:{port}" for address in sorted(addresses))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
