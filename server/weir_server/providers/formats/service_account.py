"""Who is a service account of Google's, and how does it prove that? By a key that signs claims.

Google's page "Using OAuth 2.0 for server to server applications", RFC 7523 and, for the signature,
RFC 7518, section 3.3.
"""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME_S = 3600
"""How long a claim holds; the vendor takes no longer one."""
_FILE_MAX_BYTES = 64 * 1024


class ServiceAccountInvalid(Exception):
    """A key file that cannot be used; its text says why, without anything of the key."""


class _KeyFile(msgspec.Struct):
    client_email: str
    private_key: str
    token_uri: str
    private_key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """One account with one of its keys."""

    email: str
    key_id: str
    token_uri: str
    """Where tokens are fetched."""
    key: RSAPrivateKey = field(repr=False)

    def assertion(self, now_s: int) -> str:
        """Return the signed claim that a token is fetched with; `now_s` is since the epoch."""
        header = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        claims = {
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now_s,
            "exp": now_s + LIFETIME_S,
        }
        said = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
        return f"{said}.{_part(self.key.sign(said.encode(), PKCS1v15(), SHA256()))}"


def _part(said: bytes) -> str:
    return urlsafe_b64encode(said).rstrip(b"=").decode()


def read_service_account(path: Path) -> ServiceAccount:
    """Read a key file. Raises ServiceAccountInvalid."""
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_MAX_BYTES)
    except OSError as failure:
        why = failure.strerror or "it cannot be read"
        raise ServiceAccountInvalid(f"{path}: {why}.") from failure
    try:
        said = msgspec.json.decode(text, type=_KeyFile)
    except (ValueError, RecursionError):
        # Not chained: the cause would quote the file.
        raise ServiceAccountInvalid(
            f"{path} is no JSON key of a service account: it needs client_email, private_key and "
            "token_uri."
        ) from None
    try:
        key = load_pem_private_key(said.private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ServiceAccountInvalid(f"{path} has no RSA key in PEM as its private_key.")
    return ServiceAccount(
        email=said.client_email, key_id=said.private_key_id, token_uri=said.token_uri, key=key
    )
