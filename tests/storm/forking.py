"""A warm process that becomes a server as often as it is asked to.

Most of what `weir serve` does before it is ready is done once here: imports, vocabularies, prices.
For each line on its standard input, `CONFIG READY LOG`, it tells the id of a process of its own
that goes on as `weir serve` does. It has one thread and no event loop, so a fork of it is as good
as a new process, and costs a tenth of a second where that costs three.
Run: python -m tests.storm.forking
"""

import os
import signal
import sys
from pathlib import Path

from weir_server import app, cli
from weir_server.accounting.price.published import load_published
from weir_server.accounting.vocabulary import load_vocabularies
from weir_server.cli import serve

IMPORTED = (app, cli)


def become_a_server(config: Path, ready: Path, log: Path) -> None:
    """Serve until the end of this process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    try:
        code = serve.run(config, listen=None, ready_file=ready)
    finally:
        sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Fork for each line."""
    load_vocabularies()
    load_published()
    # Nobody waits for children here: their ends are seen by whoever killed them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become_a_server(*map(Path, line.split()))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
