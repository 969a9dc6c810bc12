"""Where is what was to be booked while the database is away? In files that are only added to.

A record is its length, a checksum and what an operation says of itself. What a crash cut off at the
end has no right checksum and counts as never written: nobody was told that it was.
"""

import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import Final

_HEAD: Final = Struct("<II")
_RECORD_MAX_BYTES: Final = 16 * 1024 * 1024


class SpoolFull(Exception):
    """The spool holds as much as it may."""


class Spool:
    """The spool of one process: segments in a folder, the last of which is being written.

    One thread adds, another takes: each method may be called from any.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._file: int | None = None
        self._written = 0
        self._failed = False
        self._adopted: dict[Path, int] = {}
        """Segments of processes that are gone, where those have left them, and their sizes."""
        segments = self._segments()
        self._next = 1 + max((_number(path) for path in segments), default=0)
        self._bytes = sum(path.stat().st_size for path in segments)

    @property
    def held_bytes(self) -> int:
        """How much it holds."""
        return self._bytes

    def add(self, records: Sequence[bytes]) -> None:
        """Write records so that they outlive a loss of power, all or none.

        Raises SpoolFull, OSError. After a sync that failed, nothing can be added until what is
        there was taken: what such a file says proves nothing.
        """
        data = b"".join(
            part
            for record in records
            for part in (_HEAD.pack(len(record), zlib.crc32(record)), record)
        )
        with self._lock:
            if self._failed or self._bytes + len(data) > self._max_bytes:
                raise SpoolFull
            file = self._file if self._file is not None else self._begin()
            try:
                self._write(file, data)
            except OSError:
                # A part of it may be there: cut it off, or the next record would be unreadable.
                os.ftruncate(file, self._written)
                raise
            try:
                os.fdatasync(file)
            except OSError:
                # Those who wait for these records are refused: they are not to come back.
                self._failed = True
                os.ftruncate(file, self._written)
                raise
            self._written += len(data)
            self._bytes += len(data)

    def _begin(self) -> int:
        path = self._folder / f"spool-{self._next:08d}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file, self._written, self._next = file, 0, self._next + 1
        _sync_folder(self._folder)
        return file

    def _write(self, file: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]

    def adopt(self, folder: Path) -> None:
        """Take over the segments of a process that is gone, once, however often it is asked.

        They stay where they are: if this process dies too, the next one finds them there.
        """
        with self._lock:
            for path in sorted(folder.glob("spool-*")):
                if path not in self._adopted:
                    self._adopted[path] = path.stat().st_size
                    self._bytes += self._adopted[path]

    def seal(self) -> list[Path]:
        """End the segment that is being written; return all, adopted ones first, then by age."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
            return [*self._adopted, *self._segments()]

    def remove(self, segment: Path) -> None:
        """Forget a segment, once all of it is booked."""
        with self._lock:
            size = self._adopted.pop(segment, None)
            self._bytes -= segment.stat().st_size if size is None else size
            segment.unlink()
            if not self._segments():
                self._failed = False

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("spool-*"))


def records(segment: Path) -> Iterator[bytes]:
    """Read the records of a segment, up to its end or to what a crash has cut off."""
    with segment.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            size, checksum = _HEAD.unpack(head)
            if size > _RECORD_MAX_BYTES:
                return
            record = file.read(size)
            if len(record) < size or zlib.crc32(record) != checksum:
                return
            yield record


def _number(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
