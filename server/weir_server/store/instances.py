"""Which processes write these books, and which of them are gone? A lock of each tells.

The kernel frees a lock when its process ends, however it ends. So a folder whose lock is free
belongs to a process that is gone, and its spool and its reservations are for others to clear up.
What a spool says concerns the calls of its own process alone, and it never leaves the folder: who
holds a folder's lock and finds no spool in it knows that nothing is known of its open calls.
"""

import fcntl
import os
import secrets
import shutil
import threading
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
        self._held: dict[Path, int] = {}
        """Folders of processes that are gone, and their locks."""
        self._mutex = threading.Lock()
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
        with self._mutex:
            if self._lock is None:
                return
            if not has_spool(self.folder):
                shutil.rmtree(self.folder, ignore_errors=True)
            for lock in (self._lock, *self._held.values()):
                os.close(lock)
            self._lock = None
            self._held.clear()

    def here(self) -> set[str]:
        """Return whose folders are here: processes that run, or whose end is not yet dealt with."""
        return {path.name for path in self._all.iterdir()}

    @contextmanager
    def gone(self) -> Iterator[list[Path]]:
        """Hold the folders of processes that are gone, so that no other clears them up too.

        A folder with a spool in it is held for longer, until a later `gone` finds the spool booked:
        to others its process runs until then, for they cannot know how its calls have ended.
        """
        try:
            yield self._take()
        finally:
            self._let_go()

    def _take(self) -> list[Path]:
        with self._mutex:
            if self._lock is None:
                return []
            for path in self._all.iterdir():
                if path.name == self.name or path in self._held or not path.is_dir():
                    continue
                try:
                    lock = _locked(path)
                except FileNotFoundError:
                    continue
                if lock is not None:
                    self._held[path] = lock
            return sorted(self._held)

    def _let_go(self) -> None:
        with self._mutex:
            for path in [path for path in self._held if not has_spool(path)]:
                os.close(self._held.pop(path))


def has_spool(folder: Path) -> bool:
    """Say whether there is something in a process's folder that is not booked."""
    return any(folder.glob("spool-*"))


def _locked(folder: Path) -> int | None:
    """Take a folder's lock, or return None where its process holds it."""
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
