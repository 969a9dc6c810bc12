"""How does a test sit at a terminal? It types, and reads what appears."""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.command import WEIR, environment_of

CTRL_C = "\x03"
CTRL_D = "\x04"
KEY_PAUSE_S = 0.15


class Screen:
    """A program at a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self._unread = ""
        self.seen = ""
        """All that has appeared."""

    def type(self, text: str) -> None:
        """Press these keys, as late as a person does.

        Python misses a Ctrl-C that comes while readline still draws the key before it.
        """
        time.sleep(KEY_PAUSE_S)
        os.write(self._master, text.encode())

    def read_until(self, text: str, timeout_s: float = 20.0) -> str:
        """Return what appears up to and with `text`; fail if it never does."""
        until_s = time.monotonic() + timeout_s
        while text not in self._unread:
            left_s = until_s - time.monotonic()
            assert left_s > 0, f"no {text!r} in {self._unread!r}"
            if select.select([self._master], [], [], left_s)[0]:
                self._take()
        at = self._unread.index(text) + len(text)
        found, self._unread = self._unread[:at], self._unread[at:]
        return found

    def wait(self, timeout_s: float = 20.0) -> int:
        """Return the exit code; what appears until then is in `seen`."""
        until_s = time.monotonic() + timeout_s
        while self.process.poll() is None:
            assert time.monotonic() < until_s, f"still running: {self._unread!r}"
            if select.select([self._master], [], [], 0.05)[0]:
                self._take()
        return self.process.returncode

    def _take(self) -> None:
        try:
            text = os.read(self._master, 65_536).decode(errors="replace")
        except OSError:
            # Linux says EIO when the last program has left the terminal.
            self.process.wait(10)
            return
        self.seen += text
        self._unread += text


@contextmanager
def at_a_terminal(*arguments: str) -> Iterator[Screen]:
    """Run a command at a terminal until the block ends; it is killed if it still runs then."""
    master, slave = pty.openpty()

    def own_the_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        (*WEIR, *arguments),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment_of({"TERM": "xterm"}),
        start_new_session=True,
        # Only a terminal that is the session's own turns Ctrl-C into a signal.
        preexec_fn=own_the_terminal,  # noqa: PLW1509 it only makes one system call
    )
    os.close(slave)
    try:
        yield Screen(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)
