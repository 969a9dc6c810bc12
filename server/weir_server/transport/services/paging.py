"""How does a list go on where its last page ended? By a token that fits this question alone."""

import base64
import binascii
import hashlib

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.errors import PageTokenInvalid


def make_token(position: str, question: str) -> str:
    """Make a page token: where to go on, bound to the question that was asked."""
    return base64.urlsafe_b64encode(f"{_digest(question)}:{position}".encode()).decode()


def read_token(token: str, question: str) -> str:
    """Return where to go on; empty: from the beginning. Raises PageTokenInvalid."""
    if not token:
        return ""
    try:
        digest, _, position = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError) as failure:
        raise bad_token() from failure
    if digest != _digest(question):
        raise bad_token()
    return position


def bad_token() -> PageTokenInvalid:
    """Return what is said of a token that is none of this list's."""
    description = "Give back the next_page_token of the answer before, with the same filter."
    violation = FieldViolation(field="page_token", rule="PAGE_TOKEN", description=description)
    return PageTokenInvalid(violations=[violation])


def _digest(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:8]
