"""What does a signal do to a server that has not started yet? End it in good order, at once.

Until the event loop runs, Python would die of SIGTERM without a word and show a traceback for
Ctrl-C. Imports take half a second of that time, so this comes before them and imports little.
"""

import os
import signal
import time
from types import FrameType


def end_on_signals() -> None:
    """End the process with exit code 0 on SIGTERM or SIGINT, until the server takes them over.

    Nothing is open and no answer runs, so there is nothing to drain: it is what the first signal
    means to a server that runs.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    """Say so in the server's log, and end without unwinding imports that are half done."""
    now_s = time.time()
    when = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now_s))}.{int(now_s % 1 * 1000):03d}Z"
    name = signal.Signals(number).name
    line = f'{{"time":"{when}","event":"signal","name":"{name}","count":1}}\n'
    try:
        os.write(2, line.encode())
    finally:
        # A log that nobody reads does not keep the process.
        os._exit(0)
