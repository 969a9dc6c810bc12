"""How is the journal read from outside the process? One JSON object a line, as an attempt ends.

Times are seconds since the file was opened, just before the fake upstream listens. No key is in it:
a credential is the first eight digits of its SHA-256, so that two lines still tell whether it is
the same.
"""

import hashlib
import json
import time
from typing import TextIO

from weir_server.fake_upstream.journal import Attempt


def row(attempt: Attempt, began_at: float) -> dict[str, object]:
    """Return what is told of an attempt that ended.

    `client_closed_s` is null where the client had not closed when the attempt ended.
    """
    return {
        "number": attempt.number,
        "connection": attempt.connection.number,
        "started_s": _since(attempt.started_at, began_at),
        "first_byte_s": _since(attempt.first_byte_at, began_at),
        "finished_s": _since(attempt.finished_at, began_at),
        "client_closed_s": _since(attempt.client_closed_at, began_at),
        "method": attempt.method,
        "path": attempt.path,
        "model": attempt.model,
        "stream": attempt.is_stream,
        "credential": _short_hash(attempt.credential),
        "rule": attempt.rule,
        "status": attempt.status,
        "bytes_sent": attempt.bytes_sent,
        "outcome": attempt.outcome.value,
    }


class JournalFile:
    """Writes a line as each attempt ends; hand `write` to the journal as `on_finished`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._began_at = time.monotonic()

    def write(self, attempt: Attempt) -> None:
        """Write the line, at once."""
        self._file.write(json.dumps(row(attempt, self._began_at)) + "\n")
        self._file.flush()


def _since(at: float | None, began_at: float) -> float | None:
    return None if at is None else round(at - began_at, 6)


def _short_hash(credential: str | None) -> str | None:
    if credential is None:
        return None
    return hashlib.sha256(credential.encode()).hexdigest()[:8]
