"""Is a server started where it should be, and is all its CPU time seen?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.procs import GoneError, StartError, cpu_s, free_port, process_tree, rss_bytes, serve

LISTEN = "import socket,sys; s=socket.create_server(('127.0.0.1',int(sys.argv[1])))"
# Burns CPU in a thread that then ends, and in a child; says what it used, and stays.
BURN = """
import subprocess, sys, threading, time
def burn():
    while time.thread_time() < 0.2: pass
thread = threading.Thread(target=burn); thread.start(); thread.join()
child = subprocess.Popen([sys.executable, "-c", '''
import sys, time
while time.process_time() < 0.2: pass
print(time.process_time(), flush=True); sys.stdin.read()'''],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
used = float(child.stdout.readline())
print(used + time.process_time(), child.pid, flush=True)
sys.stdin.read()
"""


def test_server_runs_on_its_core_until_the_block_ends(tmp_path: Path) -> None:
    """It is pinned, it listens on entry, it is gone afterwards."""
    core = min(os.sched_getaffinity(0))
    port = free_port()
    with serve(
        name="listener",
        command=(sys.executable, "-c", f"{LISTEN}; [s.accept() for _ in range(9)]", str(port)),
        port=port,
        core=core,
        log=tmp_path / "log",
    ) as served:
        assert os.sched_getaffinity(served.pid) == {core}
        assert rss_bytes(served.pid) > 2**20
    with pytest.raises(GoneError):
        cpu_s(served.pid)


def test_server_that_ends_early_says_why(tmp_path: Path) -> None:
    """The message holds the exit code and the last words of the log."""
    with (
        pytest.raises(StartError, match=r"(?s)code 3.*no such key"),
        serve(
            name="broken",
            command=(sys.executable, "-c", "print('no such key'); raise SystemExit(3)"),
            port=free_port(),
            core=min(os.sched_getaffinity(0)),
            log=tmp_path / "log",
        ),
    ):
        raise AssertionError("the block must not be entered")


def test_cpu_of_ended_threads_and_of_children_is_counted() -> None:
    """The sum holds at least what the processes themselves say they used."""
    with subprocess.Popen(
        (sys.executable, "-c", BURN), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        used, child = process.stdout.readline().split()
        assert set(process_tree(process.pid)) == {process.pid, int(child)}
        assert cpu_s(process.pid) >= float(used) >= 0.4
        process.communicate()
