"""How is a secret kept in a file? Made once, whole or not at all, and for its owner alone."""

import os
import secrets
from pathlib import Path

HASH_KEY_FILE = "identity.key"
"""What keys are hashed with, in the data directory."""
OWNER_ONLY = 0o600


def kept(file: Path, content: bytes) -> bytes:
    """Return what `file` holds; where there is none, make it with `content` first.

    Of several processes that make it at once, one wins, and all return what that one wrote.
    Raises OSError.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        pass
    draft = _draft(file, content)
    try:
        os.link(draft, file)
    except FileExistsError:
        return file.read_bytes()
    finally:
        draft.unlink()
    return content


def replaced(file: Path, content: bytes) -> None:
    """Make `file` hold `content`, whatever it held. Raises OSError."""
    _draft(file, content).replace(file)


def _draft(file: Path, content: bytes) -> Path:
    """Write a file beside `file` that nobody else can read, all of it on the disk."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with open(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)
    return draft
