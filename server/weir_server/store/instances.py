"""Which processes write these books, and which of them are gone? A lock of each tells.

The kernel frees a lock when its process ends, however it ends. So a folder whose lock is free
belongs to a process that is gone, and its spool and its reservations are for others to clear up.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

_LOCK: Final = "lock"


class Instance:
    """This process, as the others on the same folder see it. Close it at the end."""

    def __init__(self, folder: Path) -> None:
        """folder: of all instances; this one gets one of its own in it."""
        self._all = folder
        while True:
            self.name: str = secrets.token_hex(8)
            self.folder = folder / self.name
            self.folder.mkdir(parents=True, mode=0o700)
            try:
                self._lock = _locked(self.folder)
            except FileNotFoundError:
                # Another process took it for one that is gone before it was locked.
                continue
            if self._lock is not None:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say that this process is gone. What its spool holds is for the next one."""
        if self._lock is None:
            return
        if not list(self.folder.glob("spool-*")):
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)
        self._lock = None

    def is_alive(self, name: str) -> bool:
        """Say whether a process of this folder still runs."""
        if name == self.name:
            return True
        try:
            lock = _locked(self._all / name, make=False)
        except FileNotFoundError:
            return False
        if lock is None:
            return True
        os.close(lock)
        return False

    @contextmanager
    def gone(self) -> Iterator[list[Path]]:
        """Hold the folders of processes that are gone, so that no other clears them up too."""
        locks: list[int] = []
        folders: list[Path] = []
        try:
            for path in sorted(self._all.iterdir()):
                if path.name == self.name or not path.is_dir():
                    continue
                try:
                    lock = _locked(path)
                except FileNotFoundError:
                    continue
                if lock is not None:
                    locks.append(lock)
                    folders.append(path)
            yield folders
        finally:
            for lock in locks:
                os.close(lock)


def _locked(folder: Path, *, make: bool = True) -> int | None:
    """Take a folder's lock, or return None where its process holds it."""
    flags = os.O_RDWR | (os.O_CREAT if make else 0)
    file = os.open(folder / _LOCK, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
