"""How long does Weir remember a call with an idempotency key, and what of it?"""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from weir_server.settings.node import Node, Seconds

SEAL_KEY_MIN_CHARS = 32
"""A secret of so many characters, drawn at random, is beyond guessing."""
_MIB = 1024 * 1024


class IdempotencySettings(Node):
    """Calls with a key are run once; equal ones get the same answer."""

    enabled: bool = True
    """False: a call with a key is refused."""
    retention_s: Annotated[float, Field(ge=1, le=30 * 86_400)] = 86_400.0
    """How long a key is remembered once its call has ended."""
    lease_margin_s: Seconds = 5.0
    """How long after its deadline a call is given up whose process never said how it ended."""
    seal_key: SecretStr | None = None
    """What kept answers are sealed with, `${ENV_NAME}` or `file:/path`; unset: a secret of the
    process. Needed, and the same everywhere, where keys are kept in Redis."""
    max_reply_bytes: Annotated[int, Field(ge=0, le=32 * _MIB)] = _MIB
    """A longer answer is not kept: its key is remembered, its call not run again."""
    max_memory_bytes: Annotated[int, Field(ge=_MIB, le=16 * 1024 * _MIB)] = 64 * _MIB
    """What is kept in a process; above it the answers that were longest not asked for go first."""
    guard_only_tenants: tuple[str, ...] = ()
    """Tenants whose answers are never kept: their keys keep calls from being run twice."""

    @field_validator("seal_key")
    @classmethod
    def _is_long_enough(cls, seal_key: SecretStr | None) -> SecretStr | None:
        if seal_key is not None and len(seal_key.get_secret_value()) < SEAL_KEY_MIN_CHARS:
            raise ValueError(
                f"choose a secret of at least {SEAL_KEY_MIN_CHARS} random characters, such as "
                "`openssl rand -hex 32` prints"
            )
        return seal_key
