"""How much of a whole answer is read? All of it, up to a bound."""

from weir_server.core.errors import UpstreamProtocolError

BODY_MAX_BYTES = 32 << 20
"""What a whole answer may take before it counts as broken."""


class Body:
    """The bytes of a whole answer, as far as they have come."""

    __slots__ = ("_held", "_max_bytes")

    def __init__(self, *, max_bytes: int = BODY_MAX_BYTES) -> None:
        self._held = bytearray()
        self._max_bytes = max_bytes

    def add(self, data: bytes) -> UpstreamProtocolError | None:
        """Take more bytes; return the failure once there are too many."""
        if len(self._held) + len(data) > self._max_bytes:
            self._held = bytearray()
            return UpstreamProtocolError(metadata={"cause": "too_large"})
        self._held += data
        return None

    def take(self) -> bytes:
        """Return what has come and forget it."""
        body = bytes(self._held)
        self._held = bytearray()
        return body
