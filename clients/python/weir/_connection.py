"""How is a server reached? An address, TLS, a key, and the settings of the channel."""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from weir._version import VERSION

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024

# Only UNAVAILABLE is repeated: it says that nothing of an answer was given. On a stream gRPC
# itself stops repeating once the server's first bytes are there.
_SERVICE_CONFIG: Final = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    # Half of the last calls failing stops repeats, so that they never feed an outage.
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}

_CHANNEL_OPTIONS: Final[Mapping[str, str | int]] = {
    "grpc.primary_user_agent": f"weir-client/{VERSION}",
    "grpc.service_config": json.dumps(_SERVICE_CONFIG),
    "grpc.enable_retries": 1,
    # A request larger than this buffer is never repeated.
    "grpc.per_rpc_retry_buffer_size": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    # Pings only while a call is open: a dead peer is noticed, an idle one left alone.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.http2.max_pings_without_data": 0,
    # gRPC's own upper bound is two minutes; a server that is back should be found sooner.
    "grpc.max_reconnect_backoff_ms": 10_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Files of TLS, PEM.

    ca: certificates to trust in place of the system's. None: the system's.
    cert, key: this client's own certificate and key, for servers that ask for one (mTLS); both or
        neither.
    """

    ca: str | Path | None = None
    cert: str | Path | None = None
    key: str | Path | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise ValueError("TlsFiles needs cert and key together, or neither.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where a server is and how to speak to it.

    target: the address in gRPC's own form.
    tls: None for plain text.
    max_receive_bytes: the largest message to take.
    """

    target: str
    tls: TlsFiles | None
    max_receive_bytes: int = MAX_MESSAGE_BYTES

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """The settings of the channel, in gRPC's own form."""
        limit = ("grpc.max_receive_message_length", self.max_receive_bytes)
        return [*_CHANNEL_OPTIONS.items(), limit]


def connection(
    address: str,
    tls: bool | TlsFiles | None = None,
    *,
    max_receive_bytes: int = MAX_MESSAGE_BYTES,
) -> Connection:
    """Read an address: "host:port", "https://host:port", "http://host:port" or "unix:/path".

    tls: True, False, or the files to use. None: what the address's scheme says; without a scheme,
        plain text to this machine (loopback, unix:) and TLS to any other.

    Raises ValueError for an address of another form, one whose scheme contradicts `tls`, or a limit
    that lets nothing in.
    """
    if max_receive_bytes < 1:
        raise ValueError(f"max_receive_bytes must be above 0, not {max_receive_bytes!r}.")
    target, files = _target(address, tls)
    return Connection(target=target, tls=files, max_receive_bytes=max_receive_bytes)


def _target(address: str, tls: bool | TlsFiles | None) -> tuple[str, TlsFiles | None]:
    if address.startswith("unix:"):
        return address, _files(tls, default=False)
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    elif scheme not in ("http", "https"):
        raise ValueError(f"{address!r} has an unknown scheme; use https://, http:// or unix:.")
    parts = urlsplit(f"//{rest}")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError(f"{address!r} is no address; use host:port, such as weir.example:443.")
    port = parts.port or (443 if scheme == "https" else None)
    if port is None:
        raise ValueError(f"{address!r} names no port; use host:port, such as {address}:50051.")
    if (scheme == "http" and tls) or (scheme == "https" and tls is False):
        raise ValueError(f"{address!r} contradicts tls={tls!r}; leave one of the two out.")
    default = scheme == "https" or (not scheme and not _is_loopback(parts.hostname))
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}", _files(tls, default=default)


def _files(tls: bool | TlsFiles | None, *, default: bool) -> TlsFiles | None:
    if isinstance(tls, TlsFiles):
        return tls
    return TlsFiles() if (default if tls is None else tls) else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
