"""What did the server see? One JSON object a line, for each RPC as it ends.

    {"call": "…", "scenario": "group/name", "attempt": 1, "method": "…", "port": "plain",
     "metadata": [["name", "value"], …], "time_remaining_ms": 5000, "golden_request": true,
     "began_ms": 12.1, "lasted_ms": 3.4, "messages_sent": 5, "longest_send_ms": 0.2,
     "outcome": "completed", "code": 0}

call: what the call said in `weir-conformance-call`. attempt: from 1, of the same call and scenario.
time_remaining_ms: until the caller's deadline, as the call began; null: it set none.
golden_request: whether the request was the scenario's. began_ms: since the server started.
longest_send_ms: how long the slowest reader's message waited. outcome: completed, failed (with a
status of the script), cancelled (the caller left) or deadline (its time was over). Metadata of
bytes is base64.
"""

import base64
import json
import time
from dataclasses import dataclass
from typing import TextIO

from weir_server.transport.exchange import Metadata


@dataclass(slots=True, kw_only=True)
class Entry:
    """One RPC; what is not known yet has its default."""

    call: str
    scenario: str
    attempt: int
    method: str
    port: str
    metadata: Metadata
    time_remaining_s: float | None
    began_at_s: float
    """On time.monotonic, like all moments here."""
    golden_request: bool = False
    messages_sent: int = 0
    longest_send_s: float = 0.0
    outcome: str = "completed"
    code: int = 0


class Journal:
    """Writes a line as each RPC ends."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._started_at_s = time.monotonic()

    def write(self, entry: Entry) -> None:
        """Write the line, at once."""
        ended_at_s = time.monotonic()
        remaining_s = entry.time_remaining_s
        row = {
            "call": entry.call,
            "scenario": entry.scenario,
            "attempt": entry.attempt,
            "method": entry.method,
            "port": entry.port,
            "metadata": [[name, _text(value)] for name, value in entry.metadata],
            "time_remaining_ms": None if remaining_s is None else _ms(remaining_s),
            "golden_request": entry.golden_request,
            "began_ms": _ms(entry.began_at_s - self._started_at_s),
            "lasted_ms": _ms(ended_at_s - entry.began_at_s),
            "messages_sent": entry.messages_sent,
            "longest_send_ms": _ms(entry.longest_send_s),
            "outcome": entry.outcome,
            "code": entry.code,
        }
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
