"""How is a process started on its core, and what has it used since?"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CPUCLOCK_SCHED = 2
STOP_PATIENCE_S = 20.0


class StartError(RuntimeError):
    """A process of the benchmark ended, or did not open its port, before it was ready."""


class GoneError(RuntimeError):
    """A server ended while it was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server: its process, its port, and where its standard error goes."""

    name: str
    pid: int
    port: int
    log: Path


def free_port() -> int:
    """A loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serve(
    *,
    name: str,
    command: Sequence[str],
    port: int,
    core: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    start_timeout_s: float = 30.0,
) -> Iterator[Served]:
    """Run `command` pinned to `core` until the block ends; enter once `port` accepts.

    Raises StartError, with the last lines of its log, if it never does.
    """
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    try:
        _await_port(name, process, port, log, start_timeout_s)
        yield Served(name=name, pid=process.pid, port=port, log=log)
    finally:
        _stop(process)


def process_tree(pid: int) -> tuple[int, ...]:
    """`pid` and its living descendants: a supervisor's workers count as one server."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in task.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return tuple(found)


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, of every thread the process tree has had.

    Read from each process's own CPU clock, which the kernel keeps in nanoseconds and which
    also holds threads that have ended; /proc/<pid>/stat shows the same sum in 10 ms ticks.
    A descendant that has ended is not in the sum, so a server must not fork while measured.
    """
    try:
        return sum(
            time.clock_gettime((~member << 3) | CPUCLOCK_SCHED) for member in process_tree(pid)
        )
    except OSError as error:
        raise GoneError(f"process {pid} or a child of it ended while it was measured") from error


def rss_bytes(pid: int) -> int:
    """Resident memory of the process tree; pages shared between processes count in each."""
    total = 0
    for member in process_tree(pid):
        try:
            status = Path(f"/proc/{member}/status").read_text()
        except OSError as error:
            raise GoneError(f"process {member} ended while it was measured") from error
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def tail(log: Path, lines: int = 15) -> str:
    """The last `lines` lines of a log, for a message about what went wrong."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _await_port(
    name: str, process: subprocess.Popen[bytes], port: int, log: Path, timeout_s: float
) -> None:
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise StartError(
                f"{name} ended with code {process.returncode} before it listened:\n{tail(log)}"
            )
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise StartError(f"{name} did not listen on port {port} in {timeout_s:g} s:\n{tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
