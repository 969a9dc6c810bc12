"""On what machine, with which versions, were the figures taken?"""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("weir-server", "grpcio", "protobuf", "aiohttp", "uvloop", "msgspec")


def environment() -> dict[str, str]:
    """Facts that a reader needs before comparing two tables; absent packages say so."""
    facts = {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load average": f"{os.getloadavg()[0]:.2f}",
        "commit": _last_word("git", "rev-parse", "--short", "HEAD"),
        "h2load": _last_word("h2load", "--version"),
        "nginx": _last_word("nginx", "-v"),
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "absent"
    return facts


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _last_word(*command: str) -> str:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        )
    except FileNotFoundError:
        return "absent"
    return done.stdout.split()[-1] if done.returncode == 0 and done.stdout else "unknown"
