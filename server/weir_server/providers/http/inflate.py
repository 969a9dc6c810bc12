"""What does a compressed body say? Decompressed piece by piece, so that a bomb never unfolds.

Weir asks for no compression; some upstreams and proxies compress all the same.
"""

import zlib

from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Inflater:
    """Decompresses one body in pieces of bounded size."""

    __slots__ = ("_packed", "_unpacker", "_window_bits")

    def __init__(self, coding: str) -> None:
        """Raises UpstreamProtocolError for a coding that Weir did not ask for and cannot read."""
        window_bits = _WINDOWS.get(coding)
        if window_bits is None:
            raise UpstreamProtocolError(metadata={"cause": "malformed"})
        self._window_bits = window_bits
        self._unpacker = zlib.decompressobj(window_bits)
        self._packed = b""

    def feed(self, data: bytes) -> None:
        """Take compressed bytes; call `take` until it has none left."""
        self._packed += data

    def take(self, max_bytes: int) -> bytes:
        """Return up to `max_bytes`, or nothing where more input is needed.

        Raises UpstreamProtocolError for what is not compressed as it claims.
        """
        while self._packed:
            if self._unpacker.eof:  # several compressed members may follow each other (RFC 1952)
                self._unpacker = zlib.decompressobj(self._window_bits)
            try:
                data = self._unpacker.decompress(self._packed, max_bytes)
            except zlib.error as error:
                raise UpstreamProtocolError(metadata={"cause": "malformed"}) from error
            self._packed = self._unpacker.unconsumed_tail or self._unpacker.unused_data
            if data:
                return data
        return b""

    def finish(self) -> None:
        """Take the end of the body. Raises UpstreamStreamBroken if more should have come."""
        if not self._unpacker.eof:
            raise UpstreamStreamBroken(metadata={"cause": "cut"})
