"""What does a failure of the connection mean? aiohttp's errors become Weir's, by when they came."""

import ssl

import aiohttp

from weir.v1.generation_pb2 import Phase
from weir_server.core.errors import (
    DeadlineExceeded,
    UpstreamConnectFailed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamSilent,
    UpstreamStreamBroken,
    UpstreamTimeout,
    WeirError,
)
from weir_server.providers.http.connect import AddressRefused
from weir_server.providers.http.watchdog import Overrun
from weir_server.providers.http.wire_connection import NotHttp


def before_headers(error: Exception) -> WeirError:
    """Translate what came while connecting, sending or waiting for headers."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamConnectFailed(metadata={"cause": _why_unreachable(error)})
    if isinstance(error, AddressRefused):
        return UpstreamConnectFailed(metadata={"cause": "guard"})
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return UpstreamConnectFailed(metadata={"cause": "tls"})
    if isinstance(error, NotHttp):
        return _unreadable(error)
    # Something may have been sent, so this is no failure to connect.
    return UpstreamError(metadata={"cause": "cut"})


def in_body(error: Exception) -> WeirError:
    """Translate what came while the body was read: whatever it was, the rest will not come."""
    del error
    return UpstreamStreamBroken(metadata={"cause": "cut"})


def overrun(
    limit: Overrun, *, ends_at_deadline: bool, body_begun: bool, phase: Phase.ValueType
) -> WeirError:
    """Translate an overrun limit. `ends_at_deadline`: the attempt's end is the caller's own."""
    match limit:
        case Overrun.CONNECT:
            return UpstreamConnectFailed(metadata={"cause": "timeout"})
        case Overrun.END if ends_at_deadline:
            name = Phase.Name(phase).removeprefix("PHASE_")
            return DeadlineExceeded(metadata={"phase": name})
        case Overrun.END if phase == Phase.PHASE_GENERATING:
            # Only a stream gets there before its body has ended: what it gave was passed on.
            return UpstreamStreamBroken(metadata={"cause": "timeout"})
        case Overrun.IDLE if body_begun:
            return UpstreamStreamBroken(metadata={"cause": "stalled"})
        case Overrun.END:
            return UpstreamTimeout()
        case _:
            return UpstreamSilent()


def _why_unreachable(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls"
    if isinstance(error.os_error, AddressRefused):
        return "guard"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "dns"
    return "refused"


def _unreadable(error: NotHttp) -> WeirError:
    """Translate an answer that is no HTTP, by aiohttp's own words: it keeps no finer class."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, aiohttp.http_exceptions.LineTooLong):
            return UpstreamProtocolError(metadata={"cause": "too_large"})
        cause = cause.__cause__
    said = error.message.partition("\n")[0].lower()
    if said.startswith("too many"):
        return UpstreamProtocolError(metadata={"cause": "too_large"})
    if "chunk" in said:  # the headers were good: the body's break came in the same packet
        return in_body(error)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
