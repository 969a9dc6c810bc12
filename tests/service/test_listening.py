"""Where and how the server listens: TLS, callers' certificates, sockets, and clear refusals."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.fakes.certificates import Authority
from tests.service.asking import logged, refused
from tests.service.weir import Weir, chat_request, hear, serving, stream_request
from weir_server.transport.serving import CannotListen


@dataclass(frozen=True)
class Files:
    """A server's certificate, its key and its authority, as files."""

    folder: Path
    authority: Authority

    @classmethod
    def make(cls, folder: Path) -> "Files":
        files = cls(folder, Authority())
        certificate, key = files.authority.issue()
        (folder / "cert.pem").write_text(certificate)
        (folder / "key.pem").write_text(key)
        (folder / "ca.pem").write_text(files.authority.pem)
        return files

    @property
    def tls(self) -> dict[str, str]:
        return {
            "cert_file": str(self.folder / "cert.pem"),
            "key_file": str(self.folder / "key.pem"),
        }

    @property
    def mtls(self) -> dict[str, str]:
        return {**self.tls, "client_ca_file": str(self.folder / "ca.pem")}

    def credentials(self, *, issuer: Authority | None = None) -> grpc.ChannelCredentials:
        """A caller's side; with an issuer it shows a certificate of that authority."""
        roots = self.authority.pem.encode()
        if issuer is None:
            return grpc.ssl_channel_credentials(roots)
        certificate, key = issuer.issue(["caller"])
        return grpc.ssl_channel_credentials(roots, key.encode(), certificate.encode())


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.make(tmp_path)


@asynccontextmanager
async def calling(weir: Weir, credentials: grpc.ChannelCredentials) -> AsyncIterator[Weir]:
    async with grpc.aio.secure_channel(weir.app.address, credentials) as channel:
        yield Weir(app=weir.app, channel=channel, log_bytes=weir.log_bytes)


async def test_tls_by_file(files: Files) -> None:
    """Unary and stream; a caller that speaks plain text, or trusts another, is not served."""
    async with serving(server={"tls": files.tls}) as plain:
        async with calling(plain, files.credentials()) as weir:
            reply = await weir.llm.Chat(chat_request("hello"), timeout=5)
            heard = await hear(weir.llm.StreamChat(stream_request("hello"), timeout=5))
        without = await refused(plain.llm.Chat(chat_request("hello"), timeout=5))
        stranger = grpc.ssl_channel_credentials(Authority("Stranger").pem.encode())
        async with calling(plain, stranger) as other:
            distrusting = await refused(other.llm.Chat(chat_request("hello"), timeout=5))
        lines = await logged(plain, 2)
    assert reply.message.parts[0].text == heard.text == "hello"
    assert without.code == distrusting.code == "UNAVAILABLE"
    assert len(lines) == 2, "no handler ran for the others"


async def test_mutual_tls_by_file(files: Files) -> None:
    """Only a caller whose certificate the configured authority issued is served."""
    async with serving(server={"tls": files.mtls}) as plain:
        async with calling(plain, files.credentials(issuer=files.authority)) as known:
            reply = await known.llm.Chat(chat_request("hello"), timeout=5)
        async with calling(plain, files.credentials()) as nameless:
            without = await refused(nameless.llm.Chat(chat_request("hello"), timeout=5))
        async with calling(plain, files.credentials(issuer=Authority("Stranger"))) as stranger:
            unknown = await refused(stranger.llm.Chat(chat_request("hello"), timeout=5))
        lines = await logged(plain)
    assert reply.message.parts[0].text == "hello"
    assert without.code == unknown.code == "UNAVAILABLE"
    assert len(lines) == 1


async def cannot_listen(server: Mapping[str, Any]) -> str:
    with pytest.raises(CannotListen) as failed:
        async with serving(server=server):
            pass
    return str(failed.value)


@pytest.mark.parametrize("name", ["cert_file", "key_file", "client_ca_file"])
async def test_a_file_that_is_not_there_is_named_by_its_key(files: Files, name: str) -> None:
    """The operator reads which setting to mend and which file was meant."""
    missing = str(files.folder / "nothing.pem")
    text = await cannot_listen({"tls": {**files.mtls, name: missing}})
    assert f"server.tls.{name}" in text
    assert missing in text
    assert "No such file" in text


@pytest.mark.parametrize("name", ["cert_file", "key_file", "client_ca_file"])
async def test_a_file_that_holds_something_else_is_named_by_its_key(
    files: Files, name: str
) -> None:
    """Not the port is to blame."""
    (files.folder / "wrong.pem").write_text("this is no PEM\n")
    text = await cannot_listen({"tls": {**files.mtls, name: str(files.folder / "wrong.pem")}})
    assert f"server.tls.{name}" in text
    assert "port" not in text


@pytest.mark.parametrize("name", ["cert_file", "key_file", "client_ca_file"])
async def test_a_damaged_file_is_told(files: Files, name: str) -> None:
    """Looking like PEM is not enough."""
    kind = "PRIVATE KEY" if name == "key_file" else "CERTIFICATE"
    cut = f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n"
    (files.folder / "cut.pem").write_text(cut)
    text = await cannot_listen({"tls": {**files.mtls, name: str(files.folder / "cut.pem")}})
    assert "server.tls" in text
    assert "damaged" in text
    assert "cut.pem" in text


async def test_a_key_of_another_certificate_is_refused(files: Files) -> None:
    """They belong together, and the text says so."""
    _, other_key = files.authority.issue()
    (files.folder / "key.pem").write_text(other_key)
    text = await cannot_listen({"tls": files.tls})
    assert "server.tls" in text


async def test_a_port_in_use_is_told() -> None:
    """With the ways out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = await cannot_listen({"listen": address})
    assert address in text
    assert "server.listen" in text


async def test_two_servers_never_share_a_port() -> None:
    """SO_REUSEPORT would split the callers between them by accident."""
    async with serving() as weir:
        text = await cannot_listen({"listen": weir.app.address})
    assert weir.app.address in text


async def test_a_unix_socket(tmp_path: Path) -> None:
    """Listening by path; reflection and Initialize are on as on loopback."""
    path = tmp_path / "weir.sock"
    async with serving(server={"listen": f"unix:{path}"}) as weir:
        heard = await hear(weir.llm.StreamChat(stream_request("hello")))
        (line,) = await logged(weir)
    assert weir.app.address == f"unix:{path}"
    assert heard.text == "hello"
    assert line["peer"].startswith("unix:")


async def test_an_address_of_version_six() -> None:
    """Written in brackets, told in brackets."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with serving(server={"listen": "[::1]:0"}) as weir:
        heard = await hear(weir.llm.StreamChat(stream_request("hello")))
    assert weir.app.address.startswith("[::1]:")
    assert heard.text == "hello"
