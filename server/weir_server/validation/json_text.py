"""Is this text JSON, and not too deep? Answered without recursion, at the speed of C."""

import re
from enum import Enum, auto
from itertools import accumulate, count
from operator import sub

import msgspec

_STRUCTURE = b'"[]{}'
_NOT_STRUCTURE = bytes(set(range(256)) - set(_STRUCTURE))
_WEIGHTS = bytes.maketrans(b"[{]}", b"\x02\x02\x00\x00")
_OBJECT = re.compile(rb"[ \t\r\n]*\{")


class JsonFault(Enum):
    """What is wrong with a text that should be JSON."""

    MALFORMED = auto()
    TOO_DEEP = auto()
    NOT_OBJECT = auto()


def json_fault(text: str, *, max_depth: int, is_object: bool = False) -> JsonFault | None:
    """Return what is wrong with `text`, or None.

    The depth is known before a parser sees the text, so no text can exhaust a parser's stack.
    """
    data = text.encode()
    if _is_deeper(data, max_depth):
        return JsonFault.TOO_DEEP
    try:
        # Raw checks the whole syntax and builds nothing.
        msgspec.json.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError:
        return JsonFault.MALFORMED
    if is_object and _OBJECT.match(data) is None:
        return JsonFault.NOT_OBJECT
    return None


def member_names(text: str) -> frozenset[str]:
    """Return the names of a JSON object's members; `text` has passed `json_fault`."""
    return frozenset(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))


def containers(text: str) -> int:
    """Return how many objects and lists a text may hold: what its check costs time by."""
    return text.count("{") + text.count("[")


def _is_deeper(data: bytes, max_depth: int) -> bool:
    """Say whether a parser would go deeper than `max_depth`, closed or not."""
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return False
    # 2 for every opening and 0 for every closing, less 1 for either: the depth after each.
    weights = _brackets(data).translate(_WEIGHTS)
    return max(map(sub, accumulate(weights), count(1)), default=0) > max_depth


def _brackets(data: bytes) -> bytes:
    """Return the brackets that stand outside strings."""
    if b"\\" in data:
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    skeleton = data.translate(None, _NOT_STRUCTURE)
    # Two quotes side by side change nothing about what is inside a string; without them only
    # strings that hold brackets are left to cut out.
    skeleton = skeleton.replace(b'""', b"")
    return b"".join(skeleton.split(b'"')[::2])
