"""Who writes the spool? A thread of its own: the writer may just be waiting for the database."""

import threading
from collections.abc import Callable, Sequence

from weir_server.store.mailbox import Mailbox
from weir_server.store.operations import Operation
from weir_server.store.spool import Spool, SpoolFull
from weir_server.telemetry.log import Log

Done = Callable[[Sequence[Operation], bool], None]
"""Hears of operations whether they are in the spool, in the spooler's thread."""


class Spooler:
    """The thread that writes the spool, several records with one sync."""

    def __init__(self, spool: Spool, done: Done, *, log: Log) -> None:
        self._spool = spool
        self._done = done
        self._log = log
        self._mailbox: Mailbox[Operation] = Mailbox()
        self._closing = False
        self._is_full = False
        self._thread = threading.Thread(target=self._run, name="weir-spool", daemon=True)
        self.spooled = 0

    def start(self) -> None:
        """Begin to take work."""
        self._thread.start()

    def post(self, operation: Operation) -> None:
        """Hand over one operation."""
        self._mailbox.post(operation)

    def close(self) -> None:
        """Write what was posted and end. Blocks."""
        self._closing = True
        self._mailbox.nudge()
        self._thread.join()

    def _run(self) -> None:
        while not (self._closing and not len(self._mailbox)):
            batch = self._mailbox.take(None)
            if batch:
                self._done(batch, self._add(batch))

    def _add(self, batch: Sequence[Operation]) -> bool:
        try:
            self._spool.add([operation.record() for operation in batch])
        except SpoolFull:
            if not self._is_full:
                self._log.event("ledger_spool_full", held_bytes=self._spool.held_bytes)
            self._is_full = True
            return False
        except OSError as failure:
            self._log.fault("ledger_spool_fault", failure)
            return False
        self._is_full = False
        self.spooled += len(batch)
        return True
