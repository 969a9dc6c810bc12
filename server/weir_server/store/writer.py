"""Who writes the books? One thread: what came while it was writing goes into one transaction.

A sync costs milliseconds whatever it syncs, so calls share them. When the database does not answer,
what was taken is handed back to the event loop, which has a spool; when it is there again, the
thread books the spool before it says so.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from weir_server.core.clock import Clock
from weir_server.core.errors import InternalError, WeirError
from weir_server.store.booking import Booked, Reached, book
from weir_server.store.mailbox import Mailbox
from weir_server.store.operations import Operation
from weir_server.store.session import (
    Conflict,
    Session,
    StoreAway,
    StoreBroken,
    Unbookable,
)
from weir_server.store.spool import Spool, records
from weir_server.telemetry.log import Log

BATCH_MAX: Final = 500
COMMIT_INTERVAL_S: Final = 0.005
"""While many calls are open, transactions begin no faster than this, so that more share one."""
MANY_CALLS: Final = 8
CONFLICTS_MAX: Final = 20
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 2.0
"""How long to wait before the database is tried again: twice as long each time."""


class Listener(Protocol):
    """Hears what came of operations. Called in the writer's thread."""

    def booked(
        self, outcomes: Sequence[tuple[Operation, WeirError | None]], reached: Sequence[Reached]
    ) -> None:
        """Operations are on disk, or refused."""
        ...

    def failed(self, operations: Sequence[Operation]) -> None:
        """The database is away; whether these were booked, nobody knows."""
        ...

    def returned(self) -> None:
        """The database is there again, and what the spool held is booked."""
        ...

    def open_calls(self) -> int:
        """How many calls are open."""
        ...


class Writer:
    """The thread that writes. `start` it, `post` to it, `close` it."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        spool: Spool,
        listener: Listener,
        *,
        clock: Clock,
        log: Log,
    ) -> None:
        self._open_session = open_session
        self._spool = spool
        self._listener = listener
        self._clock = clock
        self._log = log
        self._mailbox: Mailbox[Operation] = Mailbox()
        self._thread = threading.Thread(target=self._run, name="weir-ledger", daemon=True)
        self._closing = False
        self._batch: list[Operation] = []
        self._session: Session | None = None
        self._newest: dict[tuple[str, int], int] = {}
        self._is_away = False
        self._is_broken = False
        self._retry_s = RETRY_FIRST_S
        self._retry_at_s = 0.0
        self._began_s = 0.0
        self.commits = 0
        """Transactions that wrote something, each with one sync."""
        self.operations = 0

    def start(self) -> None:
        """Begin to take work."""
        self._thread.start()

    def post(self, operations: Iterable[Operation]) -> None:
        """Hand over operations, in their order."""
        self._mailbox.post_all(operations)

    def nudge(self) -> None:
        """Say that there is something in the spool."""
        self._mailbox.nudge()

    def close(self, timeout_s: float) -> bool:
        """Book what was posted and end; False: the database takes longer than that. Blocks."""
        self._closing = True
        self._mailbox.nudge()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def left(self) -> list[Operation]:
        """Take, after `close`, what was posted too late for it or is still not booked."""
        return [each for each in (*self._batch, *self._mailbox.rest()) if not each.answered]

    def _run(self) -> None:
        try:
            while not (self._closing and not len(self._mailbox)):
                self._batch = self._gather(self._mailbox.take(self._patience_s()))
                self._turn(self._batch)
        except BaseException as fault:
            # Without this thread nothing is booked: whoever waits is told, and who comes.
            self._log.fault("ledger_writer_fault", fault)
            self._is_away = self._is_broken = True
            self._listener.failed(self._batch)
            raise
        finally:
            self._hang_up()

    def _patience_s(self) -> float | None:
        if self._is_broken or not (self._is_away or self._spool.held_bytes):
            return None
        return max(0.0, self._retry_at_s - self._clock.monotonic_s())

    def _gather(self, batch: list[Operation]) -> list[Operation]:
        """Wait for more, if a transaction has only just begun and many calls are open."""
        if batch and self._listener.open_calls() >= MANY_CALLS:
            rest_s = self._began_s + COMMIT_INTERVAL_S - self._clock.monotonic_s()
            if rest_s > 0:
                self._pause(rest_s)
                batch += self._mailbox.rest()
        return [operation for operation in batch if not operation.diverted]

    def _turn(self, batch: list[Operation]) -> None:
        is_due = self._clock.monotonic_s() >= self._retry_at_s
        if self._is_broken or (self._is_away and not is_due):
            self._listener.failed(batch)
            return
        try:
            if self._is_away:
                self._probe()
            for first in range(0, len(batch), BATCH_MAX):
                self._book_and_tell(batch[first : first + BATCH_MAX])
            has_spooled = self._spool.held_bytes > 0 and is_due
            if has_spooled:
                self._replay()
            if has_spooled or not batch:
                # Who gave up waiting in the meantime hears that the database answers.
                self._listener.booked((), ())
        except StoreAway as failure:
            self._leave(failure)
            self._listener.failed([each for each in batch if not each.answered])
            return
        if self._is_away:
            self._is_away = False
            self._retry_s = RETRY_FIRST_S
            self._log.event("ledger_returned")
            self._listener.returned()

    def _book_and_tell(self, batch: Sequence[Operation]) -> None:
        try:
            booked = self._book(batch)
        except Unbookable as failure:
            if len(batch) == 1:
                self._log.fault("ledger_refuses_row", failure)
                booked = Booked(outcomes=[InternalError()])
            else:
                # One of them is to blame; the others are not to suffer from it.
                for operation in batch:
                    self._book_and_tell([operation])
                return
        for operation in batch:
            operation.answered = True
        self._listener.booked(list(zip(batch, booked.outcomes)), booked.reached)

    def _book(self, batch: Sequence[Operation], *, doubtful: bool = False) -> Booked:
        self._began_s = self._clock.monotonic_s()
        for repeats in range(CONFLICTS_MAX):
            session = self._connected()
            try:
                booked = book(session, batch, newest=self._newest, doubtful=doubtful)
            except (Conflict, Unbookable) as failure:
                session.rollback()
                if isinstance(failure, Unbookable):
                    raise
                doubtful = True
                # Two processes that met once would meet again if both came back at once.
                self._pause(min(0.001 * 2**repeats, 0.1))
                continue
            self.operations += len(batch)
            self.commits += booked.wrote
            return booked
        raise StoreAway

    def _replay(self) -> None:
        """Book what the spool holds, however much of it was booked before."""
        for segment in self._spool.seal():
            pending = [Operation.of_record(record) for record in records(segment)]
            for first in range(0, len(pending), BATCH_MAX):
                batch = pending[first : first + BATCH_MAX]
                try:
                    self._book(batch, doubtful=True)
                except Unbookable:
                    self._replay_singly(batch)
                # Who calls meanwhile does not wait for all of it.
                if waiting := self._gather(self._mailbox.rest()):
                    self._book_and_tell(waiting)
            self._spool.remove(segment)
            self._log.event("ledger_spool_booked", operations=len(pending))

    def _replay_singly(self, batch: Sequence[Operation]) -> None:
        for operation in batch:
            try:
                self._book([operation], doubtful=True)
            except Unbookable as failure:
                self._log.fault("ledger_refuses_row", failure)

    def _connected(self) -> Session:
        if self._session is None:
            self._session = self._open_session()
        return self._session

    def _probe(self) -> None:
        session = self._connected()
        session.begin()
        session.rollback()

    def _leave(self, failure: StoreAway) -> None:
        """Note that the database is away, and when to try it again."""
        if not self._is_away:
            self._log.fault("ledger_away", failure)
        self._is_away = True
        self._is_broken = self._is_broken or isinstance(failure, StoreBroken)
        self._retry_at_s = self._clock.monotonic_s() + self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)
        self._hang_up()

    def _hang_up(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _pause(self, seconds: float) -> None:
        threading.Event().wait(seconds)
