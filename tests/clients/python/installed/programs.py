"""How does a test run a program on the wheel as it is installed, with versions of a choice?"""

import asyncio
import os
import textwrap
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
ENVIRONMENTS = ROOT / ".venv-client"


def python_of(environment: str) -> Path:
    """The interpreter of an environment; leaves the test out where it was not made.

    In CI nothing is left out.
    """
    python = ENVIRONMENTS / environment / "bin" / "python"
    if not python.exists():
        why = f"there is no environment {environment}; run: scripts/client-envs"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return python


@asynccontextmanager
async def running(
    environment: str, *arguments: str, folder: Path, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command of an environment's Python in a folder, until the block ends.

    Nothing of the checkout is on its path, so that it meets the wheel alone.
    """
    process = await asyncio.create_subprocess_exec(
        str(python_of(environment)),
        "-W",
        "error",
        *arguments,
        cwd=folder,
        env=_clean(os.environ) | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def printed(
    environment: str, program: str, *arguments: str, folder: Path, limit_s: float = 30
) -> list[str]:
    """What a program prints, line by line; it must end well, and say nothing else."""
    text = textwrap.dedent(program)
    async with (
        running(environment, "-c", text, *arguments, folder=folder) as process,
        asyncio.timeout(limit_s),
    ):
        said, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    return said.decode().splitlines()


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("PYTHON", "GRPC_")) and name != "VIRTUAL_ENV"
    }
    return kept | {"GRPC_VERBOSITY": "ERROR"}
