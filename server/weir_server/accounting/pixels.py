"""How large is an image? As its own header says, of the formats that vendors take; nothing decoded.

PNG: the IHDR chunk; GIF: the logical screen; WebP: VP8, VP8L or VP8X; JPEG: the first frame header.
"""

from typing import Final

SEARCH_BYTES: Final = 256 * 1024
"""A JPEG's frame comes after its metadata, which may hold a thumbnail and a profile."""
SIDE_MAX: Final = 65_535

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame, of every kind of JPEG; the others in the range mean something else."""
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None: the header says nothing that can be read."""
    size = _read(data)
    if size is None or not all(0 < side <= SIDE_MAX for side in size):
        return None
    return size


def _read(data: bytes) -> tuple[int, int] | None:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return _big(data, 16, 4), _big(data, 20, 4)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _little(data, 6, 2), _little(data, 8, 2)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case b"VP8L" if data[20:21] == b"\x2f":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at, end = 2, min(len(data), SEARCH_BYTES) - 9
    while at <= end:
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1  # filling
        elif marker in _BARE:
            at += 2
        elif marker in _SOF:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        else:
            at += 2 + max(_big(data, at + 2, 2), 2)
    return None


def _big(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "big")


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "little")
