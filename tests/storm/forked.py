"""How does a test get a new server every half second? It forks them; see `forking`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio

from tests.service.asking import until
from weir.admin.v1.usage_admin_service_pb2_grpc import UsageAdminServiceStub
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub

READY_TIMEOUT_S = 30.0
ROOT = Path(__file__).parents[2]
_CHANNEL = (("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1))
"""A call is made once, and a new server is not taken for one that was on its port before."""


@dataclass(frozen=True)
class Forked:
    """A server in a process of its own, and a channel to it."""

    pid: int
    channel: grpc.aio.Channel
    log_file: Path

    @property
    def llm(self) -> Any:
        return LLMProviderServiceStub(self.channel)

    @property
    def usage_admin(self) -> Any:
        return UsageAdminServiceStub(self.channel)

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """What it and those before it on the same file logged."""
        whole = self.log_file.read_bytes().rpartition(b"\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if line["event"] == event]


def is_gone(pid: int) -> bool:
    """Say whether a process has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def end(pid: int) -> None:
    """Kill a process, if it still runs, and wait until it is gone."""
    if not is_gone(pid):
        os.kill(pid, signal.SIGKILL)
        await until(lambda: is_gone(pid), every_s=0.002)


class Forker:
    """Starts servers, one at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._count = 0

    @asynccontextmanager
    async def serving(
        self, folder: Path, tree: Mapping[str, Any], **server: Any
    ) -> AsyncIterator[Forked]:
        """Run a server whose data directory is `folder`; leaving the block kills it.

        server: settings of the `server` branch. A machine that stops the process for a moment is
        no loop that is blocked.
        """
        self._count += 1
        config, ready = folder / f"weir-{self._count}.json", folder / f"ready-{self._count}"
        branch = {"listen": "127.0.0.1:0", "data_dir": str(folder), "access_log": False, **server}
        _write(config, {**tree, "server": branch, "admission": {"lag_limit_s": 10.0}})
        pid = await asyncio.to_thread(self._fork, config, ready, folder / "log")
        log = folder / "log"
        try:
            await until(lambda: ready.exists() or is_gone(pid), timeout_s=READY_TIMEOUT_S)
            assert ready.exists(), log.read_text()
            address = ready.read_text().strip()
            async with grpc.aio.insecure_channel(address, options=_CHANNEL) as channel:
                yield Forked(pid=pid, channel=channel, log_file=log)
        finally:
            await end(pid)

    def _fork(self, *paths: Path) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, paths)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _write(config: Path, tree: Mapping[str, Any]) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps(tree))


@contextmanager
def forker() -> Iterator[Forker]:
    """Begin to warm up; leaving the block ends what forks, after all servers of it."""
    command = [sys.executable, "-m", "tests.storm.forking"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield Forker(process)
        process.kill()
