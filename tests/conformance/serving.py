"""Where are the scenarios served in this run? By `weir conformance-server`, as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.golden.files import FOLDER

STOP_TIMEOUT_S = 10.0
SETTLE_S = 3.0
"""How long an RPC may take to end after its client is done with it."""
_COMMAND = (sys.executable, "-m", "weir_server.cli", "conformance-server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The server's ports and certificates, and what it has seen."""

    ports: Mapping[str, int]
    certificates: Mapping[str, str]
    journal: Path

    def rows(self) -> list[dict[str, Any]]:
        """Return the lines of the journal so far."""
        return [json.loads(line) for line in self.journal.read_text().splitlines()]

    def rows_of(self, call: str, *, at_least: int) -> Sequence[Mapping[str, Any]]:
        """Return a call's attempts, after a while if there are fewer than expected."""
        until_s = time.monotonic() + SETTLE_S
        while True:
            found = [row for row in self.rows() if row["call"] == call]
            if len(found) >= at_least or time.monotonic() > until_s:
                return found
            time.sleep(0.05)


@contextmanager
def conformance_server(folder: Path, scenarios: Path = FOLDER) -> Iterator[Served]:
    """Serve golden files until the block ends; the journal goes into `folder`."""
    journal = folder / "journal.jsonl"
    command = [*_COMMAND, "--scenarios", str(scenarios), "--journal", str(journal)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={"GRPC_VERBOSITY": "NONE", **os.environ},
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server ended with code {process.wait()}; see above")
            opened = json.loads(line)
            certificates = opened.pop("certificates")
            yield Served(ports=opened, certificates=certificates, journal=journal)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
