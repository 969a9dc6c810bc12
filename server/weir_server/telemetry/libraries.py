"""What becomes of what libraries log? An event like any other, without their words.

Unless somebody takes it, Python writes it to the terminal as plain text with the exception's own,
in the middle of lines of JSON, and an exception's text may quote a prompt or a key.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import override

from weir_server.telemetry.log import Log


@contextmanager
def libraries_tell(log: Log) -> Iterator[None]:
    """Take what libraries warn of, in this process, until the block ends."""
    handler = _Handler(log)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Say which library, and what happened where; never what it says of it."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._log.fault("library_fault", error, library=record.name)
        else:
            where = f"{record.pathname}:{record.lineno}"
            self._log.event(
                "library_warning", library=record.name, level=record.levelname, where=where
            )
