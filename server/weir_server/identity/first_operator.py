"""Who makes the first key? Weir does, for an operator, and leaves its secret in a file.

Nobody could make one otherwise where every call needs one. Several servers may start at once, and
any may die between two steps: what is in the file is kept as a key if it is not yet, so that
starting again finishes what was begun.
"""

from dataclasses import dataclass
from pathlib import Path

from weir_server.core.caller import Role
from weir_server.core.clock import Clock
from weir_server.core.keys import Keys, StoredKey
from weir_server.identity.files import kept, replaced
from weir_server.identity.ring import KeyRing
from weir_server.identity.secrets import Hasher

OPERATOR_KEY_FILE = "operator.key"
OPERATORS = "operators"
"""The tenant of the first operator's key."""
_DRAFT = StoredKey(
    name="",
    tenant=OPERATORS,
    digest=b"",
    secret_prefix="",
    created_ns=0,
    display_name="first operator, made by Weir",
    role=Role.OPERATOR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A key that was made at this start."""

    file: Path
    """Where its secret is."""
    name: str


async def mint(
    keys: Keys, ring: KeyRing, hasher: Hasher, *, data_dir: Path, clock: Clock
) -> Minted | None:
    """Make a key of an operator where none works, and return where its secret is; None: one does.

    Raises LedgerUnavailable, and OSError where the file cannot be written.
    """
    if await keys.has_operator(clock.wall_ns()):
        return None
    file = data_dir / OPERATOR_KEY_FILE
    _, fresh = ring.make(_DRAFT)
    secret = kept(file, f"{fresh}\n".encode()).decode().strip()
    if await keys.find(hasher.digest(secret)) is not None:
        # That of a key which works no more.
        secret = fresh
        replaced(file, f"{fresh}\n".encode())
    key = ring.made_with(_DRAFT, secret)
    if await keys.add_first_operator(key, clock.wall_ns()):
        return Minted(file=file, name=key.name)
    if await keys.find(key.digest) is None:
        # Another machine was faster, and the secret is there.
        file.unlink()
    return None
