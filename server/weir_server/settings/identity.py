"""Who may call? Whether keys are asked for, and how they are kept and looked up."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from weir_server.settings.node import Node

HASH_KEY_MIN_CHARS = 32


class IdentitySettings(Node):
    """How callers are known."""

    mode: Literal["auto", "open", "keys"] = "auto"
    """`keys`: every call needs one. `open`: none does, on loopback only. auto: open on loopback."""
    hash_key: SecretStr | None = None
    """What the hashes of keys are made with; unset: a random file in the data directory."""
    cache_s: Annotated[float, Field(ge=0.05, le=5)] = 4.0
    """How long a key is taken without looking it up again: a revoked one ends within 5 s."""
    offline_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """How long known keys are taken while the ledger, where they are kept, is away."""
    failures_per_minute: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Wrong keys that a peer may show; further ones get RATE_LIMITED."""

    @field_validator("hash_key")
    @classmethod
    def _is_long(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < HASH_KEY_MIN_CHARS:
            raise ValueError(
                f"must have at least {HASH_KEY_MIN_CHARS} characters; make one with "
                "`openssl rand -hex 32`"
            )
        return key
