"""How do TLS files become gRPC's credentials? Read once, when the connection is made."""

from pathlib import Path

from weir._connection import TlsFiles
from weir._grpc import grpc


def credentials(tls: TlsFiles) -> grpc.ChannelCredentials:
    """gRPC's credentials; raises OSError for a file that cannot be read."""
    return grpc.ssl_channel_credentials(
        root_certificates=_read(tls.ca),
        private_key=_read(tls.key),
        certificate_chain=_read(tls.cert),
    )


def _read(file: str | Path | None) -> bytes | None:
    return None if file is None else Path(file).read_bytes()
