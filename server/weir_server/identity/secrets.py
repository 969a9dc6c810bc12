"""What is a key's secret, and what is kept of it? 256 random bits, and a keyed hash of them."""

import base64
import hmac
from collections.abc import Callable

SECRET_MARK = "weir_sk_"  # noqa: S105  what secrets begin with is none
"""What every secret begins with, so that scanners find one that leaked."""
SECRET_BYTES = 32
PREFIX_CHARS = len(SECRET_MARK) + 4
"""So much of a secret is kept in clear: enough to tell keys apart, 24 bits of 256."""

_SCHEME = "bearer "


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """Return a new secret of 256 bits from `random_bytes`, which has to be fit for secrets."""
    bits = base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).rstrip(b"=")
    return SECRET_MARK + bits.decode()


def prefix_of(secret: str) -> str:
    """Return the part of a secret that people may see."""
    return secret[:PREFIX_CHARS]


def presented(authorization: str) -> str:
    """Return the secret in the value of `authorization`.

    Of anything that is no bearer token, the whole of it: it is looked for like every other wrong
    secret, so that no kind of wrong takes another time.
    """
    if authorization[: len(_SCHEME)].lower() == _SCHEME:
        return authorization[len(_SCHEME) :].strip()
    return authorization


class Hasher:
    """Makes the hashes that are kept: without its own key, nobody can make them of a guess."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def digest(self, secret: str) -> bytes:
        """Return the keyed hash of a secret, 32 bytes."""
        return hmac.digest(self._key, secret.encode("utf-8", "surrogatepass"), "sha256")
