"""Run the kit by hand: `python -m tests.conformance [--client NAME] [--only TEXT] [--write]`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.conformance import matrix
from tests.conformance.kit import Outcome, golden, run
from tests.conformance.languages import clients, unready
from tests.conformance.serving import conformance_server


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for, print what failed, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--client", action="append", help="one of them; without it: all")
    parser.add_argument("--only", default="", help="scenarios whose name has this text")
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md")
    asked = parser.parse_args(arguments)
    if asked.write and (asked.client or asked.only):
        parser.error("--write needs all clients and all scenarios: leave the others out")
    outcomes: list[Outcome] = []
    left_out = False
    with tempfile.TemporaryDirectory() as folder, conformance_server(Path(folder)) as served:
        for client in clients():
            if asked.client and client.name not in asked.client:
                continue
            if why := unready(client):
                left_out = True
                _say(f"left out: {why}")
                continue
            began_at_s = time.monotonic()
            outcome = run(client, served, lambda name: asked.only in name)
            _tell(outcome, time.monotonic() - began_at_s)
            outcomes.append(outcome)
    if asked.write:
        if left_out:
            _say("the page was not written: build every client first")
            return 1
        promises = {name: fields["promise"] for name, fields in golden().items()}
        matrix.PAGE.write_text(matrix.page(outcomes, promises), encoding="utf-8")
        _say(f"written: {matrix.PAGE.name}")
    return int(any(outcome.failed for outcome in outcomes))


def _tell(outcome: Outcome, lasted_s: float) -> None:
    _say(f"{matrix.summary([outcome])[0]}; {lasted_s:.1f} s")
    for name, told in outcome.failed.items():
        _say(f"  {name}: " + "; ".join(told))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
