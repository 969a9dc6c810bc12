"""Is a server reached the way its address says, and never in plain text by accident?"""

import datetime
import ipaddress
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import weir
from tests.clients.python.scripted_server import scripted_server
from weir._connection import connection
from weir.v1.provider_service_pb2 import ChatResponse


@pytest.mark.parametrize(
    ("address", "target", "encrypted"),
    [
        ("localhost:50051", "localhost:50051", False),
        ("127.0.0.1:50051", "127.0.0.1:50051", False),
        ("127.8.9.1:50051", "127.8.9.1:50051", False),
        ("[::1]:50051", "[::1]:50051", False),
        ("unix:/run/weir.sock", "unix:/run/weir.sock", False),
        ("weir.example:50051", "weir.example:50051", True),
        ("10.0.0.7:50051", "10.0.0.7:50051", True),
        ("[2001:db8::1]:50051", "[2001:db8::1]:50051", True),
        ("localhost.example:50051", "localhost.example:50051", True),
        ("https://weir.example", "weir.example:443", True),
        ("https://localhost:50051/", "localhost:50051", True),
        ("http://weir.example:50051", "weir.example:50051", False),
        ("dns:///weir.example:50051", "dns:///weir.example:50051", True),
        ("dns:///localhost:50051", "dns:///localhost:50051", False),
        ("ipv4:127.0.0.1:1,127.0.0.2:2", "ipv4:127.0.0.1:1,127.0.0.2:2", False),
        ("ipv6:[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2", False),
    ],
)
def test_an_address(address: str, target: str, encrypted: bool) -> None:
    """Off this machine TLS is the default; a scheme decides."""
    made = connection(address)

    assert made.target == target
    assert (made.tls is not None) is encrypted


@pytest.mark.parametrize(
    ("address", "tls", "said"),
    [
        ("weir.example", None, "names no port"),
        ("http://weir.example", None, "names no port"),
        ("", None, "is no address"),
        (":50051", None, "is no address"),
        ("https://weir.example/path", None, "is no address"),
        ("https://user@weir.example", None, "is no address"),
        ("ftp://weir.example:1", None, "unknown scheme"),
        ("http://weir.example:1", True, "contradicts"),
        ("https://weir.example:1", False, "contradicts"),
        ("weir.example:99999", None, "out of range"),
        ("dns:///weir.example", None, "names no port"),
        ("ipv4:10.0.0.7:1,10.0.0.8:1", None, "no name"),
        ("ipv4:127.0.0.1:1", True, "no name"),
        ("ipv4:127.0.0.1:1, 127.0.0.1:2", None, "separated by commas only"),
        ("ipv4:weir.example:1", None, "write ADDRESS:PORT"),
        ("ipv4:127.0.0.1", None, "write ADDRESS:PORT"),
        ("ipv6:127.0.0.1:1", None, "write ADDRESS:PORT"),
    ],
)
def test_no_address(address: str, tls: bool | None, said: str) -> None:
    """What is no address is refused, with the way to write one."""
    with pytest.raises(ValueError, match=said):
        connection(address, tls)


def test_tls_by_hand() -> None:
    """`tls` overrides the default either way."""
    assert connection("localhost:1", tls=True).tls == weir.TlsFiles()
    assert connection("weir.example:1", tls=False).tls is None
    assert connection("localhost:1", weir.TlsFiles(ca="ca.pem")).tls == weir.TlsFiles(ca="ca.pem")


def test_only_several_servers_are_watched() -> None:
    """One server that drains says why; of several, one that drains is left."""
    watched = {
        address: "healthCheckConfig" in str(connection(address, False).options)
        for address in ("localhost:1", "dns:///weir.example:1", "ipv4:10.0.0.7:1,10.0.0.8:1")
    }
    assert list(watched.values()) == [False, True, True]


def test_half_a_certificate() -> None:
    """A certificate without its key is refused."""
    with pytest.raises(ValueError, match="together"):
        weir.TlsFiles(cert="client.pem")


async def test_a_unix_socket(tmp_path: Path) -> None:
    """A socket of this machine is reached in plain text."""
    address = f"unix:{tmp_path}/weir.sock"
    async with scripted_server(address) as server, weir.AsyncClient(address) as client:
        server.play(ChatResponse())

        assert await client.chat("Hi") == ChatResponse()


async def test_tls(tmp_path: Path) -> None:
    """A server is trusted by the given CA, and not without it."""
    cert, key = _certificate(tmp_path)
    pair = (key.read_bytes(), cert.read_bytes())
    async with scripted_server(credentials=grpc.ssl_server_credentials([pair])) as server:
        server.play(ChatResponse())

        async with weir.AsyncClient(server.address, tls=weir.TlsFiles(ca=cert)) as client:
            assert await client.chat("Hi") == ChatResponse()
        async with weir.AsyncClient(server.address, tls=True, timeout_s=5) as client:
            with pytest.raises(weir.UnavailableError):
                await client.chat("Hi")


async def test_mutual_tls(tmp_path: Path) -> None:
    """A server that asks for a certificate is shown this client's."""
    cert, key = _certificate(tmp_path)
    pair = (key.read_bytes(), cert.read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], root_certificates=cert.read_bytes(), require_client_auth=True
    )
    async with scripted_server(credentials=credentials) as server:
        server.play(ChatResponse())
        files = weir.TlsFiles(ca=cert, cert=cert, key=key)

        async with weir.AsyncClient(server.address, tls=files) as client:
            assert await client.chat("Hi") == ChatResponse()
        async with weir.AsyncClient(
            server.address, tls=weir.TlsFiles(ca=cert), timeout_s=5
        ) as client:
            with pytest.raises(weir.UnavailableError):
                await client.chat("Hi")


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weir test")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file
