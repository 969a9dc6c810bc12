"""Where does the next page begin? After the last row of this one, as an opaque text says."""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.errors import PageTokenInvalid

DEFAULT_SIZE = 100
MAX_SIZE = 1000
_FOREIGN = "Give back the next_page_token of the answer before, with the same question."


def size_of(page_size: int) -> int:
    """Return how many rows a page has, for the `page_size` that was asked for."""
    return min(page_size, MAX_SIZE) if page_size > 0 else DEFAULT_SIZE


def token_of(last: Sequence[str | int]) -> str:
    """Return the token for what comes after a row, by what rows are ordered by."""
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).decode().rstrip("=")


def after(token: str, types: Sequence[type]) -> list[str | int] | None:
    """Return what a token stands for; None: the beginning.

    types: of what rows are ordered by. Raises PageTokenInvalid for a token that Weir never gave.
    """
    if not token:
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        values: object = msgspec.json.decode(raw)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(types):
        violation = FieldViolation(field="page_token", rule="PAGE_TOKEN", description=_FOREIGN)
        raise PageTokenInvalid(violations=[violation])
    return values
