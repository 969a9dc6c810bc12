"""What is a tool call called? By its id, in letters that the vendor takes.

It refuses ids with others than letters, digits, "_" and "-", which some vendors write. Calls and
results are said together in each request, so both get the same new id.
"""

import re
from zlib import crc32

_TAKEN = re.compile(r"[A-Za-z0-9_-]+")
_OTHERS = re.compile(r"[^A-Za-z0-9_-]")


def call_id(said: str) -> str:
    """Return an id that the vendor takes; one that it would refuse gets a mark of its own."""
    if _TAKEN.fullmatch(said):
        return said
    return f"{_OTHERS.sub('_', said)}_{crc32(said.encode()):08x}"
