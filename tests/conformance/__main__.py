"""Run the kit by hand: `python -m tests.conformance [--client NAME] [--only TEXT]`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.conformance.kit import run
from tests.conformance.languages import clients, unready
from tests.conformance.serving import conformance_server


def say(line: str) -> None:
    """Print a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
parser.add_argument("--client", action="append", help="one of them; without it: all that are built")
parser.add_argument("--only", default="", help="scenarios whose name has this text")
asked = parser.parse_args()

bad = 0
with tempfile.TemporaryDirectory() as folder, conformance_server(Path(folder)) as served:
    for client in clients():
        if asked.client and client.name not in asked.client:
            continue
        if why := unready(client):
            say(f"left out: {why}")
            continue
        began_at_s = time.monotonic()
        outcome = run(client, served, lambda name: asked.only in name)
        lasted_s = time.monotonic() - began_at_s
        bad += len(outcome.failed)
        passed = len(outcome.complaints) - len(outcome.failed)
        say(f"{client.name}: {passed} of {len(outcome.complaints)} pass, {lasted_s:.1f} s")
        for name, told in outcome.failed.items():
            say(f"  {name}: " + "; ".join(told))
sys.exit(bool(bad))
