"""How much of a whole answer is read? All of it, up to a bound."""

from weir_server.core.errors import UpstreamProtocolError

BODY_MAX_BYTES = 32 << 20
"""What a whole answer may take before it counts as broken."""


class Body:
    """The bytes of a whole answer, as far as they have come."""

    __slots__ = ("_held", "_max_bytes")

    def __init__(self, *, max_bytes: int = BODY_MAX_BYTES) -> None:
        self._held: bytes | bytearray = b""
        self._max_bytes = max_bytes

    def add(self, data: bytes) -> UpstreamProtocolError | None:
        """Take more bytes; return the failure once there are too many."""
        if len(self._held) + len(data) > self._max_bytes:
            self._held = b""
            return UpstreamProtocolError(metadata={"cause": "too_large"})
        if not self._held:
            self._held = data  # Most answers come in one piece, which need not be copied.
            return None
        if isinstance(self._held, bytes):
            self._held = bytearray(self._held)
        self._held += data
        return None

    def take(self) -> bytes | bytearray:
        """Return what has come and forget it."""
        body = self._held
        self._held = b""
        return body
