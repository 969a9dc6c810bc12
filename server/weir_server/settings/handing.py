"""How do settings go from one process to another? As text, with the secrets in it."""

import json
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from weir_server.settings.tree import Settings


def to_text(settings: Settings) -> str:
    """Return all that was set, as one line. It holds the secrets: for pipes, not for files."""
    # What was not set stays so: a key that is set is refused where its kind would ignore it.
    return json.dumps(settings.model_dump(exclude_unset=True), default=_open)


def of_text(text: str) -> Settings:
    """Return the settings of `to_text`."""
    # Not model_validate_json: a path may have bytes that are no text, which that refuses.
    return Settings.model_validate(json.loads(text))


def _open(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path | Decimal):
        return str(value)  # of which the same path, and all digits, are read again
    raise TypeError(f"settings hold a {type(value).__name__}, which has no text")
