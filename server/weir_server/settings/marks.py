"""Has a file changed since it was read? What the system says of it, noted before the reading."""

from collections.abc import Mapping
from pathlib import Path

Mark = tuple[int, int, int]
"""When it was changed (ns), how long it is, and which file it is."""
Marks = Mapping[Path, Mark | None]
"""Of each file; None: it could not be found."""


def mark_of(path: Path) -> Mark | None:
    """Return what tells a file from a changed one; links are followed."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def marks_now(marks: Marks) -> Marks:
    """Return the marks of the same files as they are now."""
    return {path: mark_of(path) for path in marks}
