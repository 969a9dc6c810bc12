"""How is a vendor's JSON read? Strictly and fast, with a second look at what some servers write."""

import json
from typing import Any, TypeVar

from msgspec import convert
from msgspec.json import Decoder

T = TypeVar("T")

ANYTHING: Decoder[Any] = Decoder()


def decode(
    decoder: Decoder[T], data: bytes | bytearray, *, utf8_errors: str = "strict"
) -> T | None:
    """Return what `data` says, or None when it is no such JSON.

    What the strict and fast decoder refuses gets a second look, as some servers write lone halves
    of surrogate pairs. `utf8_errors` says what becomes of bytes that are not UTF-8.
    """
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        return convert(json.loads(data.decode("utf-8", utf8_errors)), decoder.type)
    except (ValueError, RecursionError):
        return None
