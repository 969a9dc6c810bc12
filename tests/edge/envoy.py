"""How does a test run a recipe of `deploy/envoy`? The file as it is, but for its ports."""

import asyncio
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.service.asking import until
from tests.services.process import free_port

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "deploy/envoy"
WEIRS = (50051, 50052, 50053)
"""The ports at which the recipes look for Weir."""
READY_TIMEOUT_S = 30.0


def binary() -> Path | None:
    """The program that the lock file names, or the system's, or None."""
    beside = Path(sys.executable).parent / "envoy"
    found = shutil.which("envoy")
    return beside if beside.exists() else Path(found) if found else None


def recipe(name: str) -> str:
    """The text of a recipe."""
    return (RECIPES / name).read_text(encoding="utf-8")


def listener_port(text: str) -> int:
    """The port that a recipe listens on: the first it names."""
    found = re.search(r"port_value: (\d+)", text)
    assert found is not None
    return int(found[1])


def at_ports(text: str, ports: Mapping[int, int]) -> str:
    """A recipe with other ports; each that it names must be given."""
    return re.sub(r"port_value: (\d+)", lambda found: f"port_value: {ports[int(found[1])]}", text)


@asynccontextmanager
async def envoy(folder: Path, text: str, weirs: Mapping[int, int]) -> AsyncIterator[int]:
    """Run Envoy with a recipe's text; gives the port it listens on.

    weirs: the port of the recipe to that of a running Weir.
    """
    program = binary()
    assert program is not None
    port = free_port()
    config, log = folder / "envoy.yaml", folder / "envoy.log"
    config.write_text(at_ports(text, {listener_port(text): port, **weirs}))
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *(str(program), "--disable-hot-restart", "--log-level", "warning"),
            *("--concurrency", "2", "-c", str(config)),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={"PATH": os.defpath},
        )
    try:
        await until(
            lambda: process.returncode is not None or _listens(port), timeout_s=READY_TIMEOUT_S
        )
        assert process.returncode is None, _last_words(log)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def port_of(address: str) -> int:
    """The port of `host:port`."""
    return int(address.rpartition(":")[2])
