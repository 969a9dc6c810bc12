"""Which clients are there? One script in scripts/clients for each language, if it is built."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts/clients"
START_TIMEOUT_S = 60.0
VARIANTS = {"python": {"python": (), "python-asyncio": ("asyncio",)}}
"""Languages with more than one client: column, and what its driver is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A column of the matrix."""

    name: str
    script: Path
    arguments: Sequence[str] = ()

    @property
    def driver(self) -> Sequence[str]:
        """The command of its driver."""
        return (str(self.script), "driver", *self.arguments)


def clients(scripts: Path = SCRIPTS) -> list[Client]:
    """Return every client that has a script, by name; WEIR_CLIENTS takes some of the scripts.

    A script whose name is no single word is a tool, not a language.
    """
    wanted = os.environ.get("WEIR_CLIENTS", "").split()
    return [
        Client(name=name, script=script, arguments=arguments)
        for script in sorted(scripts.iterdir())
        if script.name.isalpha() and script.is_file() and os.access(script, os.X_OK)
        if not wanted or script.name in wanted
        for name, arguments in VARIANTS.get(script.name, {script.name: ()}).items()
    ]


def unready(client: Client) -> str:
    """Return why a client cannot be run now, and what to do; "" if it can.

    The driver of a client that is not built says so itself and fails.
    """
    if shutil.which("bash") is None:
        return f"{client.name}: bash is needed to run {client.script.name}"
    try:
        done = subprocess.run(
            client.driver,
            input="",
            capture_output=True,
            text=True,
            check=False,
            timeout=START_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"{client.name}: its driver does not end with its input; see docs/conformance.md"
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()
    why = said[-1] if said else f"exit code {done.returncode}"
    return f"{client.name} is not built ({why}): scripts/clients/{client.script.name} build"
