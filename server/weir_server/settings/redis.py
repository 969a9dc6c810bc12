"""Where is what several processes share? A Redis, by its address."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from weir_server.settings.node import Node

_SCHEMES = ("redis://", "rediss://", "unix://")


class RedisSettings(Node):
    """The Redis that keeps counters and idempotency keys for all processes of Weir."""

    url: SecretStr | None = None
    """`redis://host:6379/0`, `rediss://` for TLS, or `unix:///path`; unset: none."""
    timeout_ms: Annotated[int, Field(ge=1, le=10_000)] = 20
    """How long it may be silent before a call goes on without it."""

    @property
    def timeout_s(self) -> float:
        """The same in seconds."""
        return self.timeout_ms / 1000

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(_SCHEMES):
            raise ValueError("write redis://host:6379/0, rediss:// for TLS, or unix:///path")
        return url
