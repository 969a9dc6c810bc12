"""How is text held that comes in thousands of pieces? In the room that it takes, not theirs."""

_HALVES = "surrogatepass"
"""Vendors cut pairs of escapes in two: what went in comes out."""


class Kept:
    """Text that is held until something ends. A list of small pieces takes twenty times as much."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __bool__(self) -> bool:
        return bool(self._bytes)

    def add(self, text: str) -> None:
        """Take more text."""
        self._bytes += text.encode("utf-8", _HALVES)

    def text(self) -> str:
        """Return all of it."""
        return self._bytes.decode("utf-8", _HALVES)
