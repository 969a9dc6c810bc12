"""A real Redis of a test's own, on a socket in its folder."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

STARTS_WITHIN_S = 10.0


class RedisServer:
    """One server process, which a test may pause."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path) -> None:
        self.process = process
        self.url = f"unix://{socket}"

    def pause(self) -> None:
        """Let it answer nobody, while connections to it still open."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Run a Redis that keeps nothing; where there is none the test is left out, but for CI."""
    program = shutil.which("redis-server")
    if program is None:
        what = "Redis is not installed: `make test-services` installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(what)
        pytest.skip(what)
    socket = folder / "redis.sock"
    options = f"--port 0 --unixsocket {socket} --save '' --appendonly no --dir {folder}".split()
    process = subprocess.Popen(
        [program, *(option.strip("'") for option in options)], stdout=subprocess.DEVNULL
    )
    server = RedisServer(process, socket)
    try:
        give_up_s = time.monotonic() + STARTS_WITHIN_S
        while not socket.exists():
            assert process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < give_up_s, "redis-server does not start"
            time.sleep(0.005)
        yield server
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
