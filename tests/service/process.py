"""How does a test measure a server honestly? As `weir serve` in a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import psutil

from tests.service.asking import until
from weir.v1.model_service_pb2_grpc import ModelServiceStub
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub

READY_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Served:
    """A server in a process of its own, and a channel to it."""

    process: asyncio.subprocess.Process
    address: str
    channel: grpc.aio.Channel
    log_file: Path

    @property
    def llm(self) -> Any:
        return LLMProviderServiceStub(self.channel)

    @property
    def models(self) -> Any:
        return ModelServiceStub(self.channel)

    @property
    def rss_bytes(self) -> int:
        """What the process has in memory now."""
        resident: int = psutil.Process(self.process.pid).memory_info().rss
        return resident

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """What it logged; the last line may still be on its way."""
        whole = self.log_file.read_bytes().rpartition(b"\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if line["event"] == event]


@asynccontextmanager
async def serving_process(
    folder: Path, tree: Mapping[str, Any], **server: Any
) -> AsyncIterator[Served]:
    """Run `weir serve` on a free loopback port; leaving the block ends it.

    server: settings of the `server` branch. A machine that stops the process for a moment is no
    loop that is blocked, unless `tree` says otherwise.
    """
    config, ready, log = folder / "weir.yaml", folder / "ready", folder / "log"
    branch = {"listen": "127.0.0.1:0", **tree.get("server", {}), **server}
    admission = {"lag_limit_s": 10.0, **tree.get("admission", {})}
    config.write_text(json.dumps({**tree, "server": branch, "admission": admission}))
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "weir_server.cli", "serve", "--config", str(config)),
            *("--ready-file", str(ready)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=said,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        )
    try:
        await until(
            lambda: ready.exists() or process.returncode is not None, timeout_s=READY_TIMEOUT_S
        )
        assert process.returncode is None, log.read_text()
        address = ready.read_text().strip()
        async with grpc.aio.insecure_channel(address) as channel:
            yield Served(process=process, address=address, channel=channel, log_file=log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
