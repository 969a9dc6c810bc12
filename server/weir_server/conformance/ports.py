"""Where can a client reach the golden scenarios? Plain, TLS, mTLS, and one that goes away.

Every port is the real server's, with its own options, around what plays the scenarios.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from weir_server.conformance.certificates import Authority
from weir_server.conformance.journal import Journal
from weir_server.conformance.methods import scripted_methods
from weir_server.conformance.playing import Player
from weir_server.conformance.scenario import Scenario
from weir_server.settings.tree import MIB, ServerSettings, TlsSettings
from weir_server.telemetry.log import Log
from weir_server.transport.grpc_aio import Dispatcher
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.services.table import SERVICES
from weir_server.transport.serving import GrpcServer

GO_AWAY_AFTER_MS = 300
GO_AWAY_GRACE_MS = 60_000
_AGING = (
    ("grpc.max_connection_age_ms", GO_AWAY_AFTER_MS),
    ("grpc.max_connection_age_grace_ms", GO_AWAY_GRACE_MS),
)


@contextlib.asynccontextmanager
async def listening(
    scenarios: Mapping[str, Scenario], journal: Journal, folder: Path, log: Log
) -> AsyncIterator[dict[str, object]]:
    """Serve the scenarios until the block ends, and give where: ports and certificates.

    folder: where the certificates are written. Raises CannotListen.
    """
    files = _certificates(folder)
    server_files = {"cert_file": files["server_cert"], "key_file": files["server_key"]}
    tls = TlsSettings(**server_files)
    mtls = TlsSettings(**server_files, client_ca_file=files["ca"])
    ports: dict[str, tuple[TlsSettings | None, tuple[tuple[str, int], ...]]] = {
        "plain": (None, ()),
        "tls": (tls, ()),
        "mtls": (mtls, ()),
        "aging": (None, _AGING),
    }
    attempts: Counter[tuple[str, str]] = Counter()
    async with contextlib.AsyncExitStack() as stack:
        opened: dict[str, object] = {}
        for port, (certificates, options) in ports.items():
            player = Player(scenarios, port=port, journal=journal, attempts=attempts)
            server = GrpcServer(
                settings=ServerSettings(
                    listen="127.0.0.1:0", tls=certificates, max_request_bytes=32 * MIB
                ),
                dispatcher=Dispatcher(player, list(scripted_methods().values())),
                services=SERVICES,
                open_calls=OpenCalls(),
                log=log,
                options=options,
            )
            stack.push_async_callback(server.stop)
            listening = await server.start()
            opened[port] = int(listening.address.rpartition(":")[2])
        opened["certificates"] = {name: files[name] for name in ("ca", "cert", "key")}
        yield opened


def _certificates(folder: Path) -> dict[str, str]:
    """Write an authority's certificate, the server's and a client's, and return their paths."""
    authority = Authority("Weir Conformance")
    server_cert, server_key = authority.issue()
    cert, key = authority.issue(["weir-conformance-client"])
    contents = {
        "ca": authority.pem,
        "server_cert": server_cert,
        "server_key": server_key,
        "cert": cert,
        "key": key,
    }
    files = {}
    for name, content in contents.items():
        path = folder / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_text(content, encoding="ascii")
        files[name] = str(path)
    return files
