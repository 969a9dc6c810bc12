"""How does Weir listen, and how does it stop? Port, certificates, limits, and the drain."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection

from weir_server.settings.tree import ServerSettings, TlsSettings
from weir_server.telemetry.log import Log
from weir_server.transport.grpc_aio import Dispatcher
from weir_server.transport.health import Health
from weir_server.transport.open_calls import OpenCalls

KEEPALIVE_TIME_S = 30
KEEPALIVE_TIMEOUT_S = 10
"""Together they find a dead caller within 40 s."""
PING_MIN_INTERVAL_S = 10
"""Callers may ping this often, with or without calls; two pings sooner and they are cut off."""
LAST_WORDS_S = 1.0
"""How long interrupted streams have to send their `end` before the port closes."""
LAST_STATUS_S = 0.25
"""How long the library may take to send the statuses of the calls that ended last."""
PEM_CERTIFICATE = b"CERTIFICATE"
PEM_KEY = b"PRIVATE KEY"


class CannotListen(Exception):
    """The port could not be opened; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the server can be reached."""

    address: str
    """`host:port` with the port that was really opened, or `unix:/path`."""


class GrpcServer:
    """The grpc.aio server: create, start and stop it inside one running event loop."""

    def __init__(
        self,
        *,
        settings: ServerSettings,
        dispatcher: Dispatcher,
        services: Sequence[str],
        open_calls: OpenCalls,
        log: Log,
        options: Sequence[tuple[str, int]] = (),
    ) -> None:
        """`options`: further ones of the library, in its own words."""
        self._options = options
        self._settings = settings
        self._dispatcher = dispatcher
        self._services = services
        self._open_calls = open_calls
        self._log = log
        self._health = Health(services)
        self._server: grpc.aio.Server | None = None

    async def start(self) -> Listening:
        """Open the port and take calls. Raises CannotListen."""
        settings = self._settings
        server = grpc.aio.server(options=[*_options(settings), *self._options])
        server.add_generic_rpc_handlers((self._dispatcher,))
        self._health.attach(server)
        if settings.allows(settings.reflection):
            names = (*self._services, "grpc.health.v1.Health", reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        address = _open_port(server, settings)
        await server.start()
        await self._health.serving()
        self._server = server
        return Listening(address=address)

    async def drain(self) -> None:
        """Stop as callers deserve: no new calls, running ones end, then the port closes.

        Health says NOT_SERVING first. New calls are refused with GATEWAY_DRAINING while the port
        stays open: `stop(grace)` of the library would answer them "connection refused" without a
        reason. Streams that outlast the grace get their `end` with GATEWAY_DRAINING; watches, which
        never end by themselves, get that status at once.
        """
        await self._health.not_serving()
        self._open_calls.start_draining()
        self._log.event("draining", open_calls=len(self._open_calls))
        if not await self._open_calls.wait_idle(self._settings.drain_grace_s):
            self._log.event("drain_grace_over", open_calls=len(self._open_calls))
            self._open_calls.interrupt_all()
            await self._open_calls.wait_idle(LAST_WORDS_S)
        await self.stop(grace_s=LAST_STATUS_S)

    async def stop(self, *, grace_s: float = 0.0) -> None:
        """Close the port, and every connection after `grace_s`."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(grace_s)
            # The library does not wait for handlers that it cancelled (grpc/grpc 37239).
            await self._open_calls.wait_idle(LAST_WORDS_S)


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    return [
        # Workers share the port; nobody else does by accident.
        ("grpc.so_reuseport", int(settings.workers > 1)),
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        ("grpc.max_send_message_length", settings.max_response_bytes),
        ("grpc.max_metadata_size", settings.max_metadata_bytes),
        # Between the two limits the library refuses at random; equal ones are one limit.
        ("grpc.absolute_max_metadata_size", settings.max_metadata_bytes),
        ("grpc.max_concurrent_streams", settings.max_streams_per_connection),
        ("grpc.max_connection_idle_ms", int(settings.connection_idle_s * 1000)),
        ("grpc.keepalive_time_ms", KEEPALIVE_TIME_S * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_S * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_MIN_INTERVAL_S * 1000),
        ("grpc.http2.max_ping_strikes", 2),
    ]


def _open_port(server: grpc.aio.Server, settings: ServerSettings) -> str:
    listen = settings.listen
    try:
        if isinstance(settings.tls, TlsSettings):
            port = server.add_secure_port(listen, _credentials(settings.tls))
        else:
            port = server.add_insecure_port(listen)
    except RuntimeError as failure:
        raise CannotListen(
            f"cannot listen on {listen}: another program may hold the port, or the address is not "
            "this machine's; choose another with server.listen or --listen"
        ) from failure
    if listen.startswith("unix:"):
        return listen
    return f"{listen.rpartition(':')[0]}:{port}"


def _credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    certificate = _read(tls.cert_file, "server.tls.cert_file", PEM_CERTIFICATE)
    key = _read(tls.key_file, "server.tls.key_file", PEM_KEY)
    # Checked here, for the library would blame the port.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty password: nobody is there to be asked for one.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except ssl.SSLError as failure:
        raise CannotListen(
            f"server.tls: the key in {tls.key_file} does not fit the certificate in "
            f"{tls.cert_file}, or is locked by a password, or one of the files is damaged"
        ) from failure
    if tls.client_ca_file is None:
        return grpc.ssl_server_credentials([(key, certificate)])
    roots = _read(tls.client_ca_file, "server.tls.client_ca_file", PEM_CERTIFICATE)
    try:
        context.load_verify_locations(tls.client_ca_file)
    except ssl.SSLError as failure:
        raise CannotListen(
            f"server.tls.client_ca_file: {tls.client_ca_file} is damaged"
        ) from failure
    return grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=roots, require_client_auth=True
    )


def _read(path: str, key: str, mark: bytes) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError as failure:
        raise CannotListen(f"{key}: {path} cannot be read ({failure.strerror})") from failure
    if mark not in content:
        raise CannotListen(f"{key}: {path} holds no {mark.decode().lower()} in PEM")
    return content
