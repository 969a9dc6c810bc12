"""By which id is a tool call told? Its own, or one that the vendor takes, the same each time."""

import hashlib

from weir_server.providers.wire.openai.quirks import Quirks

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def call_id(call_id: str, quirks: Quirks) -> str:
    """Return the id itself, or letters and digits made of it where the vendor wants so many.

    A call and its result have the same id, so both are told by the same one, in every turn.
    """
    chars = quirks.call_id_chars
    if not chars or (len(call_id) == chars and call_id.isascii() and call_id.isalnum()):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode()).digest())
    made = []
    for _ in range(chars):
        number, digit = divmod(number, len(_DIGITS))
        made.append(_DIGITS[digit])
    return "".join(made)
