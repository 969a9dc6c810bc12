"""What can be read of a kept answer by who keeps it? Nothing: it is sealed, and so is its request.

All keys are derived from one secret: one to seal with, one to take fingerprints with (a plain hash
of a short prompt could be guessed), and a name by which the secret is known again.
"""

import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12


class SealBroken(Exception):
    """What was kept is not what was sealed, or was sealed for another call or with another key."""


class Seal:
    """Seals what is kept of one call so that it opens for that call alone (AES-256-GCM)."""

    __slots__ = ("_aead", "_print_key", "_random", "name")

    def __init__(self, secret: bytes, *, random: Callable[[int], bytes] = os.urandom) -> None:
        """`random`: makes so many random bytes; a nonce must never come twice."""
        self._aead = AESGCM(_derived(secret, b"weir replay seal"))
        self._print_key = _derived(secret, b"weir replay fingerprint")
        self._random = random
        self.name = _derived(secret, b"weir replay name")[:4].hex()
        """Tells this secret from another one."""

    @classmethod
    def fresh(cls) -> "Seal":
        """Make one with a secret that only this process ever has."""
        return cls(os.urandom(SECRET_BYTES))

    def fingerprint(self, slot: str, request: bytes) -> str:
        """Return what an equal request for the same slot, and no other, also gets."""
        digest = hmac.new(self._print_key, slot.encode(), hashlib.sha256)
        digest.update(request)
        return f"{self.name}:{digest.hexdigest()}"

    def made(self, fingerprint: str) -> bool:
        """Say whether this secret made a fingerprint, so that it can be compared."""
        return fingerprint.startswith(f"{self.name}:")

    def close(self, plain: bytes, *, slot: str, fingerprint: str) -> bytes:
        """Seal `plain` for one slot and one request."""
        nonce = self._random(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, _bound(slot, fingerprint))

    def open(self, sealed: bytes, *, slot: str, fingerprint: str) -> bytes:
        """Return what was sealed. Raises SealBroken."""
        start = len(_VERSION) + _NONCE_BYTES
        if not sealed.startswith(_VERSION) or len(sealed) < start:
            raise SealBroken
        nonce = sealed[len(_VERSION) : start]
        try:
            return self._aead.decrypt(nonce, sealed[start:], _bound(slot, fingerprint))
        except InvalidTag as broken:
            raise SealBroken from broken


def slot_of(*, tenant: str, method: str, key: str) -> str:
    """Return the name under which a call is remembered: a hash of the three, each told apart."""
    digest = hashlib.sha256()
    for part in (tenant, method, key):
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret)


def _bound(slot: str, fingerprint: str) -> bytes:
    return f"{slot}/{fingerprint}".encode()
