"""What does it take to run a server for tests? A free port, another user, and an end by its id."""

import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

UNPRIVILEGED = ("postgres", "nobody")
"""Who servers run as where the tests run as root, the first that the machine knows."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def owner() -> str | None:
    """The user that servers run as; None: the one that runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def give(folder: Path) -> None:
    """Make a folder belong to whom servers run as."""
    if (user := owner()) is not None:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def _as_owner() -> list[str]:
    """What runs a command as the owner. A process that has to do that itself has to be forked, of
    which gRPC's threads know nothing good: a test may start a server in the middle of calls.
    """
    return [] if (user := owner()) is None else ["setpriv", f"--reuid={user}"]


class ServerProcess:
    """One server, started in the foreground and ended by its process id."""

    def __init__(self, command: list[str], *, folder: Path, environment: Mapping[str, str]) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, is_ready: Callable[[], bool]) -> None:
        """Start it and wait until it answers. Raises RuntimeError with what it said."""
        log = self._folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_as_owner(), *self._command],
                cwd=self._folder,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until_s = time.monotonic() + 30
        while time.monotonic() < until_s and self._process.poll() is None:
            if is_ready():
                return
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        raise RuntimeError(log.read_text(errors="replace")[-2000:])

    def stop(self, how: signal.Signals) -> None:
        """End it and wait until it is gone."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Let it hang, connections and all."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the server and to the processes that it has started."""
        server = psutil.Process(self.pid)
        server.send_signal(number)  # first: it starts no more of them
        for child in server.children(recursive=True):
            try:
                child.send_signal(number)
            except psutil.NoSuchProcess:
                continue  # its connection has just ended
