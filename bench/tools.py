"""Are nginx and h2load here, and if not, how do they get here?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DEBIAN_PACKAGES = {"nginx": "nginx-light", "h2load": "nghttp2-client"}


class MissingToolError(RuntimeError):
    """A program of the benchmark is absent and cannot be installed from here."""


def missing_packages() -> tuple[str, ...]:
    """The Debian packages of the programs that are not on the path."""
    return tuple(
        package for program, package in DEBIAN_PACKAGES.items() if shutil.which(program) is None
    )


def ensure_tools() -> None:
    """Install what is missing with apt-get, showing its progress.

    Raises MissingToolError, saying what to type, without the rights or without apt-get.
    """
    if not Path("/proc/self/stat").exists() or shutil.which("taskset") is None:
        raise MissingToolError("The benchmark needs Linux with /proc and taskset (util-linux).")
    packages = missing_packages()
    if not packages:
        return
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise MissingToolError(
            f"The benchmark needs nginx and h2load. Install your system's equivalents of {wanted}."
        )
    if os.geteuid() != 0:
        raise MissingToolError(
            f"The benchmark needs {wanted}. Run: sudo apt-get install -y {wanted}"
        )
    print(f"Installing {wanted} ...", file=sys.stderr)
    _apt_get("update", "-q")
    _apt_get("install", "-y", "--no-install-recommends", *packages)
    if "nginx-light" in packages and Path("/run/systemd/system").exists():
        # Debian starts a web server on port 80 with the package; nobody asked for that one.
        subprocess.run(("systemctl", "disable", "--now", "nginx"), check=False)
    if missing_packages():
        raise MissingToolError(f"apt-get installed {wanted}, yet the programs are not on the path.")


def _apt_get(*arguments: str) -> None:
    done = subprocess.run(
        ("apt-get", *arguments),
        stdout=sys.stderr,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        check=False,
    )
    if done.returncode != 0:
        raise MissingToolError(f"apt-get {arguments[0]} ended with code {done.returncode}.")
